/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "session/post_mortem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "process/priority.h"
#include "probe/release.h"
#include "session/death_cause.h"
#include "session/death_core.h"
#include "session/inside.h"
#include "session/watch.h"
#include "snapshot/groups.h"
#include "snapshot/snapshot.h"

#define MAX_DEATHS 64
#define MAX_INSIDE 16	       /* that are kept of one map */
#define MAX_RUNNING 16	       /* that are shown where it is not known who was inside */
#define PREPARE_NS 40000000ull /* nobody else is looked after meanwhile */
#define MAX_PREPARES 8	       /* tries, each later than the last one */
/* Of the time: the map is one, and small mostly. */
#define GOROUTINES_PART 0.75
#define GOROUTINES_PART_CORE 0.5     /* where there is a core file to be filled */
#define SHORTEST_LOOK_NS 1000000     /* so much is left of the time at least */
#define MAX_KEPT_FRAMES 400000	     /* of all deaths: some 60 MB */
#define WAITERS_NS 1000000000u	     /* from look to look */
#define WAITERS_AFTER_NS 1000000000u /* whoever stops later was stopped by somebody else */

struct taking {
	struct watch *watch;
	struct watched *target;
	struct mr_event_fatal *event;
	struct report_death *death;
	struct death_cause cause;
	struct death_core core;
	int (*meanwhile)(void *arg);
	void *arg;
	int result;	   /* of meanwhile() */
	size_t died, last; /* of the goroutines; SIZE_MAX: not seen */
	struct inside self, all[MAX_INSIDE];
	struct snapshot_map map; /* that it died of; 0: not known, or not yet */
	bool self_inside, self_known;
	uint8_t header[MR_HEADER_MAX]; /* of the map that the one that died is inside of */
	size_t header_len;
	bool still_written; /* the map: its writer has not got through, whoever that is */
	bool mark_unknown;  /* whether it has */
	size_t nall;
	struct release guard; /* should we be killed, and whoever holds the probes with us */
};

void post_mortem_prepare(struct watched *t)
{
	struct err err = {};

	if (!t->binary || t->library || t->ready.known || t->prepares >= 1u << MAX_PREPARES)
		return;
	t->prepares++;
	if (t->prepares & (t->prepares - 1))
		return; /* later and later */
	if (snapshot_prepare(&t->ready, &t->process, t->bin, &t->binary->program, PREPARE_NS, &err))
		log_verbose("process %d: %s", (int)t->process.pid,
			    err.text[0] ? err.text : "its goroutines are not found yet");
}

bool post_mortem_may_wake(const struct watched *t)
{
	return t->died_ns && watch_now() - t->died_ns < WAITERS_AFTER_NS;
}

void post_mortem_look_at_waiters(struct watched *t)
{
	uint64_t now = watch_now();
	size_t n = 0;

	if (!t->died_ns && now - t->waiters_ns >= WAITERS_NS) {
		t->waiters_ns = now;
		waiters_note(&t->waiters, t->process.pid);
	} else if (post_mortem_may_wake(t)) {
		n = waiters_release(&t->waiters);
	}
	if (n)
		log_verbose("process %d: %zu that wait for it had stopped themselves, as it stood "
			    "still: they go on",
			    (int)t->process.pid, n);
}

static bool is_conflict(const struct taking *t)
{
	return t->cause.cause == REPORT_DEATH_CONFLICT;
}

static bool is_named(const struct taking *t)
{
	return is_conflict(t) && !(t->event->other.flags & MR_ACCESS_UNKNOWN);
}

/*
 * The engine names the only other one that it has seen write. Where the map's flag is still set,
 * who set it is still inside: if that one stands elsewhere it was somebody else, whom the engine
 * has not seen enter.
 */
