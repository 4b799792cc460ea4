/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "process/mappings.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/clock.h"

#define FIRST_ROOM (256u << 10)
#define MOST_TEXT (256u << 20) /* a million mappings with long names */

static bool is_late(uint64_t until_ns)
{
	return until_ns && clock_ns(CLOCK_MONOTONIC) >= until_ns;
}

static int read_text(int fd, char **text, uint64_t until_ns)
{
	size_t room = FIRST_ROOM, len = 0;
	char *grown;
	ssize_t n;

	*text = malloc(room);
	while (*text) {
		n = read(fd, *text + len, room - len - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		len += (size_t)n;
		(*text)[len] = '\0';
		if (!n)
			return len ? 0 : -ESRCH;
		if (is_late(until_ns))
			return -ETIME;
		if (room - len > 4096)
			continue;
		if (room >= MOST_TEXT)
			return -E2BIG;
		grown = realloc(*text, 2 * room);
		if (!grown)
			break;
		*text = grown;
		room *= 2;
	}
	return -ENOMEM;
}

/* The kernel writes a newline in a path as \012. */
static void unescape(char *path)
{
	char *to = path;

	for (; *path; path++) {
		if (!strncmp(path, "\\012", 4)) {
			*to++ = '\n';
			path += 3;
		} else {
			*to++ = *path;
		}
	}
	*to = '\0';
}

static bool parse_line(char *line, struct mapping *m)
{
	unsigned int major, minor;
	int path_at = 0;
	char rights[5];

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64 " %n", &m->start,
		   &m->end, rights, &m->offset, &major, &minor, &m->ino, &path_at) != 7 ||
	    m->end <= m->start)
		return false;
	m->dev = makedev(major, minor);
	m->readable = strchr(rights, 'r');
	m->writable = strchr(rights, 'w');
	m->executable = strchr(rights, 'x');
	m->shared = strchr(rights, 's');
	unescape(line + path_at);
	m->path = line + path_at;
	return true;
}

static int parse(struct mappings *m, uint64_t until_ns)
{
	char *line, *end, *at;
	size_t lines = 0;

	for (at = m->text; (at = strchr(at, '\n')); at++)
		lines++;
	m->list = calloc(lines + 1, sizeof(*m->list));
	if (!m->list)
		return -ENOMEM;
	for (line = m->text; (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		m->n += parse_line(line, &m->list[m->n]);
		if (is_late(until_ns))
			return -ETIME;
	}
	return 0;
}

FILE *mappings_open(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	return fopen(path, "re");
}

bool mappings_next(FILE *f, char **line, size_t *cap, struct mapping *m)
{
	while (getline(line, cap, f) > 0) {
		(*line)[strcspn(*line, "\n")] = '\0';
		if (parse_line(*line, m))
			return true;
	}
	return false;
}

int mappings_read(struct mappings *m, pid_t pid, uint64_t until_ns)
{
	char path[64];
	int fd, r;

	memset(m, 0, sizeof(*m));
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = read_text(fd, &m->text, until_ns);
	close(fd);
	return r ? r : parse(m, until_ns);
}

void mappings_free(struct mappings *m)
{
	free(m->list);
	free(m->text);
	memset(m, 0, sizeof(*m));
}

bool mapping_has_file(const struct mapping *m)
{
	return m->path[0] == '/';
}
