/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "top/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void free_row(struct top_row *row)
{
	free(row->exe);
	free(row->args);
	free(row->container);
	free(row->pod);
	free(row->unit);
	free(row->go_version);
}

static void free_rows(struct top_row *rows, size_t n)
{
	while (n)
		free_row(&rows[--n]);
	free(rows);
}

void top_table_free(struct top_table *t)
{
	free_rows(t->rows, t->nrows);
	free(t->shown);
	t->rows = NULL;
	t->shown = NULL;
	t->nrows = t->nshown = 0;
}

/* One row for all runtimes of a process; one that has ended is another process than the one that
 * has its number now. */
static int by_process(const void *a, const void *b)
{
	const struct top_row *x = a, *y = b;

	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return (int)x->ended - (int)y->ended;
}

static struct top_row *find(struct top_row *rows, size_t n, uint32_t pid, bool ended)
{
	const struct top_row key = {.pid = pid, .ended = ended};

	return n ? bsearch(&key, rows, n, sizeof(*rows), by_process) : NULL;
}

const struct top_row *top_table_find(const struct top_table *t, uint32_t pid, bool ended)
{
	return find(t->rows, t->nrows, pid, ended);
}

/* The last one of that number that runs, or has ended: another one may have it by now. */
static const struct report_process *find_process(const struct report *report, uint32_t pid,
						 bool ended)
{
	const struct report_process *p = report->processes;
	size_t i;

	for (i = report->nprocesses; i--;)
		if (p[i].pid == pid && !p[i].why && (p[i].to_s >= 0) == ended)
			return &p[i];
	return NULL;
}

static int name(struct top_row *row, const struct report *report, const struct top_work *work)
{
	const struct report_process *p = find_process(report, work->pid, work->ended);
	int r = 0;

	row->exe = report_text_copy(work->exe ? work->exe : "", &r);
	row->go_version = report_text_copy(work->go_version ? work->go_version : "", &r);
	row->args = report_text_copy(p && p->args ? p->args : work->args ? work->args : "", &r);
	row->container = report_text_copy(p && p->container ? p->container : "", &r);
	row->pod = report_text_copy(p && p->pod ? p->pod : "", &r);
	row->unit = report_text_copy(p && p->unit ? p->unit : "", &r);
	row->from_s = p ? p->from_s : 0;
	return r;
}

static int make_rows(struct top_row *rows, size_t *n, const struct report *report,
		     const struct top_work *work, size_t nwork)
{
	size_t i;

	for (i = 0; i < nwork; i++)
		rows[i] = (struct top_row){.pid = work[i].pid, .ended = work[i].ended};
	qsort(rows, nwork, sizeof(*rows), by_process);
	for (i = 0; i < nwork; i++)
		if (!*n || by_process(&rows[*n - 1], &rows[i]))
			rows[(*n)++] = rows[i];
	for (i = 0; i < nwork; i++) {
		struct top_row *row = find(rows, *n, work[i].pid, work[i].ended);
		int r = row->exe ? 0 : name(row, report, &work[i]);

		if (r)
			return r;
		row->operations += work[i].operations;
		row->holds += work[i].holds;
		row->maps += work[i].maps;
		row->spent_ns += work[i].spent_ns;
	}
	return 0;
}

bool top_row_has(const struct top_row *row, const struct report_race *race,
		 const struct top_work *work, size_t nwork)
{
	size_t i;

	if (race->pid != row->pid)
		return false;
	for (i = 0; i < nwork; i++)
		if (work[i].target == race->target)
			return work[i].pid == row->pid && work[i].ended == row->ended;
	return false;
}

static void count_findings(struct top_row *rows, size_t n, const struct report *report,
			   const struct top_work *work, size_t nwork)
{
	struct top_row *row;
	size_t i, k;

	for (i = 0; i < report->nmaps; i++) {
		row = find(rows, n, report->maps[i].pid, report->maps[i].until_ns != 0);
		if (row)
			row->verdicts[report->maps[i].verdict]++;
	}
	for (i = 0; i < report->nraces; i++)
		for (k = 0; k < 2; k++) {
			row = find(rows, n, report->races[i].pid, k);
			if (!row || !top_row_has(row, &report->races[i], work, nwork))
				continue;
			row->races++;
			row->sightings += report->races[i].count;
		}
}

/* What report_unwatched() says of all, of each. */
static void estimate_unseen(struct top_row *rows, size_t n, const struct report_stats *stats)
{
	struct report_coverage *mine = calloc(stats->ncoverage + 1, sizeof(*mine));
	size_t i, k;

	for (i = 0; mine && i < n; i++) {
		struct report_stats one = {.coverage = mine};

		for (k = 0; k < stats->ncoverage; k++)
			if (stats->coverage[k].pid == rows[i].pid &&
			    stats->coverage[k].ended == rows[i].ended)
				mine[one.ncoverage++] = stats->coverage[k];
		rows[i].unseen = report_unwatched(&one);
		for (k = 0; k < one.ncoverage; k++)
			rows[i].hits += mine[k].hits;
	}
	free(mine);
}

