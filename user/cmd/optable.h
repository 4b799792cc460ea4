/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_CMD_OPTABLE_H
#define MAPRACE_CMD_OPTABLE_H

#include <stdbool.h>
#include <stddef.h>

/* What --format takes. */
#define OPTION_FORMATS "text, json, jsonl, sarif, junit, html or mrec"

/*
 * A command's options as a table, from which both the parser and the --help text are made, so that
 * the two cannot differ. -h/--help is added by itself.
 */
struct option_row {
	const char *name; /* long name */
	char letter;	  /* short form, or 0 */
	const char *arg;  /* name of the argument in the help; NULL: takes none */
	/* Stores the value; 0 or a negative errno as cmd/values.h has them. arg is NULL for options
	 * that take none. */
	int (*set)(void *options, const char *arg);
	const char *
		expects; /* what a good argument is, for the error line: "a number from 0 to 255" */
	const char *help; /* lines separated by \n */
};

struct option_table {
	const char *command; /* "watch" */
	const char *usage;   /* lines after "Usage: ", separated by \n */
	const char *about;   /* paragraph below the usage */
	const char *after;   /* text after the options, or NULL */
	bool stop_early;     /* what follows the first other argument belongs to somebody else */
	const struct option_row *rows;
	size_t nrows;
};

/*
 * Parses argv[1..]. Returns OPTIONS_RUN with *rest the index of the first argument that is no
 * option, or an exit status. Options after that argument are taken as well (argv is permuted)
 * unless the table says stop_early.
 */
int option_table_parse(const struct option_table *table, int argc, char **argv, void *options,
		       int *rest);

/* "maprace watch: …; see …" on standard error; returns EXIT_USAGE. */
int option_usage_error(const struct option_table *table, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
