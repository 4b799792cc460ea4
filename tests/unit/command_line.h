/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_TESTS_COMMAND_LINE_H
#define MAPRACE_TESTS_COMMAND_LINE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/commands.h"
#include "cmd/options.h"

/*
 * Everything that goes to standard output and standard error while a command line is parsed lands
 * in these two. The real descriptors are put aside, because help is printed with stdio and errors
 * by the log.
 */
static char out[65536], errors[4096];

struct capture {
	int saved[2];
	FILE *file[2];
};

static inline void capture_begin(struct capture *c)
{
	int i;

	fflush(stdout);
	fflush(stderr);
	for (i = 0; i < 2; i++) {
		c->file[i] = tmpfile();
		assert_non_null(c->file[i]);
		c->saved[i] = dup(i + 1);
		assert_true(dup2(fileno(c->file[i]), i + 1) >= 0);
	}
}

static inline void capture_end(struct capture *c)
{
	char *text[2] = {out, errors};
	size_t room[2] = {sizeof(out), sizeof(errors)}, n;
	int i;

	fflush(stdout);
	fflush(stderr);
	for (i = 0; i < 2; i++) {
		dup2(c->saved[i], i + 1);
		close(c->saved[i]);
		rewind(c->file[i]);
		n = fread(text[i], 1, room[i] - 1, c->file[i]);
		text[i][n] = '\0';
		fclose(c->file[i]);
	}
}

/* A command line from words separated by blanks; argv[0] is the first. */
struct words {
	char text[512];
	char *argv[32];
	int argc;
};

static inline void split(struct words *w, const char *line)
{
	char *word, *rest = w->text;

	memset(w, 0, sizeof(*w));
	snprintf(w->text, sizeof(w->text), "%s", line);
	while ((word = strsep(&rest, " ")))
		w->argv[w->argc++] = word;
}

/* `maprace` and what follows, in line; the words are w's. */
static inline int global(struct words *w, const char *line, const struct command **command)
{
	struct capture c;
	int rc, at = 0;

	split(w, line);
	capture_begin(&c);
	rc = command_parse(w->argc, w->argv, command, &at);
	capture_end(&c);
	if (rc == OPTIONS_RUN)
		assert_int_equal(at, 1);
	return rc;
}

static inline char *read_file(const char *path)
{
	char *text = calloc(1, 65536);
	FILE *f = fopen(path, "r");

	assert_non_null(text);
	assert_non_null(f);
	assert_true(fread(text, 1, 65535, f) > 0);
	fclose(f);
	return text;
}

#endif
