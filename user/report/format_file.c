/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "report/format.h"

/*
 * A file-size limit must come back as EFBIG and not kill the tool half-way. The signal is kept off
 * this thread only while the document is written: ignoring it for good would be inherited by a
 * command that the tool starts.
 */
static void fsize_block(sigset_t *saved)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGXFSZ);
	pthread_sigmask(SIG_BLOCK, &set, saved);
}

static void fsize_restore(const sigset_t *saved)
{
	const struct timespec now = {0};
	int keep = errno;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGXFSZ);
	if (!sigismember(saved, SIGXFSZ))
		while (sigtimedwait(&set, NULL, &now) == SIGXFSZ)
			;
	pthread_sigmask(SIG_SETMASK, saved, NULL);
	errno = keep;
}

/* Takes fd over. sync is for regular files: a pipe or terminal has nothing to sync. */
struct document {
	const struct report *report;
	enum report_format format;
	const struct print_options *options;
};

static int write_fd(int fd, const struct document *document, bool sync)
{
	FILE *out = fdopen(fd, "w");
	int rc;

	if (!out) {
		rc = -errno;
		close(fd);
		return rc;
	}
	rc = format_print(out, document->report, document->format, document->options);
	if (!rc && sync && fsync(fd))
		rc = -errno;
	if (fclose(out) && !rc)
		rc = -errno;
	return rc;
}

static int sync_directory(const char *path)
{
	char copy[PATH_MAX];
	int fd, rc = 0;

	if (strlen(path) >= sizeof(copy))
		return -ENAMETOOLONG;
	strcpy(copy, path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return 0; /* a directory that may be written but not read: the rename stands, only
			     later on disk */
	if (fsync(fd) && errno != EINVAL)
		rc = -errno;
	close(fd);
	return rc;
}

/* mkstemp makes the file private; a report is as readable as any other output of the user. */
static int temporary_open(char *path)
{
	int fd = mkostemp(path, O_CLOEXEC);
	mode_t mask;

	if (fd < 0)
		return -errno;
	mask = umask(0);
	umask(mask);
	if (fchmod(fd, 0666 & ~mask)) {
		int rc = -errno;

		close(fd);
		unlink(path);
		return rc;
	}
	return fd;
}

static int write_atomically(const char *path, const struct document *document)
{
	char temporary[PATH_MAX];
	int n = snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path);
	int fd, rc;

	if (n < 0 || (size_t)n >= sizeof(temporary))
		return -ENAMETOOLONG;
	fd = temporary_open(temporary);
	if (fd < 0)
		return fd;
	rc = write_fd(fd, document, true);
	if (!rc && rename(temporary, path))
		rc = -errno;
	if (rc) {
		unlink(temporary);
		return rc;
	}
	return sync_directory(path);
}

/*
 * A symbolic link keeps pointing where it did: its target is replaced. What is no regular file (a
 * pipe, /dev/stdout, /dev/null) is written to, never replaced.
 */
static int write_path(const char *path, const struct document *document)
{
	char resolved[PATH_MAX];
	struct stat st;
	int fd;

	if (stat(path, &st))
		return errno == ENOENT ? write_atomically(path, document) : -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode)) {
		fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
		return fd < 0 ? -errno : write_fd(fd, document, false);
	}
	if (!realpath(path, resolved))
		return -errno;
	return write_atomically(resolved, document);
}

int format_write(const char *path, const struct report *report, enum report_format format,
		 const struct print_options *options)
{
	const struct document document = {report, format, options};
	sigset_t saved;
	int rc;

	fsize_block(&saved);
	rc = write_path(path, &document);
	fsize_restore(&saved);
	return rc;
}
