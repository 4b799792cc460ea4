/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "session/memory_watch.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/log.h"
#include "go/heap_profile.h"
#include "process/cgroup.h"
#include "process/end_status.h"
#include "process/memory_limit.h"
#include "session/watch.h"

#define MS 1000000ull
#define SOONEST_NS (10 * MS)
#define NEAR_NS (100 * MS) /* where the first threshold is near */
#define LATEST_NS (1000 * MS)
#define FIND_NS (5000 * MS)	   /* limits may be changed, and processes moved */
#define HYSTERESIS 5		   /* points */
#define NEAR 10			   /* points below the first threshold */
#define LOOK_AGAIN_NS (60000 * MS) /* at the heap and the goroutines of one process */
/* So long a process may take to die that was alone in its group, and so is the one; and others. On
 * a busy machine, and while its probes are moved, it takes seconds. */
#define DYING_ALONE_NS (30000 * MS)
#define DYING_NS (5000 * MS)
#define PART 20 /* of a CPU: all looks together, but for those at the heap */

struct memory_state {
	struct memory_limits limits;
	uint64_t found_ns, looked_ns, next_ns;
	struct track {
		double percent; /* at the last look */
		size_t level;
		uint64_t told[MEMORY_THRESHOLDS];
	} hard, soft; /* limits: who lives at a soft one may come to the end of a hard one all the
			 same */
	uint64_t looked_at_ns; /* heap and goroutines, */
	size_t looked_which;   /* at this threshold */
	struct heap_place place;
	/* Of the group that it is in, and when that was seen to rise; UINT64_MAX: not known. */
	uint64_t kills, kills_ns;
	bool alone;
	/* The fullest limit, which may not be there any more. */
	enum report_limit kind;
	uint64_t most, used, hits; /* hits: of a group */
	char *dir, *where;
	bool ended;
};

size_t memory_level(const double *at, size_t n, size_t before, double percent)
{
	size_t level = 0;

	while (level < n && percent >= at[level])
		level++;
	while (level < before && percent > at[level] - HYSTERESIS)
		level++;
	return level;
}

uint64_t memory_interval(const double *at, size_t n, double percent, double last, uint64_t since_ns)
{
	double speed = since_ns ? (percent - last) / (double)since_ns : 0, left;
	uint64_t latest = percent >= at[0] - NEAR ? NEAR_NS : LATEST_NS;
	size_t i;

	for (i = 0; i < n && percent >= at[i]; i++)
		;
	left = (i < n ? at[i] : 100) - percent;
	if (speed <= 0 || left / speed / 4 >= (double)latest)
		return latest;
	return left / speed / 4 > (double)SOONEST_NS ? (uint64_t)(left / speed / 4) : SOONEST_NS;
}

static bool is_group(enum report_limit kind)
{
	return kind == REPORT_LIMIT_CGROUP1 || kind == REPORT_LIMIT_CGROUP2;
}

static enum report_limit kind_of(const struct memory_limit *l)
{
	static const enum report_limit kinds[] = {
		[MEMORY_LIMIT_CGROUP2] = REPORT_LIMIT_CGROUP2,
		[MEMORY_LIMIT_CGROUP1] = REPORT_LIMIT_CGROUP1,
		[MEMORY_LIMIT_ADDRESS_SPACE] = REPORT_LIMIT_ADDRESS_SPACE,
		[MEMORY_LIMIT_DATA] = REPORT_LIMIT_DATA,
		[MEMORY_LIMIT_GO] = REPORT_LIMIT_GO,
		[MEMORY_LIMIT_GIVEN] = REPORT_LIMIT_GIVEN,
	};

	return kinds[l->kind];
}

static int fill(const struct watch *w, const struct watched *t, struct report_memory *row)
{
	const struct memory_state *s = t->memory;

	row->pid = (uint32_t)t->process.pid;
	row->at_s = (double)(watch_now() - w->start_ns) / 1e9;
	row->kind = s->kind;
	row->limit = s->most;
	row->used = s->used;
	row->exe = strdup(t->process.exe);
	row->where = strdup(s->where ? s->where : "");
	row->heap_missing = strdup("");
	row->heap_file = strdup("");
	return row->exe && row->where && row->heap_missing && row->heap_file ? 0 : -ENOMEM;
}