static void doubt_the_other(struct taking *t, const struct snapshot_sight *s)
{
	uint64_t until = memory_until(s->memory), soon = watch_now() + SHORTEST_LOOK_NS;
	int written = 0;
	size_t i;

	if (until < soon)
		memory_deadline(s->memory, soon); /* for one byte there is time */
	if (t->map.addr)
		written = attachment_is_written(t->target->attachment, s->memory, t->map.addr);
	memory_deadline(s->memory, until);
	t->still_written = written > 0;
	t->mark_unknown = written < 0;
	if (!is_named(t))
		return;
	for (i = 0; i < t->nall && written; i++)
		if (s->goroutines->list[t->all[i].which].addr == mr_addr(t->event->other.g))
			written = 0;
	if (!written) {
		t->event->other.flags &= ~MR_ACCESS_UNBORNE;
		return;
	}
	t->last = SIZE_MAX;
	memset(&t->event->other, 0, sizeof(t->event->other));
	t->event->other.op = MR_OP_WRITE;
	t->event->other.nframes = 1;
	t->event->other.flags = MR_ACCESS_UNKNOWN;
}

/* On whose behalf the runtime ran where it ran on a stack of its own. */
static uint64_t goroutine_of(const struct snapshot_sight *s, uint64_t g)
{
	const struct go_layout *l = go_binary_layout(s->bin);
	uint64_t m, curg;

	if (memory_u64(s->memory, g + l->g_m, &m) || memory_u64(s->memory, m + l->m_curg, &curg) ||
	    !curg)
		return g;
	return curg;
}

/* While all stands still. */
static int look(void *arg, const struct snapshot_sight *s)
{
	struct taking *t = arg;
	const struct goroutines *gs = s->goroutines;
	uint64_t dying = goroutine_of(s, mr_addr(t->event->access.g));
	size_t size = go_binary_layout(s->bin)->map_size;
	struct inside_finder finder;
	struct inside one;
	size_t i;
	int r;

	death_cause_read(&t->cause, &t->target->source.resolver, t->event, s->memory,
			 t->watch->options->panic_values);
	for (i = 0; i < gs->n; i++) {
		if (gs->list[i].addr == dying)
			t->died = i;
		if (is_named(t) && t->event->other.goid &&
		    gs->list[i].addr == mr_addr(t->event->other.g) &&
		    gs->list[i].id == t->event->other.goid)
			t->last = i;
	}
	if (t->core.core && t->died != SIZE_MAX)
		core_begin_with(t->core.core, gs->list[t->died].tid);
	if (!is_conflict(t))
		return 0;
	r = inside_begin(&finder, t->target, s);
	t->self_inside = !r && t->died != SIZE_MAX && inside_find(&finder, t->died, &t->self);
	for (i = 0; i < gs->n && t->self_inside && t->nall < MAX_INSIDE; i++)
		if (i != t->died && inside_find(&finder, i, &one) && one.map == t->self.map &&
		    one.writes)
			t->all[t->nall++] = one;
	inside_end(&finder);
	if (t->self_inside && size <= sizeof(t->header) &&
	    !memory_read(s->memory, t->self.map, t->header, size))
		t->header_len = size;
	if (!t->map.addr && t->self_inside)
		t->map.addr = t->self.map;
	doubt_the_other(t, s);
	return r;
}

/* As long as the process is there, whose memory has the names of types. */
static int describe_map(struct taking *t)
{
	const struct mr_event_fatal *e = t->event;
	uint64_t addr = t->self_inside ? t->self.map : 0;
	bool same = addr && addr == mr_addr(e->map);
	size_t len = same && e->map_header_size <= MR_HEADER_MAX ? e->map_header_size : 0;

	return resolve_map(&t->target->source.resolver, addr, same ? e->type : 0,
			   len ? e->map_header : t->header, len ? len : t->header_len,
			   &t->death->map);
}

static void let_go(void *arg)
{
	struct taking *t = arg;

	t->result = t->meanwhile(t->arg);
	if (!t->result)
		t->result = describe_map(t);
	attachment_let_go(t->target->attachment);
	release_free(&t->guard);
	waiters_release(&t->target->waiters);
	priority_restore();
	t->death->stopped_ns = watch_now() - t->event->header.time_ns;
}

static int add_side(struct report_death_side *sides, size_t *n, const struct snapshot_sight *s,
		    enum report_death_role role, size_t which, const struct inside *inside)
{
	struct report_death_side *side = &sides[(*n)++];

	side->role = role;
	side->in_operation = inside != NULL;
	side->op = inside ? inside->op : REPORT_WRITE;
	return groups_make_one(&side->at, &s->goroutines->list[which], s->goroutines, s->bin,
			       s->bias, s->now_ns);
}

