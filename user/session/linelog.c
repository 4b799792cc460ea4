/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "session/linelog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/output_file.h"

struct linelog {
	char *path; /* NULL: standard output */
	int fd;	    /* -1: it could not be opened */
	uint64_t most, size;
	unsigned int files;
	struct linelog_counts counts;
	bool said; /* that it fails */
};

static void complain(struct linelog *log, int error)
{
	if (!log->said)
		log_error("%s: %s; lines are lost until that is put right",
			  log->path ? log->path : "standard output", err_name(error));
	log->said = true;
}

/* What others have put in our way is refused, as for reports. */
static int open_file(struct linelog *log)
{
	struct stat st;

	if (!log->path) {
		log->fd = STDOUT_FILENO;
		return 0;
	}
	if (output_is_foreign(log->path))
		return -EACCES;
	log->fd = open(log->path,
		       O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0640);
	if (log->fd < 0)
		return -errno;
	if (fstat(log->fd, &st))
		return -errno;
	log->size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
	return 0;
}

static void close_file(struct linelog *log)
{
	if (log->path && log->fd >= 0)
		close(log->fd);
	log->fd = -1;
}

int linelog_open(struct linelog **out, const char *path, uint64_t most, unsigned int files,
		 struct err *err)
{
	struct linelog *log = calloc(1, sizeof(*log));
	int r;

	if (!log)
		return -ENOMEM;
	log->fd = -1;
	log->most = most;
	log->files = files;
	log->path = strcmp(path, "-") ? strdup(path) : NULL;
	r = log->path || !strcmp(path, "-") ? open_file(log) : -ENOMEM;
	if (r) {
		linelog_close(log);
		return err_set(err, r, "%s: %s", path, err_name(r));
	}
	*out = log;
	return 0;
}

static void reopen(struct linelog *log)
{
	int r;

	close_file(log);
	r = open_file(log);
	if (r)
		complain(log, r);
}

/* FILE.2 becomes FILE.3, FILE.1 FILE.2, FILE itself FILE.1. */
static void rotate(struct linelog *log)
{
	size_t len = strlen(log->path) + 16;
	char *from = malloc(len), *to = malloc(len);
	unsigned int i;

	for (i = log->files; from && to && i; i--) {
		if (i > 1)
			snprintf(from, len, "%s.%u", log->path, i - 1);
		else
			snprintf(from, len, "%s", log->path);
		snprintf(to, len, "%s.%u", log->path, i);
		(void)rename(from, to);
	}
	if (!log->files)
		(void)unlink(log->path);
	free(from);
	free(to);
	log->counts.rotations++;
	reopen(log);
}

/* No part of a line stays, where that can be helped. */
static void take_back(const struct linelog *log)
{
	if (log->path && ftruncate(log->fd, (off_t)log->size))
		log_verbose("%s: cannot take back a part of a line: %s", log->path,
			    err_name(errno));
}

static bool write_all(struct linelog *log, const char *line, size_t len)
{
	size_t at = 0;
	ssize_t n;

	while (at < len) {
		n = write(log->fd, line + at, len - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			complain(log, n ? errno : EIO);
			if (at)
				take_back(log);
			return false;
		}
		at += (size_t)n;
	}
	return true;
}

void linelog_write(struct linelog *log, const char *line, size_t len)
{
	if (log->path && log->most && log->size && log->size + len > log->most)
		rotate(log);
	if (log->fd < 0)
		reopen(log);
	if (log->fd < 0 || !write_all(log, line, len)) {
		log->counts.lost++;
		return;
	}
	log->size += len;
	log->counts.lines++;
	log->said = false;
}

void linelog_look(struct linelog *log)
{
	struct stat ours, there;

	if (!log->path)
		return;
	if (log->fd >= 0 && !fstat(log->fd, &ours) && !stat(log->path, &there) &&
	    ours.st_ino == there.st_ino && ours.st_dev == there.st_dev) {
		if (S_ISREG(ours.st_mode)) /* somebody may have emptied it: copytruncate */
			log->size = (uint64_t)ours.st_size;
		return;
	}
	reopen(log);
}

void linelog_count(const struct linelog *log, struct linelog_counts *counts)
{
	*counts = log->counts;
}

void linelog_close(struct linelog *log)
{
	if (!log)
		return;
	close_file(log);
	free(log->path);
	free(log);
}