/* Takes it over. */
static void keep(struct watch *w, struct watched *t, struct report_memory *row)
{
	struct memory_watch *m = &w->memory;

	if (!m->rows)
		m->rows = calloc(MEMORY_ROWS, sizeof(*m->rows));
	if (!m->rows) {
		report_memory_free(row);
		return;
	}
	if (m->n == MEMORY_ROWS) {
		m->dropped++;
		report_memory_free(&m->rows[0]);
		memmove(m->rows, m->rows + 1, --m->n * sizeof(*m->rows));
	}
	m->rows[m->n++] = *row;
	watch_print_memory(w, t, &m->rows[m->n - 1]);
}

/* The first ten times, then the 16th, 32nd …: one that comes and goes would fill any log. */
static bool is_worth_telling(uint64_t n)
{
	return n <= 10 || !(n & (n - 1));
}

/* level: so many are passed at once, or were before. */
static void pass(struct watch *w, struct watched *t, struct track *track, size_t which,
		 size_t level)
{
	struct memory_state *s = t->memory;
	uint64_t now = watch_now();
	struct report_memory row = {
		.percent = w->options->memory.at[which],
		.jumped = which + 1 < level || s->ended,
	};
	bool prepare = !which && !row.jumped;
	/* once where the second and the third are passed at once */
	bool look = !s->ended && which && which + 1 == level &&
		    (!s->looked_at_ns || which > s->looked_which ||
		     now - s->looked_at_ns > LOOK_AGAIN_NS);
	uint64_t cpu;
	int r;

	w->memory.passed[which]++;
	if (!is_worth_telling(++track->told[which]))
		return;
	cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	if (prepare)
		memory_look_prepare(t, &s->place);
	r = fill(w, t, &row);
	if (!r && look) {
		s->looked_at_ns = now;
		s->looked_which = which;
		r = memory_look(w, t, &s->place, &row);
	}
	w->memory.closer_ns += clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	if (r) {
		log_warn(
			"out of memory: that process %d has passed %.0f%% of its memory is not in the report",
			(int)t->process.pid, row.percent);
		report_memory_free(&row);
		return;
	}
	keep(w, t, &row);
}

static void find_limits(const struct watch *w, struct watched *t, uint64_t now)
{
	struct memory_state *s = t->memory;

	if (s->found_ns && now - s->found_ns < FIND_NS)
		return;
	s->found_ns = now;
	memory_limits_free(&s->limits);
	if (memory_limits_find(&s->limits, "", t->process.pid, w->options->memory.limit) == -ENOMEM)
		log_verbose("out of memory: the limits of process %d", (int)t->process.pid);
}

static bool is_near(const struct memory_state *s, uint64_t now)
{
	return s->kills_ns && now - s->kills_ns < (s->alone ? DYING_ALONE_NS : DYING_NS);
}

/* What is to be known when it has ended: of a group that has lost one it stays as it was, as
 * whoever is killed may take his time. Who lives on at the next look was not the one. It is counted
 * before anybody dies of it: where the count has not risen, whoever was there a moment before is
 * there. */
static void note_group(const struct watched *t)
{
	struct memory_state *s = t->memory;
	uint64_t kills, now = watch_now();
	bool alone;

	if (!s->limits.own_dir || (is_near(s, now) && process_is_ending(t->process.pid)))
		return;
	alone = cgroup_has_only(s->limits.own_dir, t->process.pid);
	kills = cgroup_memory_oom_kills(s->limits.own_dir, s->limits.own_old);
	s->kills_ns = s->looked_ns && kills > s->kills && kills != UINT64_MAX ? now : 0;
	s->kills = kills;
	if (!s->kills_ns)
		s->alone = alone;
}

static void replace(char **to, const char *text)
{
	if (*to && text && !strcmp(*to, text))
		return;
	free(*to);
	*to = text ? strdup(text) : NULL;
}

static void note_fullest(struct memory_state *s, const struct memory_limit *fullest)
{
	s->kind = kind_of(fullest);
	s->most = fullest->most;
	s->used = fullest->used;
	replace(&s->dir, fullest->dir);
	replace(&s->where, fullest->name);
	if (s->dir)
		s->hits = cgroup_memory_hits(s->dir, s->kind == REPORT_LIMIT_CGROUP1);
}

