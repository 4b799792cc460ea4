/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "session/roster.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "process/names.h"

#define REASONS 32 /* different ones */
#define TOOL "it is a tool of Go's own"

struct roster {
	struct report_process *rows;
	size_t nrows, room, most;
	uint64_t found, watched;
	struct {
		char *why;
		uint64_t n;
	} reasons[REASONS];
	size_t nreasons;
};

struct roster *roster_new(size_t rows)
{
	struct roster *r = calloc(1, sizeof(*r));

	if (r)
		r->most = rows;
	return r;
}

static void count_reason(struct roster *r, const char *why)
{
	size_t i;

	for (i = 0; i < r->nreasons; i++)
		if (!strcmp(r->reasons[i].why, why)) {
			r->reasons[i].n++;
			return;
		}
	if (r->nreasons == REASONS) {
		r->reasons[REASONS - 1].n++;
		return;
	}
	r->reasons[r->nreasons].why = strdup(r->nreasons < REASONS - 1 ? why : "of other reasons");
	if (r->reasons[r->nreasons].why)
		r->reasons[r->nreasons++].n = 1;
}

static bool is_watched_now(const struct report_process *row)
{
	return !row->why && row->to_s < 0;
}

/* The oldest row that is of nobody who is watched now; false: there is none. */
static bool drop_oldest(struct roster *r)
{
	size_t i;

	for (i = 0; i < r->nrows && is_watched_now(&r->rows[i]); i++)
		;
	if (i == r->nrows)
		return false;
	report_process_free(&r->rows[i]);
	r->nrows--;
	memmove(&r->rows[i], &r->rows[i + 1], (r->nrows - i) * sizeof(*r->rows));
	return true;
}

static struct report_process *new_row(struct roster *r)
{
	struct report_process *rows;

	if (r->nrows == r->most && !drop_oldest(r))
		return NULL;
	if (r->nrows == r->room) {
		r->room = r->room ? r->room * 2 : 16;
		rows = realloc(r->rows, r->room * sizeof(*rows));
		if (!rows) {
			r->room = r->nrows;
			return NULL;
		}
		r->rows = rows;
	}
	rows = &r->rows[r->nrows];
	memset(rows, 0, sizeof(*rows));
	return rows;
}

/* False: no memory. */
static bool name(struct report_process *row, pid_t pid)
{
	struct identity id;
	bool named;

	(void)identity_read(&id, pid);
	row->parent = id.parent > 0 ? (uint32_t)id.parent : 0;
	row->args = id.args ? strdup(id.args) : NULL;
	row->container = strdup(id.names.container);
	row->pod = strdup(id.names.pod);
	row->unit = strdup(id.names.unit);
	named = row->args && row->container && row->pod && row->unit;
	identity_free(&id);
	return named;
}

void roster_note(struct roster *r, pid_t pid, const char *exe, const char *why, uint64_t now_ns)
{
	struct report_process *row = new_row(r);

	r->found++;
	r->watched += !why;
	if (why)
		count_reason(r, why);
	if (!row)
		return;
	row->pid = (uint32_t)pid;
	row->exe = strdup(exe);
	row->why = why ? strdup(why) : NULL;
	row->from_s = (double)now_ns / 1e9;
	row->to_s = -1;
	if (name(row, pid) && row->exe && (row->why || !why))
		r->nrows++;
	else
		report_process_free(row);
}

void roster_count(struct roster *r, const char *why)
{
	r->found++;
	count_reason(r, why);
}

void roster_count_tool(struct roster *r)
{
	roster_count(r, TOOL);
}

void roster_note_end(struct roster *r, pid_t pid, uint64_t now_ns)
{
	size_t i;

	for (i = r->nrows; i--;)
		if (r->rows[i].pid == (uint32_t)pid && is_watched_now(&r->rows[i])) {
			r->rows[i].to_s = (double)now_ns / 1e9;
			return;
		}
}

const struct report_process *roster_find(const struct roster *r, uint32_t pid, double at_s)
{
	return report_process_find(r->rows, r->nrows, pid, at_s);
}

uint64_t roster_found(const struct roster *r)
{
	return r->found;
}

uint64_t roster_watched(const struct roster *r)
{
	return r->watched;
}

static int copy_row(struct report_process *to, const struct report_process *from)
{
	int r = 0;

	*to = *from;
	to->exe = report_text_copy(from->exe, &r);
	to->why = report_text_copy(from->why, &r);
	to->args = report_text_copy(from->args, &r);
	to->container = report_text_copy(from->container, &r);
	to->pod = report_text_copy(from->pod, &r);
	to->unit = report_text_copy(from->unit, &r);
	return r;
}

static int copy_reasons(const struct roster *r, struct report_followed *to)
{
	size_t i;

	to->reasons = calloc(r->nreasons + 1, sizeof(*to->reasons));
	if (!to->reasons)
		return -ENOMEM;
	for (i = 0; i < r->nreasons; i++) {
		to->reasons[i].why = strdup(r->reasons[i].why);
		to->reasons[i].processes = r->reasons[i].n;
		to->nreasons++;
		if (!to->reasons[i].why)
			return -ENOMEM;
	}
	return 0;
}

/* What the silence of the run is worth less for. */
static int add_caveats(const struct roster *r, struct report_stats *stats)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < r->nreasons && !rc; i++)
		if (strcmp(r->reasons[i].why, TOOL) != 0)
			rc = report_caveat_say(stats, "not-watched", 0, false,
					       "Go processes that were not watched: %" PRIu64
					       ": %s",
					       r->reasons[i].n, r->reasons[i].why);
	return rc;
}

int roster_fill(const struct roster *r, struct report *report)
{
	size_t i;
	int rc;

	report->followed = calloc(1, sizeof(*report->followed));
	report->processes = calloc(r->nrows + 1, sizeof(*report->processes));
	if (!report->followed || !report->processes)
		return -ENOMEM;
	report->followed->go = r->found;
	report->followed->watched = r->watched;
	for (i = 0; i < r->nrows; i++) {
		report->nprocesses++;
		rc = copy_row(&report->processes[i], &r->rows[i]);
		if (rc)
			return rc;
	}
	rc = copy_reasons(r, report->followed);
	return rc ? rc : add_caveats(r, &report->stats);
}

void roster_free(struct roster *r)
{
	size_t i;

	if (!r)
		return;
	for (i = 0; i < r->nrows; i++)
		report_process_free(&r->rows[i]);
	for (i = 0; i < r->nreasons; i++)
		free(r->reasons[i].why);
	free(r->rows);
	free(r);
}
