/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/output_file.h"
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

struct document {
	int (*print)(FILE *out, const void *arg);
	const void *arg;
};

/* sync is for regular files: a pipe or terminal has nothing to sync. */
static int write_fd(int fd, const struct document *document, bool sync)
{
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 0), rc;
	FILE *out = own < 0 ? NULL : fdopen(own, "w");

	if (!out) {
		rc = -errno;
		if (own >= 0)
			close(own);
		return rc;
	}
	rc = document->print(out, document->arg);
	if (!rc && sync && fsync(fd))
		rc = -errno;
	if (fclose(out) && !rc)
		rc = -errno;
	return rc;
}

/*
 * A report is as readable as any other output of the user; one that takes a file's place as that
 * was, of the same owner where we may give it away.
 */
static int set_access(int fd, const struct output_place *place)
{
	mode_t mode, mask;

	if (place->found < 0) {
		mask = umask(0);
		umask(mask);
		return fchmod(fd, 0666 & ~mask) ? -errno : 0;
	}
	mode = place->st.st_mode & 0777;
	if (fchown(fd, -1, place->st.st_gid))
		mode &= ~(mode_t)070; /* what the group might do is not for ours */
	if (fchmod(fd, mode))	      /* while it is ours */
		return -errno;
	if (place->st.st_uid != geteuid())
		(void)!fchown(fd, place->st.st_uid, -1);
	return 0;
}

static int write_atomically(const struct output_place *place, const struct document *document)
{
	char temporary[NAME_MAX + 1];
	int fd, rc;

	fd = output_temporary(place, temporary);
	if (fd < 0)
		return fd;
	rc = set_access(fd, place);
	if (!rc)
		rc = write_fd(fd, document, true);
	return output_finish(place, temporary, fd, rc);
}

/*
 * A symbolic link keeps pointing where it did: its target is replaced. What is no regular file (a
 * pipe, /dev/stdout, /dev/null) is written to, never replaced.
 */
static int write_path(const char *path, const struct document *document)
{
	struct output_place place;
	int fd, rc = output_find(path, &place);

	if (rc)
		return rc;
	if (place.found < 0 || S_ISREG(place.st.st_mode)) {
		rc = write_atomically(&place, document);
	} else {
		fd = output_open_found(&place);
		rc = fd < 0 ? fd : write_fd(fd, document, false);
		if (fd >= 0 && close(fd) && !rc)
			rc = -errno;
	}
	output_release(&place);
	return rc;
}

int format_write_by(const char *path, int (*print)(FILE *out, const void *arg), const void *arg)
{
	const struct document document = {print, arg};
	sigset_t saved;
	int rc;

	fsize_block(&saved);
	rc = write_path(path, &document);
	fsize_restore(&saved);
	return rc;
}

struct formatted {
	const struct report *report;
	enum report_format format;
	const struct print_options *options;
};

static int print_formatted(FILE *out, const void *arg)
{
	const struct formatted *f = arg;

	return format_print(out, f->report, f->format, f->options);
}

int format_write(const char *path, const struct report *report, enum report_format format,
		 const struct print_options *options)
{
	const struct formatted f = {report, format, options};

	return format_write_by(path, print_formatted, &f);
}
