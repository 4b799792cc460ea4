/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_TOP_TABLE_H
#define MAPRACE_TOP_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "model/model.h"

/*
 * The table of `maprace top`: a row for each Go process that is watched, and for each that has
 * ended with races in it. Plain data; names come from the processes and are not escaped in here.
 */
enum top_column {
	TOP_PID,
	TOP_OPERATIONS,
	TOP_MAPS,
	TOP_RACES,
	TOP_RACY,
	TOP_ORDERED,
	TOP_UNPROVEN,
	TOP_UNSEEN,
	TOP_COST,
	TOP_WHERE,
	TOP_COMMAND,
	TOP_COLUMNS
};

/* What is counted of a target beside what the report has; borrowed. */
struct top_work {
	uint32_t pid;
	bool ended;
	const void *target; /* as the report's races have it */
	const char *exe, *go_version;
	const char *args; /* where the report does not know the process; else NULL */
	uint64_t operations, holds, maps, spent_ns;
};

struct top_row {
	uint32_t pid;
	bool ended;
	char *exe, *args, *container, *pod, *unit, *go_version; /* owned, never NULL */
	double from_s;						/* since the watch began */
	/* since then: */
	uint64_t operations, holds, spent_ns;
	uint64_t maps;				/* that are known now */
	uint64_t verdicts[REPORT_UNPROVEN + 1]; /* of the maps that matter */
	uint64_t races, sightings;
	/* since the last time: */
	double operations_per_s, cost_percent;
	double unseen; /* part of its operations that went by while probes were away */
	uint64_t hits; /* that this is an estimate from */
};

#define TOP_FILTER 64 /* bytes, with the end */

struct top_table {
	struct top_row *rows; /* by pid */
	size_t nrows;
	size_t *shown; /* which of them pass the filter, in their order */
	size_t nshown;
	double at_s, interval_s; /* since the watch began; since the last time */
	struct top_row sum;	 /* of all rows; its names are NULL */
	uint64_t found, watched; /* Go processes; 0: only those that were named were looked at */
	enum top_column sort;
	bool reverse;
	char filter[TOP_FILTER];
};

/* What is known now in place of what was. Arranges it as well. 0 or -ENOMEM: as it was. */
int top_table_update(struct top_table *t, const struct report *report, const struct top_work *work,
		     size_t nwork);
/* After a change of sort, reverse or filter. */
void top_table_arrange(struct top_table *t);
void top_table_free(struct top_table *t);
/* Whether the race is one of the row's. */
bool top_row_has(const struct top_row *row, const struct report_race *race,
		 const struct top_work *work, size_t nwork);
/* The row; NULL: there is none (any more). */
const struct top_row *top_table_find(const struct top_table *t, uint32_t pid, bool ended);

/* columns.c */
struct top_column_info {
	const char *name; /* for --sort and people */
	const char *head;
	int width;	/* 0: what is left of the line */
	int screen;	/* is shown on a screen that is at least so wide */
	char key;	/* sorts by it */
	bool ascending; /* smallest first, unless reversed */
	int (*compare)(const struct top_row *a, const struct top_row *b);
	void (*print)(FILE *out, const struct top_row *row); /* escaped; one line */
};
const struct top_column_info *top_column(enum top_column column);
/* TOP_COLUMNS: there is none like that. */
enum top_column top_column_named(const char *name);
enum top_column top_column_of_key(int key);
/* At most six characters: "12345", "123.4k". */
void top_print_number(FILE *out, double n);

#endif
