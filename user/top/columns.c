/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The columns of `maprace top`: a row each. */
#include <inttypes.h>
#include <string.h>

#include "base/escape.h"
#include "top/table.h"

#define CONTAINER_SHOWN 12 /* hex digits of its id, as Docker shows it */

void top_print_number(FILE *out, double n)
{
	static const char units[] = "kMGTPE";
	size_t i = 0;

	if (n < 99999.5) {
		fprintf(out, "%.0f", n);
		return;
	}
	for (n /= 1000; n >= 9999.5 && i + 1 < sizeof(units) - 1; i++)
		n /= 1000;
	fprintf(out, n < 999.95 ? "%.1f%c" : "%.0f%c", n, units[i]);
}

/* What the program is called, and what it was given. */
static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

static const char *where(const struct top_row *row)
{
	return row->container[0] ? row->container : row->pod[0] ? row->pod : row->unit;
}

#define COMPARES(name, member)                                             \
	static int name(const struct top_row *a, const struct top_row *b)  \
	{                                                                  \
		return a->member < b->member ? -1 : a->member > b->member; \
	}

COMPARES(by_pid, pid)
COMPARES(by_operations, operations_per_s)
COMPARES(by_maps, maps)
COMPARES(by_races, races)
COMPARES(by_racy, verdicts[REPORT_RACY])
COMPARES(by_ordered, verdicts[REPORT_ORDERED])
COMPARES(by_unproven, verdicts[REPORT_UNPROVEN])
COMPARES(by_unseen, unseen)
COMPARES(by_cost, cost_percent)

static int by_where(const struct top_row *a, const struct top_row *b)
{
	return strcmp(where(a), where(b));
}

static int by_command(const struct top_row *a, const struct top_row *b)
{
	int order = strcmp(base_name(a->exe), base_name(b->exe));

	return order ? order : strcmp(a->args, b->args);
}

static void print_pid(FILE *out, const struct top_row *row)
{
	fprintf(out, "%" PRIu32, row->pid);
}

static void print_operations(FILE *out, const struct top_row *row)
{
	if (row->ended)
		fputs("ended", out);
	else
		top_print_number(out, row->operations_per_s);
}

static void print_maps(FILE *out, const struct top_row *row)
{
	top_print_number(out, (double)row->maps);
}

static void print_races(FILE *out, const struct top_row *row)
{
	top_print_number(out, (double)row->races);
}

static void print_racy(FILE *out, const struct top_row *row)
{
	top_print_number(out, (double)row->verdicts[REPORT_RACY]);
}

static void print_ordered(FILE *out, const struct top_row *row)
{
	top_print_number(out, (double)row->verdicts[REPORT_ORDERED]);
}

static void print_unproven(FILE *out, const struct top_row *row)
{
	top_print_number(out, (double)row->verdicts[REPORT_UNPROVEN]);
}

static void print_unseen(FILE *out, const struct top_row *row)
{
	if (row->hits)
		fprintf(out, "%.0f%%", 100 * row->unseen);
	else
		fputc('-', out);
}

static void print_cost(FILE *out, const struct top_row *row)
{
	fprintf(out, "%.2f%%", row->cost_percent);
}

static void print_where(FILE *out, const struct top_row *row)
{
	char id[CONTAINER_SHOWN + 1];

	if (strspn(row->container, "0123456789abcdef") > CONTAINER_SHOWN) {
		snprintf(id, sizeof(id), "%s", row->container);
		fputs(id, out);
	} else {
		escape_text(out, where(row));
	}
}

static void print_command(FILE *out, const struct top_row *row)
{
	const char *rest = strchr(row->args, ' ');

	escape_text(out, base_name(row->exe));
	if (rest)
		escape_text(out, rest);
}

/* clang-format off */
static const struct top_column_info columns[TOP_COLUMNS] = {
	[TOP_PID]        = {"pid",        "PID",       7,   0, 'P', true,  by_pid,        print_pid},
	[TOP_OPERATIONS] = {"operations", "OPS/S",     7,   0, 'O', false, by_operations, print_operations},
	[TOP_MAPS]       = {"maps",       "MAPS",      6,  70, 'M', false, by_maps,       print_maps},
	[TOP_RACES]      = {"races",      "RACES",     5,   0, 'R', false, by_races,      print_races},
	[TOP_RACY]       = {"racy",       "RACY",      4,  76, 'Y', false, by_racy,       print_racy},
	[TOP_ORDERED]    = {"ordered",    "ORDERED",   7,  76, 'D', false, by_ordered,    print_ordered},
	[TOP_UNPROVEN]   = {"unproven",   "UNPROVEN",  8,  76, 'U', false, by_unproven,   print_unproven},
	[TOP_UNSEEN]     = {"unseen",     "UNSEEN",    6,  60, 'S', false, by_unseen,     print_unseen},
	[TOP_COST]       = {"cost",       "COST",      6,  50, 'C', false, by_cost,       print_cost},
	[TOP_WHERE]      = {"where",      "WHERE",    20, 110, 'W', true,  by_where,      print_where},
	[TOP_COMMAND]    = {"command",    "COMMAND",   0,   0, 'N', true,  by_command,    print_command},
};
/* clang-format on */

const struct top_column_info *top_column(enum top_column column)
{
	return &columns[column];
}

enum top_column top_column_named(const char *name)
{
	unsigned int i;

	for (i = 0; i < TOP_COLUMNS && strcmp(columns[i].name, name) != 0; i++)
		;
	return i;
}

enum top_column top_column_of_key(int key)
{
	unsigned int i;

	for (i = 0; i < TOP_COLUMNS && columns[i].key != key; i++)
		;
	return i;
}
