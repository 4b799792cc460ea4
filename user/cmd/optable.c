/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "cmd/optable.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cmd/options.h"

#define ROWS_MAX 64
#define HELP_COLUMN 26
#define HELP_WIDTH 84
#define TEXT_MAX 1024
/* getopt's value of row i is ROW_BASE + i: outside the letters. */
#define ROW_BASE 256

static const struct option_row help_row = {
	.name = "help", .letter = 'h', .help = "show this help and end"};

int option_usage_error(const struct option_table *table, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_error("%s: %s (see maprace %s --help)", table->command, text, table->command);
	return EXIT_USAGE;
}

static void print_indented(const char *text, int column, int indent)
{
	for (; *text; text++) {
		if (column < indent) {
			printf("%*s", indent - column, "");
			column = indent;
		}
		putchar(*text);
		if (*text == '\n')
			column = 0;
	}
	putchar('\n');
}

/* What expects or help says, with the list that %s stands for. */
static const char *fill(const struct option_row *row, const char *text, char out[TEXT_MAX])
{
	const char *at = row->list ? strstr(text, "%s") : NULL;

	if (!at)
		return text;
	snprintf(out, TEXT_MAX, "%.*s%s%s", (int)(at - text), text, row->list(), at + 2);
	return out;
}

/* One paragraph in the columns from HELP_COLUMN on; column: where the cursor is. */
static void print_wrapped(const char *text, int column)
{
	while (*text) {
		int n = (int)strcspn(text, " ");
		bool first = column <= HELP_COLUMN;

		if (!first && column + 1 + n > HELP_WIDTH) {
			putchar('\n');
			column = 0;
			first = true;
		}
		column += printf("%*s%.*s", first ? HELP_COLUMN - column : 1, "", n, text);
		text += n + (text[n] == ' ');
	}
	putchar('\n');
}

static void print_row(const struct option_row *row)
{
	char left[80], text[TEXT_MAX];
	int n;

	if (row->letter)
		n = snprintf(left, sizeof(left), "  -%c, --%s", row->letter, row->name);
	else
		n = snprintf(left, sizeof(left), "      --%s", row->name);
	if (row->arg)
		n += snprintf(left + n, sizeof(left) - (size_t)n, " %s", row->arg);
	fputs(left, stdout);
	if (n > HELP_COLUMN - 2) {
		putchar('\n');
		n = 0;
	}
	print_wrapped(fill(row, row->help, text), n);
}

static int print_help(const struct option_table *table)
{
	size_t i;

	fputs("Usage: ", stdout);
	print_indented(table->usage, 7, 7);
	printf("\n%s\n\nOptions:\n", table->about);
	for (i = 0; i < table->nrows; i++)
		print_row(&table->rows[i]);
	print_row(&help_row);
	if (table->after)
		printf("\n%s\n", table->after);
	return fflush(stdout) ? EXIT_TOOL : EXIT_NOTHING;
}

static void add_option(struct option *longs, size_t i, char **shorts, const struct option_row *row)
{
	longs[i].name = row->name;
	longs[i].has_arg = row->arg ? required_argument : no_argument;
	longs[i].val = ROW_BASE + (int)i;
	if (!row->letter)
		return;
	*(*shorts)++ = row->letter;
	if (row->arg)
		*(*shorts)++ = ':';
}

/* longs has room for the rows, help and the end; shorts for all letters. */
static void make_options(const struct option_table *table, struct option *longs, char *shorts)
{
	size_t i;

	memset(longs, 0, (table->nrows + 2) * sizeof(*longs));
	if (table->stop_early)
		*shorts++ = '+';
	*shorts++ = ':';
	for (i = 0; i < table->nrows; i++)
		add_option(longs, i, &shorts, &table->rows[i]);
	add_option(longs, i, &shorts, &help_row);
	*shorts = '\0';
}

static const struct option_row *find_row(const struct option_table *table, int value)
{
	size_t i;

	if (value >= ROW_BASE && (size_t)(value - ROW_BASE) < table->nrows)
		return &table->rows[value - ROW_BASE];
	if (value == ROW_BASE + (int)table->nrows || value == help_row.letter)
		return &help_row;
	for (i = 0; i < table->nrows; i++)
		if (table->rows[i].letter && value == table->rows[i].letter)
			return &table->rows[i];
	return NULL;
}

/* getopt leaves in optopt what it choked on: a letter, a long option's value, or 0 for an unknown
 * or ambiguous long one. */
static int explain_unknown(const struct option_table *table, char **argv)
{
	const struct option_row *row = optopt >= ROW_BASE ? find_row(table, optopt) : NULL;

	if (row)
		return option_usage_error(table, "--%s takes no argument", row->name);
	if (optopt)
		return option_usage_error(table, "unknown option '-%c'", optopt);
	return option_usage_error(table, "unknown or ambiguous option '%s'", argv[optind - 1]);
}

static int explain_value(const struct option_table *table, const struct option_row *row,
			 const char *arg, int rc)
{
	char text[TEXT_MAX];

	if (rc == -ENOMEM)
		return option_usage_error(table, "--%s: out of memory", row->name);
	if (rc == -ERANGE)
		return option_usage_error(table, "--%s: '%s' is out of range, it takes %s",
					  row->name, arg, fill(row, row->expects, text));
	return option_usage_error(table, "--%s: '%s' is not %s", row->name, arg,
				  fill(row, row->expects, text));
}

int option_table_parse(const struct option_table *table, int argc, char **argv, void *options,
		       int *rest)
{
	struct option longs[ROWS_MAX + 2];
	char shorts[2 * ROWS_MAX + 8], text[TEXT_MAX];
	const struct option_row *row;
	int value, rc;

	if (table->nrows > ROWS_MAX)
		abort();
	make_options(table, longs, shorts);
	opterr = 0;
	optind = 0; /* glibc: start over, forget what an earlier scan permuted */
	while ((value = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		if (value == '?')
			return explain_unknown(table, argv);
		row = find_row(table, value == ':' ? optopt : value);
		if (!row)
			return explain_unknown(table, argv);
		if (value == ':')
			return option_usage_error(table, "--%s needs an argument, %s", row->name,
						  fill(row, row->expects, text));
		if (row == &help_row)
			return print_help(table);
		rc = row->parse((char *)options + row->offset, optarg);
		if (rc)
			return explain_value(table, row, optarg, rc);
	}
	*rest = optind;
	return OPTIONS_RUN;
}
