/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "report/text/source.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/open_file.h"

#define FILE_MAX (4u << 20)
#define PIECE 8192
#define ENDS_TRIED 32
/* Whose file system takes its time is waited for, for so long in all, and after that for one part
 * in twenty of the time: lines are quoted while others are to be looked after. */
#define SLOW_NS 50000000u /* nothing that is counted */
#define ALLOWED_NS 1000000000u
#define REGAINED 20

static bool is_go(const char *name)
{
	size_t n = strlen(name);

	return n > 3 && !strcmp(name + n - 3, ".go");
}

/* Does what was found have a name that ends in .go? A link must not lead to another kind of file. */
static bool is_source(int found)
{
	char link[64], real[PATH_MAX];
	struct file_identity of;
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", found);
	n = readlink(link, real, sizeof(real) - 1);
	if (n <= 0 || file_identify_open(found, &of) || !S_ISREG(of.mode) || of.size > FILE_MAX)
		return false;
	real[n] = '\0';
	return is_go(real);
}

/* A file descriptor, or negative. */
static int open_source(const char *path)
{
	int found = file_find_strange(path), fd;

	if (found < 0)
		return found;
	fd = is_source(found) ? file_open_found(found) : -ENOENT;
	close(found);
	return fd;
}

/* Below root: the whole name first, then less and less of its front. */
static int open_below(const char *root, const char *file, uint64_t until_ns)
{
	char path[PATH_MAX];
	int in = -ENOENT, tries;

	for (tries = 0; file && in < 0 && tries < ENDS_TRIED; tries++) {
		while (*file == '/')
			file++;
		if (!strncmp(file, "../", 3) || strstr(file, "/../") ||
		    clock_ns(CLOCK_MONOTONIC) > until_ns)
			return -ENOENT;
		if (snprintf(path, sizeof(path), "%s/%s", root, file) < (int)sizeof(path))
			in = open_source(path);
		file = strchr(file, '/');
	}
	return in;
}

static int read_line(const char *file, int line, const char *root, uint64_t until_ns,
		     char out[SOURCE_LINE])
{
	char piece[PIECE];
	size_t n = 0, i;
	ssize_t got = 0;
	uint64_t offset = 0;
	int in = -ENOENT, at = 1;

	if (file[0] == '/')
		in = open_source(file);
	if (in < 0 && root)
		in = open_below(root, file, until_ns);
	if (in < 0)
		return -ENOENT;
	while (at <= line && offset < FILE_MAX && clock_ns(CLOCK_MONOTONIC) < until_ns &&
	       (got = file_read_at(in, piece, sizeof(piece), offset)) > 0) {
		for (i = 0; i < (size_t)got && at <= line; i++) {
			if (piece[i] == '\n')
				at++;
			else if (at == line && n < SOURCE_LINE - 1)
				out[n++] = piece[i];
		}
		offset += (uint64_t)got;
	}
	file_close(in);
	if (got > 0 && at <= line)
		n = 0; /* not to its end */
	while (n && isspace((unsigned char)out[n - 1]))
		n--;
	out[n] = '\0';
	return n ? 0 : -ENOENT;
}

int source_line(const char *file, int line, const char *root, char out[SOURCE_LINE])
{
	static uint64_t waited_ns, at_ns;
	uint64_t from = clock_ns(CLOCK_MONOTONIC), took, regained = (from - at_ns) / REGAINED;
	int r;

	if (!file || !is_go(file) || line <= 0)
		return -ENOENT;
	waited_ns -= regained < waited_ns ? regained : waited_ns;
	at_ns = from;
	if (waited_ns >= ALLOWED_NS)
		return -ETIME;
	r = read_line(file, line, root, from + ALLOWED_NS - waited_ns, out);
	took = clock_ns(CLOCK_MONOTONIC) - from;
	if (took > SLOW_NS)
		waited_ns += took;
	return r;
}

/* --- the map's expression --- */

static bool is_name(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '.' || (unsigned char)c >= 0x80;
}

/* The length of what is in brackets from here on, the brackets counted; 0 when they do not close. */
static size_t bracketed(const char *s, char open, char close)
{
	size_t depth = 0, i;

	for (i = 0; s[i]; i++) {
		depth += s[i] == open;
		if (s[i] == close && !--depth)
			return i + 1;
	}
	return 0;
}

static bool assigns(const char *after)
{
	while (*after == ' ' || *after == '\t')
		after++;
	if (!strncmp(after, "++", 2) || !strncmp(after, "--", 2))
		return true;
	if (*after && strchr("+-*/%&|^", *after))
		after++;
	return after[0] == '=' && after[1] != '=';
}

static void mark_call(const char *line, const char *word, size_t *from, size_t *len)
{
	const char *at = strstr(line, word);
	size_t n = at ? bracketed(at + strlen(word) - 1, '(', ')') : 0;

	if (!n)
		return;
	*from = (size_t)(at - line);
	*len = strlen(word) - 1 + n;
}

static void mark_range(const char *line, size_t *from, size_t *len)
{
	const char *at = strstr(line, "range "), *end = at ? strrchr(at, '{') : NULL;

	if (!end)
		return;
	while (end > at && isspace((unsigned char)end[-1]))
		end--;
	*from = (size_t)(at - line);
	*len = (size_t)(end - at);
}

/* NAME[...], followed by an assignment when it is written, else not. */
static void mark_index(const char *line, bool written, size_t *from, size_t *len)
{
	size_t i, start, n;

	for (i = 0; line[i]; i++) {
		if (line[i] != '[' || !i || !is_name(line[i - 1]))
			continue;
		for (start = i; start && is_name(line[start - 1]); start--)
			;
		n = bracketed(&line[i], '[', ']');
		if (!n || (i - start == 3 && !strncmp(&line[start], "map", 3)))
			continue;
		if (assigns(&line[i + n]) != written)
			continue;
		*from = start;
		*len = i + n - start;
		return;
	}
}

void source_mark(const char *line, enum report_op op, size_t *from, size_t *len)
{
	*from = *len = 0;
	switch (op) {
	case REPORT_READ:
		mark_index(line, false, from, len);
		break;
	case REPORT_WRITE:
		mark_index(line, true, from, len);
		break;
	case REPORT_DELETE:
		mark_call(line, "delete(", from, len);
		break;
	case REPORT_CLEAR:
		mark_call(line, "clear(", from, len);
		break;
	case REPORT_ITERATE:
		mark_range(line, from, len);
		break;
	case REPORT_CLONE:
		mark_call(line, "Clone(", from, len);
		break;
	}
}