/* Who ran, but for those that the runtime has made for itself. */
static int add_running(struct taking *t, const struct snapshot_sight *s)
{
	const struct goroutines *gs = s->goroutines;
	struct report_death *d = t->death;
	struct report_death_side *side;
	size_t i;
	int r = 0;

	d->running = calloc(MAX_RUNNING, sizeof(*d->running));
	if (!d->running)
		return -ENOMEM;
	for (i = 0; i < gs->n && d->nrunning < MAX_RUNNING && !r; i++) {
		if (i == t->died || gs->list[i].status != GOROUTINE_RUNNING)
			continue;
		r = add_side(d->running, &d->nrunning, s, REPORT_DEATH_RUNNING, i, NULL);
		side = &d->running[d->nrunning - 1];
		if (!r && side->at.system) {
			report_group_free(&side->at);
			memset(side, 0, sizeof(*side));
			d->nrunning--;
		}
	}
	return r;
}

static const char *why_not(const struct taking *t)
{
	const struct report_death *d = t->death;

	if (t->nall || !is_conflict(t))
		return "";
	if (!d->nsides)
		return "the one that died was not among the goroutines that were read";
	if (!t->self_inside)
		return "it is not certain which map the one that died was inside of: it entered it "
		       "unseen";
	if (t->still_written && t->target->source.flag_stays)
		return "the map's writing flag is set, which a fault that this program has "
		       "recovered from may have left";
	if (t->still_written)
		return "somebody is still inside a write to this map, and who that is cannot be told";
	if (t->mark_unknown)
		return "whether somebody is still inside a write to this map could not be read";
	return "nobody else stands inside a write to this map, as far as operations are seen: it "
	       "has got through in the moment that the process took to stop";
}

/* When it has been let go: names for what was seen. */
static int tell(void *arg, const struct snapshot_sight *s)
{
	struct taking *t = arg;
	struct report_death *d = t->death;
	bool last = !t->nall && t->last != SIZE_MAX && t->last != t->died;
	size_t i;
	int r = 0;

	d->sides = calloc(t->nall + 2, sizeof(*d->sides));
	if (!d->sides)
		return -ENOMEM;
	if (t->died != SIZE_MAX)
		r = add_side(d->sides, &d->nsides, s, REPORT_DEATH_DIED, t->died,
			     t->self_inside ? &t->self : NULL);
	for (i = 0; i < t->nall && !r; i++)
		r = add_side(d->sides, &d->nsides, s, REPORT_DEATH_INSIDE, t->all[i].which,
			     &t->all[i]);
	if (last && !r)
		r = add_side(d->sides, &d->nsides, s, REPORT_DEATH_LAST, t->last, NULL);
	if (is_conflict(t) && d->nsides == 1 && t->died != SIZE_MAX && !r)
		r = add_running(t, s);
	d->map_known = t->self_inside;
	return r;
}

static struct report_death *new_death(struct post_mortem *pm)
{
	struct report_death *grown;

	if (pm->n == MAX_DEATHS) {
		if (!pm->too_many++)
			log_warn("more than %d processes have died: later ones are not looked at",
				 MAX_DEATHS);
		return NULL;
	}
	grown = reallocarray(pm->deaths, pm->n + 1, sizeof(*grown));
	if (!grown)
		return NULL;
	pm->deaths = grown;
	grown[pm->n] = (struct report_death){.nsides = 0};
	return &grown[pm->n++];
}

/* Programs that crash by the dozen, with thousands of stacks each: of the later ones those who died
 * are kept. */
static int keep_within_bounds(struct post_mortem *pm, struct report_snapshot *s)
{
	size_t i, frames = 0;

	for (i = 0; i < s->ngroups; i++)
		frames += s->groups[i].nframes + 1;
	if (pm->kept_frames + frames <= MAX_KEPT_FRAMES) {
		pm->kept_frames += frames;
		return 0;
	}
	for (i = 0; i < s->ngroups; i++) {
		s->groups_cut += s->groups[i].count;
		report_group_free(&s->groups[i]);
	}
	s->ngroups = 0;
	return report_snapshot_note(s, "its groups of goroutines are not kept: those of earlier "
				       "deaths take the room");
}