/* Nanoseconds until this is due again. */
static uint64_t follow(struct watch *w, struct watched *t, struct track *track, bool soft)
{
	const struct memory_options *o = &w->options->memory;
	struct memory_state *s = t->memory;
	const struct memory_limit *fullest;
	uint64_t now = watch_now(), since = s->looked_ns ? now - s->looked_ns : 0;
	double last = track->percent;
	size_t level, i;

	fullest = memory_limits_look(&s->limits, "", t->process.pid, (o->at[0] - NEAR) / 100, soft);
	if (!fullest)
		return LATEST_NS;
	track->percent = 100 * (double)fullest->used / (double)fullest->most;
	note_fullest(s, fullest);
	level = memory_level(o->at, MEMORY_THRESHOLDS, track->level, track->percent);
	for (i = track->level; i < level; i++)
		pass(w, t, track, i, level);
	track->level = level;
	return memory_interval(o->at, MEMORY_THRESHOLDS, track->percent, last, since);
}

/* The hard limits last: what is noted of them is wanted when it has ended. */
static void look_at(struct watch *w, struct watched *t)
{
	struct memory_state *s = t->memory;
	uint64_t now = watch_now(), soft, hard;

	find_limits(w, t, now);
	note_group(t);
	soft = follow(w, t, &s->soft, true);
	hard = follow(w, t, &s->hard, false);
	s->looked_ns = now;
	hard = soft < hard ? soft : hard;
	s->next_ns = watch_now() + (s->kills_ns ? SOONEST_NS : hard);
}

static bool is_looked_at(const struct watched *t)
{
	return t->started && !t->ended && !t->host && !(t->memory && t->memory->ended);
}

/* What they take, without that of closer ones. */
static uint64_t cpu_of_looks(const struct watch *w)
{
	return clock_ns(CLOCK_PROCESS_CPUTIME_ID) - w->memory.closer_ns;
}

void memory_watch_look(struct watch *w, struct watched *t)
{
	if (!w->options->memory.on || !is_looked_at(t))
		return;
	if (!t->memory)
		t->memory = calloc(1, sizeof(*t->memory));
	if (t->memory)
		look_at(w, t);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct watch *w = ctx;
	uint64_t now = watch_now(), next = now + LATEST_NS, cpu = cpu_of_looks(w), soonest;
	struct timeval again;
	size_t i;

	(void)fd;
	(void)what;
	for (i = 0; i < w->ntargets; i++) {
		struct watched *t = w->targets[i];

		if (!is_looked_at(t))
			continue;
		if (!t->memory || now >= t->memory->next_ns)
			memory_watch_look(w, t);
		if (t->memory && t->memory->next_ns < next)
			next = t->memory->next_ns;
	}
	now = watch_now();
	soonest = (cpu_of_looks(w) - cpu) * PART;
	if (soonest < SOONEST_NS)
		soonest = SOONEST_NS;
	next = next > now + soonest ? next - now : soonest;
	again = (struct timeval){.tv_sec = (time_t)(next / 1000000000u),
				 .tv_usec = (suseconds_t)(next % 1000000000u / 1000)};
	event_add(w->memory.timer, &again);
}

int memory_watch_begin(struct watch *w, struct event_base *base)
{
	static const struct timeval soon = {.tv_usec = 1000};

	if (!w->options->memory.on)
		return 0;
	w->memory.timer = event_new(base, -1, 0, on_timer, w);
	return !w->memory.timer || event_add(w->memory.timer, &soon) ? -ENOMEM : 0;
}

void memory_watch_end(struct watch *w)
{
	if (w->memory.timer)
		event_free(w->memory.timer);
	w->memory.timer = NULL;
}

/* What it has passed since the last look, as its group has had all that it may since. */
static void pass_the_rest(struct watch *w, struct watched *t)
{
	struct memory_state *s = t->memory;
	uint64_t hits, used = s->used;
	size_t i;

	if (!is_group(s->kind) || !s->dir || s->hits == UINT64_MAX)
		return;
	hits = cgroup_memory_hits(s->dir, s->kind == REPORT_LIMIT_CGROUP1);
	if (hits == UINT64_MAX || hits <= s->hits)
		return;
	s->used = s->most;
	for (i = s->hard.level; i < MEMORY_THRESHOLDS; i++)
		pass(w, t, &s->hard, i, MEMORY_THRESHOLDS);
	s->hard.level = MEMORY_THRESHOLDS;
	s->used = used;
}

static void tell_oom_kill(struct watch *w, struct watched *t)
{
	const struct memory_state *s = t->memory;
	struct report_memory row = {.alone = s->alone};

	w->memory.oom_kills++;
	if (fill(w, t, &row))
		report_memory_free(&row);
	else
		keep(w, t, &row);
}

