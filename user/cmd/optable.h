/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_CMD_OPTABLE_H
#define MAPRACE_CMD_OPTABLE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A command's options as a table, from which both the parser and the --help text are made, so that
 * the two cannot differ. -h/--help is added by itself.
 */
struct option_row {
	const char *name; /* long name */
	char letter;	  /* short form, or 0 */
	const char *arg;  /* name of the argument in the help; NULL: takes none */
	size_t offset;	  /* of what it sets, in the command's options */
	/* Stores the value; 0 or a negative errno as cmd/values.h has them. arg is NULL for options
	 * that take none. cmd/option_values.h has the usual ones, with their offsets. */
	int (*parse)(void *value, const char *arg);
	/* What %s stands for in expects and in help: a list made from another table, or NULL. */
	const char *(*list)(void);
	/* What a good argument is, for the error line: "a number from 0 to 255". */
	const char *expects;
	const char *help; /* one paragraph, wrapped when it is shown */
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