/* Counts of several CPUs that share a counter may be short of some. */
static double since(uint64_t now, uint64_t before)
{
	return now > before ? (double)(now - before) : 0;
}

/* What is new is counted from when it came: also where another one had its number before. */
static void rate(struct top_row *row, const struct top_row *before, double at_s, double interval_s)
{
	double lasted;

	if (before && before->from_s != row->from_s)
		before = NULL;
	lasted = before ? interval_s : at_s - row->from_s;
	if (row->ended || !(lasted > 0))
		return;
	row->operations_per_s = since(row->operations, before ? before->operations : 0) / lasted;
	row->cost_percent = since(row->spent_ns, before ? before->spent_ns : 0) / lasted / 1e7;
}

static bool is_shown(const struct top_row *row)
{
	return !row->ended || row->races;
}

static void add(struct top_row *sum, const struct top_row *row)
{
	size_t i;

	sum->operations += row->operations;
	sum->holds += row->holds;
	sum->spent_ns += row->spent_ns;
	sum->maps += row->ended ? 0 : row->maps;
	sum->races += row->races;
	sum->sightings += row->sightings;
	sum->operations_per_s += row->operations_per_s;
	sum->cost_percent += row->cost_percent;
	for (i = 0; i <= REPORT_UNPROVEN; i++)
		sum->verdicts[i] += row->verdicts[i];
}

/* Of one who has ended without a race nothing is left. */
static size_t keep_shown(struct top_row *rows, size_t n)
{
	size_t i, kept = 0;

	for (i = 0; i < n; i++) {
		if (is_shown(&rows[i]))
			rows[kept++] = rows[i];
		else
			free_row(&rows[i]);
	}
	return kept;
}

static void take_over(struct top_table *t, struct top_row *rows, size_t n, size_t *shown,
		      const struct report *report)
{
	double interval_s = report->duration_s - t->at_s;
	size_t i;

	t->sum = (struct top_row){};
	for (i = 0; i < n; i++) {
		rate(&rows[i], top_table_find(t, rows[i].pid, rows[i].ended), report->duration_s,
		     interval_s);
		add(&t->sum, &rows[i]);
	}
	t->sum.unseen = report->stats.unwatched;
	top_table_free(t);
	t->rows = rows;
	t->nrows = keep_shown(rows, n);
	t->shown = shown;
	t->at_s = report->duration_s;
	t->interval_s = interval_s;
	t->found = report->followed ? report->followed->go : 0;
	t->watched = report->followed ? report->followed->watched : 0;
	top_table_arrange(t);
}

int top_table_update(struct top_table *t, const struct report *report, const struct top_work *work,
		     size_t nwork)
{
	struct top_row *rows = calloc(nwork + 1, sizeof(*rows));
	size_t *shown = calloc(nwork + 1, sizeof(*shown));
	size_t n = 0;
	int r = rows && shown ? make_rows(rows, &n, report, work, nwork) : -ENOMEM;

	if (r) {
		if (rows)
			free_rows(rows, n);
		free(shown);
		return r;
	}
	count_findings(rows, n, report, work, nwork);
	estimate_unseen(rows, n, &report->stats);
	take_over(t, rows, n, shown, report);
	return 0;
}

/* ---- sorted and filtered ---- */

static bool has(const char *text, const char *part)
{
	return strcasestr(text, part) != NULL;
}

static bool passes(const struct top_row *row, const char *filter)
{
	char pid[16];

	if (!*filter)
		return true;
	snprintf(pid, sizeof(pid), "%u", row->pid);
	return has(row->exe, filter) || has(row->args, filter) || has(row->container, filter) ||
	       has(row->pod, filter) || has(row->unit, filter) || !strcmp(pid, filter);
}

static int in_order(const void *a, const void *b, void *ctx)
{
	const struct top_table *t = ctx;
	const struct top_row *x = &t->rows[*(const size_t *)a], *y = &t->rows[*(const size_t *)b];
	const struct top_column_info *column = top_column(t->sort);
	int order = column->compare(x, y);

	if (order && column->ascending == t->reverse)
		order = -order;
	return order ? order : by_process(x, y);
}

void top_table_arrange(struct top_table *t)
{
	size_t i;

	t->nshown = 0;
	for (i = 0; i < t->nrows; i++)
		if (passes(&t->rows[i], t->filter))
			t->shown[t->nshown++] = i;
	if (t->nshown)
		qsort_r(t->shown, t->nshown, sizeof(*t->shown), in_order, t);
}