static uint64_t time_left(const struct taking *t, uint64_t limit)
{
	uint64_t gone = watch_now() - t->event->header.time_ns;

	return gone + SHORTEST_LOOK_NS < limit ? limit - gone : SHORTEST_LOOK_NS;
}

static int take_snapshot(struct taking *t, const char *type)
{
	uint64_t limit = t->watch->attach.max_freeze_ns;
	struct snapshot_options options = {
		.maps = &t->map,
		.nmaps = is_conflict(t) && t->target->ready.known,
		.first = mr_addr(t->event->access.g),
		.goroutines_part = GOROUTINES_PART,
		.ready = &t->target->ready,
		.program = &t->target->binary->program,
		.frozen = look,
		.let_go = let_go,
		.told = tell,
		.arg = t,
	};
	struct post_mortem *pm = &t->watch->post_mortem;
	struct report_death *d = t->death;
	struct err err = {};
	int r;

	t->map = (struct snapshot_map){mr_addr(t->event->map), type && type[0] ? type : NULL};
	if (t->event->stopped)
		release_arm_early(&t->guard, t->target->process.pid);
	death_core_begin(&t->core, t->watch->options->core, &t->target->process, limit,
			 pm->core_written);
	options.core = t->core.core;
	if (options.core)
		options.goroutines_part = GOROUTINES_PART_CORE;
	options.max_freeze_ns = time_left(t, limit);
	r = snapshot_take(&d->seen, &t->target->process, t->target->bin, &options, &err);
	release_free(&t->guard);
	d->seen.limit_ns = limit;
	if (r == -ECANCELED) {
		attachment_let_go(t->target->attachment);
		priority_restore();
		log_error("%s", err.text);
		return r;
	}
	if (!r && is_conflict(t) && t->map.addr && !t->target->ready.known)
		r = report_snapshot_note(&d->seen,
					 "the map was not looked at: what that needs had not been "
					 "found while the process lived");
	if (!r)
		pm->core_written |= death_core_write(&t->core, &d->seen);
	death_core_free(&t->core);
	if (r && r != -ENOMEM)
		r = report_snapshot_note(&d->seen, "it was not looked at: %s",
					 err.text[0] ? err.text : err_name(r));
	return r;
}

int post_mortem_take(struct watch *w, struct watched *t, struct mr_event_fatal *e,
		     int (*meanwhile)(void *arg), void *arg)
{
	struct taking taking = {
		.watch = w,
		.target = t,
		.event = e,
		.meanwhile = meanwhile,
		.arg = arg,
		.died = SIZE_MAX,
		.last = SIZE_MAX,
		.guard = RELEASE_NONE,
	};
	struct report_death *d;
	char *type;
	int r;

	d = taking.death = t->looked_at ? NULL : new_death(&w->post_mortem);
	if (!d) { /* of several goroutines the first; too many, or no memory */
		r = meanwhile(arg);
		attachment_let_go(t->attachment);
		return r;
	}
	t->looked_at = true;
	t->died_ns = watch_now();
	priority_raise();
	d->by_signal = e->stopped;
	death_cause_find(&taking.cause, &t->source.resolver, e);
	d->not_identified = NULL;
	type = resolve_type(&t->source.resolver, e->type);
	r = take_snapshot(&taking, type);
	free(type);
	d->seen.at_s = e->header.time_ns > w->start_ns
			       ? (double)(e->header.time_ns - w->start_ns) / 1e9
			       : 0;
	death_cause_name(&taking.cause, &t->source.resolver);
	if (!r)
		r = keep_within_bounds(&w->post_mortem, &d->seen);
	d->cause = taking.cause.cause;
	d->message = strdup(taking.cause.message);
	d->not_identified = strdup(why_not(&taking));
	if (!d->message || !d->not_identified)
		r = -ENOMEM;
	return r ? r : taking.result;
}

void post_mortem_free(struct post_mortem *pm)
{
	size_t i;

	for (i = 0; i < pm->n; i++)
		report_death_free(&pm->deaths[i]);
	free(pm->deaths);
	*pm = (struct post_mortem){.n = 0};
}
