/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Goroutines of snapshots as a profile for `go tool pprof`, like /debug/pprof/goroutine has it: a
 * sample for each group, its value the number of goroutines.
 */
#include "model/snapshot.h"
#include "report/pprof/pprof_write.h"
#include "report/printers.h"

/* Frames that were inlined into one another are lines of one location, innermost first. */
static void put_location(struct pprof *p, const struct report_frame *frames, size_t n)
{
	struct pprof_bytes location = {.data = NULL};
	size_t i;

	pprof_number(&location, LOCATION_ID, ++p->nlocations);
	pprof_number(&location, LOCATION_MAPPING, 1);
	pprof_number(&location, LOCATION_ADDRESS, frames[0].pc);
	for (i = 0; i < n; i++)
		pprof_line(p, &location, frames[i].function, frames[i].file, frames[i].line,
			   frames[i].start_line);
	pprof_message(&p->out, PROFILE_LOCATION, &location);
}

static void put_label(struct pprof *p, struct pprof_bytes *sample, const char *key,
		      const char *value)
{
	struct pprof_bytes label = {.data = NULL};

	if (!value[0])
		return;
	pprof_number(&label, LABEL_KEY, pprof_text(p, key));
	pprof_number(&label, LABEL_STR, pprof_text(p, value));
	pprof_message(sample, SAMPLE_LABEL, &label);
}

/* Of a group whose places have been put, from first on: so many of its goroutines. */
static void put_sample(struct pprof *p, const struct report_group *g, uint64_t first,
		       uint64_t count, const struct report_label_set *labels)
{
	struct pprof_bytes sample = {.data = NULL};
	uint64_t location;
	size_t i;

	for (location = first; location <= p->nlocations; location++)
		pprof_number(&sample, SAMPLE_LOCATION_ID, location);
	pprof_number(&sample, SAMPLE_VALUE, count);
	put_label(p, &sample, "state", g->state);
	put_label(p, &sample, "wait", g->wait);
	for (i = 0; labels && i < labels->n; i++)
		put_label(p, &sample, labels->labels[i].key, labels->labels[i].value);
	pprof_message(&p->out, PROFILE_SAMPLE, &sample);
}

/* A sample for each set of labels, and one for those without. */
static void put_group(struct pprof *p, const struct report_group *g)
{
	uint64_t first = p->nlocations + 1, left = g->count;
	size_t i, n;

	for (i = 0; i < g->nframes; i += n) {
		for (n = 1; i + n < g->nframes && g->frames[i + n - 1].inlined; n++)
			;
		put_location(p, g->frames + i, n);
	}
	for (i = 0; i < g->nlabel_sets; i++) {
		put_sample(p, g, first, g->label_sets[i].count, &g->label_sets[i]);
		left -= g->label_sets[i].count < left ? g->label_sets[i].count : left;
	}
	if (left)
		put_sample(p, g, first, left, NULL);
}

static void put_profile(struct pprof *p, const struct report *report)
{
	size_t i, k;

	pprof_text(p, ""); /* the first text must be this one */
	pprof_type(p, PROFILE_SAMPLE_TYPE, "goroutine", "count");
	pprof_mapping(p, report->nsnapshots ? report->snapshots[0].exe : "");
	for (i = 0; i < report->nsnapshots; i++) {
		const struct report_snapshot *snapshot = &report->snapshots[i];

		for (k = 0; k < snapshot->ngroups; k++)
			put_group(p, &snapshot->groups[k]);
		for (k = 0; k < snapshot->nnotes; k++) /* what is missing: pprof -comments */
			pprof_number(&p->out, PROFILE_COMMENT, pprof_text(p, snapshot->notes[k]));
	}
	pprof_number(&p->out, PROFILE_TIME_NANOS, (uint64_t)report->started_unix_ns);
	pprof_type(p, PROFILE_PERIOD_TYPE, "goroutine", "count");
	pprof_number(&p->out, PROFILE_PERIOD, 1);
	if (!report->nsnapshots)
		pprof_number(
			&p->out, PROFILE_COMMENT,
			pprof_text(p, "no snapshot is in this report: maprace snapshot makes one"));
}

int pprof_print_report(FILE *out, const struct report *report, const struct print_options *options)
{
	struct pprof p = {.mask = 0};

	(void)options;
	put_profile(&p, report);
	return pprof_finish(out, &p);
}