/* Whether the OOM killer has killed one of its group since the last look, or not long before. */
static bool has_been_there(const struct memory_state *s)
{
	uint64_t kills;

	if (!s->limits.own_dir || s->kills == UINT64_MAX)
		return false;
	if (is_near(s, watch_now()))
		return true;
	kills = cgroup_memory_oom_kills(s->limits.own_dir, s->limits.own_old);
	return kills != UINT64_MAX && kills > s->kills;
}

/*
 * The kernel counts whom its OOM killer has killed by control group. Whoever ends by SIGKILL while
 * that has risen was killed by it, or by somebody else as another one of the group was. Where it
 * was alone at the last look that other one must have come and gone since.
 */
void memory_watch_end_of(struct watch *w, struct watched *t)
{
	struct memory_state *s = t->memory;
	int status;
	bool known;

	if (!w->memory.timer || !s || s->ended || t->host || !s->looked_ns)
		return;
	known = !process_end_status(&t->process, &status);
	if (!known && !process_ends_within(&t->process, 0))
		return; /* it goes on, and is not watched any more */
	s->ended = true;
	if (!has_been_there(s))
		return;
	if (known ? WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL : s->alone) {
		pass_the_rest(w, t);
		tell_oom_kill(w, t);
	} else if (!known) {
		log_warn(
			"process %d has ended as the kernel's OOM killer killed a process of its control group: how it ended is not known",
			(int)t->process.pid);
	}
}

bool memory_watch_is_unlimited(const struct watched *t)
{
	return t->memory && t->memory->looked_ns && !t->memory->most;
}

void memory_watch_lend(struct watch *w, struct report *report)
{
	report->memory_asked = w->options->memory.on;
	report->memory = w->memory.rows;
	report->nmemory = w->memory.n;
}

static double part_of(const struct metrics_memory *m)
{
	return (double)m->used / (double)m->limit;
}

static bool is_same(const struct metrics_memory *a, const struct metrics_memory *b)
{
	return !strcmp(a->exe, b->exe) && !strcmp(a->unit, b->unit) &&
	       !strcmp(a->module, b->module);
}

/* In the place of a process of the same program, or of the emptiest one, where it is fuller. */
static void count_one(struct metrics_memory *rows, size_t *n, const struct metrics_memory *one)
{
	size_t i, emptiest = 0;

	for (i = 0; i < *n; i++) {
		if (is_same(&rows[i], one))
			break;
		if (part_of(&rows[i]) < part_of(&rows[emptiest]))
			emptiest = i;
	}
	if (i == *n && *n < MEMORY_PROGRAMS) {
		rows[(*n)++] = *one;
		return;
	}
	i = i == *n ? emptiest : i;
	if (part_of(one) > part_of(&rows[i]))
		rows[i] = *one;
}

void memory_watch_count(const struct watch *w, struct metrics_memory rows[MEMORY_PROGRAMS],
			struct metrics_memory_sum *out)
{
	const struct memory_watch *m = &w->memory;
	const struct report_process *p;
	size_t i;

	*out = (struct metrics_memory_sum){.programs = rows};
	if (!w->options->memory.on)
		return;
	memcpy(out->at, w->options->memory.at, sizeof(out->at));
	memcpy(out->passed, m->passed, sizeof(out->passed));
	out->oom_kills = m->oom_kills;
	out->profiles = m->profiles;
	out->profiles_failed = m->profiles_failed;
	for (i = 0; i < w->ntargets; i++) {
		const struct watched *t = w->targets[i];

		if (!t->memory || t->ended || !t->memory->most)
			continue;
		p = roster_find(watch_roster(w), (uint32_t)t->process.pid,
				(double)(watch_now() - w->start_ns) / 1e9);
		count_one(rows, &out->nprograms,
			  &(struct metrics_memory){t->process.exe, p && p->unit ? p->unit : "",
						   watched_module(t), t->memory->used,
						   t->memory->most});
	}
}

void memory_watch_free(struct memory_watch *m)
{
	while (m->n)
		report_memory_free(&m->rows[--m->n]);
	free(m->rows);
	m->rows = NULL;
}

void memory_state_free(struct memory_state *s)
{
	if (!s)
		return;
	memory_limits_free(&s->limits);
	free(s->dir);
	free(s->where);
	free(s);
}
