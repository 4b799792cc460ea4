/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "session/watch_vitals.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "process/live_reader.h"
#include "session/watch.h"
#include "snapshot/vitals.h"

#define EARNED 100 /* of the time, a part so large may be spent */
#define ADVANCE_NS 250000000ll
#define LOOK_NS 950000000ull /* from look to look: a tick comes a little early */
#define MOST_DOUBLINGS 6     /* of the time until the next try */
#define MAX_PAST 128

static uint64_t earn(struct watch_vitals *v)
{
	uint64_t now = watch_now();

	if (!v->credited_ns)
		v->credit_ns = ADVANCE_NS;
	else
		v->credit_ns += (int64_t)((now - v->credited_ns) / EARNED);
	if (v->credit_ns > ADVANCE_NS)
		v->credit_ns = ADVANCE_NS;
	v->credited_ns = now;
	return now;
}

static bool is_due(const struct watched *t, uint64_t now)
{
	unsigned int failed = t->vitals_failed < MOST_DOUBLINGS ? t->vitals_failed : MOST_DOUBLINGS;

	return t->binary && !t->library && t->started && !t->ended &&
	       now - t->vitals_ns >= LOOK_NS << failed;
}

static int find(struct watched *t)
{
	struct err err = {};
	int r = 0;

	if (!t->vitals)
		r = vitals_open(&t->vitals, &t->process, t->bin, t->source.resolver.bias);
	if (!r)
		r = vitals_find(t->vitals, &t->binary->program.goroutines, &err);
	if (r)
		log_verbose("process %d: %s", (int)t->process.pid,
			    err.text[0] ? err.text : "its goroutines are not found yet");
	return r;
}

static void tell(struct watch *w, struct watched *t)
{
	struct report_vitals vitals;
	size_t i;

	if (vitals_fill(t->vitals, w->start_ns, &vitals))
		return;
	if (w->hooks && w->hooks->leak)
		w->hooks->leak(w->hooks_ctx, t, &vitals);
	for (i = 0; i < vitals.nmakers && !w->hooks; i++) {
		const struct report_maker *m = &vitals.makers[i];

		if (m->named && m->named_s >= vitals.at_s)
			log_warn("process %u: perhaps a leak of goroutines: those that %s makes do "
				 "not end (%.0f a second, %llu now)",
				 vitals.pid, m->at.function, m->per_second,
				 (unsigned long long)m->goroutines);
	}
	report_vitals_free(&vitals);
}

/* Our CPU time, with that of the process that reads memory for us. */
static uint64_t used(void)
{
	return clock_ns(CLOCK_PROCESS_CPUTIME_ID) + live_read_many_cpu_ns();
}

static void look(struct watch *w, struct watched *t, uint64_t now)
{
	uint64_t cpu = used();
	size_t named = 0;
	int r = find(t);

	if (!r)
		r = vitals_look(t->vitals, &t->binary->vars, &named);
	t->vitals_ns = now;
	t->vitals_failed = r ? t->vitals_failed + 1 : 0;
	cpu = used() - cpu;
	w->vitals.credit_ns -= (int64_t)cpu;
	w->vitals.cpu_ns += cpu;
	w->vitals.looks += !r;
	w->vitals.failed += r != 0;
	if (!r)
		w->vitals.goroutines += vitals_read(t->vitals);
	if (named)
		tell(w, t);
}

void watch_vitals_step(struct watch *w)
{
	struct watch_vitals *v = &w->vitals;
	uint64_t now;
	size_t i;

	if (!w->options->goroutines)
		return;
	now = earn(v);
	for (i = 0; i < w->ntargets && v->credit_ns > 0; i++) {
		struct watched *t = w->targets[v->next++ % w->ntargets];

		if (is_due(t, now))
			look(w, t, now);
	}
}

static bool keep(struct watch *w, const struct watched *t)
{
	struct watch_vitals *v = &w->vitals;
	struct report_vitals *grown;

	if (!t->vitals || v->npast == MAX_PAST)
		return false;
	grown = reallocarray(v->past, v->npast + 1, sizeof(*grown));
	if (!grown)
		return false;
	v->past = grown;
	if (vitals_fill(t->vitals, w->start_ns, &grown[v->npast]))
		return false;
	grown[v->npast++].ended = true;
	return true;
}

void watch_vitals_conclude(struct watch *w, const struct watched *t)
{
	if (w->options->goroutines && t->started && !keep(w, t))
		w->vitals.past_unseen++;
}

uint64_t watch_vitals_unseen(const struct watch *w)
{
	uint64_t unseen = w->vitals.past_unseen;
	size_t i;

	for (i = 0; i < w->ntargets && w->options->goroutines; i++) {
		const struct watched *t = w->targets[i];

		unseen += t->started && !t->ended && (!t->vitals || !vitals_looks(t->vitals));
	}
	return unseen;
}

static int copy_frame(struct report_frame *to, const struct report_frame *from)
{
	int r = 0;

	*to = *from;
	to->function = report_text_copy(from->function, &r);
	to->file = report_text_copy(from->file, &r);
	return r;
}

/* What has been copied is the copy's, also when memory is short. */
static int copy(struct report_vitals *to, const struct report_vitals *from)
{
	size_t i;
	int r = 0;

	*to = *from;
	to->nwaits = to->nmakers = 0;
	to->waits = calloc(from->nwaits + 1, sizeof(*to->waits));
	to->makers = calloc(from->nmakers + 1, sizeof(*to->makers));
	to->exe = report_text_copy(from->exe, &r);
	to->oldest_reason = report_text_copy(from->oldest_reason, &r);
	r |= copy_frame(&to->oldest, &from->oldest);
	if (!to->waits || !to->makers)
		return -ENOMEM;
	for (i = 0; i < from->nwaits; i++) {
		to->waits[i] = from->waits[i];
		to->waits[to->nwaits++].reason = report_text_copy(from->waits[i].reason, &r);
	}
	for (i = 0; i < from->nmakers; i++) {
		to->makers[i] = from->makers[i];
		to->nmakers++;
		r |= copy_frame(&to->makers[i].at, &from->makers[i].at);
	}
	return r ? -ENOMEM : 0;
}

int watch_vitals_fill(const struct watch *w, struct report *report)
{
	const struct watch_vitals *v = &w->vitals;
	size_t i;
	int r = 0;

	report->goroutines = w->options->goroutines;
	if (!report->goroutines)
		return 0;
	report->vitals = calloc(v->npast + w->ntargets + 1, sizeof(*report->vitals));
	if (!report->vitals)
		return -ENOMEM;
	for (i = 0; i < v->npast && !r; i++)
		r = copy(&report->vitals[report->nvitals++], &v->past[i]);
	for (i = 0; i < w->ntargets && !r; i++) {
		const struct watched *t = w->targets[i];

		if (!t->vitals || t->ended)
			continue;
		r = vitals_fill(t->vitals, w->start_ns, &report->vitals[report->nvitals]);
		if (r == -ENODATA)
			r = 0;
		else if (!r)
			report->nvitals++;
	}
	return r;
}

void watch_vitals_free(struct watch *w)
{
	while (w->vitals.npast)
		report_vitals_free(&w->vitals.past[--w->vitals.npast]);
	free(w->vitals.past);
	w->vitals.past = NULL;
}
