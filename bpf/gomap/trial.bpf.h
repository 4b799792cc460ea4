/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPRACE_TRIAL_BPF_H
#define MAPRACE_TRIAL_BPF_H

/*
 * What the silence of a map is worth, by an experiment (docs/verdicts.md). An operation that would
 * be held now is held or, by a coin, made a control: it notes the moment and goes on. If nothing
 * orders the others with it, whether one of them comes within that time does not depend on the
 * coin: then it is a collision as often, for its share of the coin, as a control that is met. Many
 * controls met and no collision: something keeps the others out while one is held.
 *
 * Nothing here is evidence of a race, and an operation without a hold pays nothing for it: the open
 * control is found by the same look that finds a hold.
 */
#include "near.bpf.h"
#include "operation.bpf.h"

#define TRIAL_AFTER 32	 /* holds of a map, all of them to find a race: most are found by then */
#define TRIAL_ENOUGH 30	 /* controls met at a site after which it is seldom held */
#define TRIAL_FREQUENT 8 /* controls met before their share is believed */
#define TRIAL_SETTLED_ODDS 16 /* then every so manieth time that it is due */
#define TRIAL_SITE_SHIFT 56   /* of trial_who(): the call site's number */
#define TRIAL_RARE_BIT 62     /* above it */
#define TRIAL_RARE_ODDS 8     /* of rarely used maps every so manieth hold takes part */

static __always_inline struct mr_trial *trial_slot(__u32 index)
{
	index &= MR_TRIAL_SLOTS - 1;
	return bpf_map_lookup_elem(&trials, &index);
}

static __always_inline bool trial_is_of(const struct mr_trial *t, const struct mr_map *m)
{
	return t->map == m->addr && t->born == m->first_ns;
}

/* The map's trial; another map's is begun anew. */
static __always_inline struct mr_trial *trial_of(__u32 index, const struct mr_map *m)
{
	struct mr_trial *t = trial_slot(index);
	int i;

	if (!t || trial_is_of(t, m))
		return t;
	if (t->map && t->map != m->addr)
		count_of(t->map, MR_COUNT_TRIAL_EVICTED);
	t->map = 0;
	t->born = m->first_ns;
	t->end_ns = 0;
	t->holds = 0;
	t->controls = 0;
	t->met = 0;
	for (i = 0; i < MR_MAP_SITES / 8; i++)
		((volatile __u64 *)t->by_site)[i] = 0;
	t->map = m->addr;
	return t;
}

/* The P that a goroutine runs on, 0 when unreadable. */
static __always_inline __u64 processor_of(__u64 g)
{
	const volatile struct mr_target *t = target_of(g);
	__u64 m = 0, p = 0;

	if (target_u64(g + t->g_m, &m) || target_u64(m + t->m_p, &p))
		return 0;
	return p;
}

/* Thread, CPU, operation and call site in one word: a function that is verified by itself has five
 * arguments, numbers all of them. */
static __always_inline __u64 trial_who(const struct operation *o)
{
	return o->tid | (__u64)(__u16)o->cpu << 32 | (__u64)o->op << 48 |
	       (__u64)o->site << TRIAL_SITE_SHIFT;
}

/*
 * An operation found a control open on its map. It counts where it could have come as well had the
 * control been a hold: one that keeps its thread, its CPU and its P to itself. Who comes on one of
 * these came because they were free; who comes after them may still count.
 */
__noinline int trial_meet(__u32 index, __u64 map, __u64 g, __u64 now, __u64 who)
{
	struct mr_map *m = bpf_map_lookup_elem(&maps, &index);
	struct mr_trial *t = trial_slot(index);
	__u64 p;

	if (!m || !t)
		return 0;
	if (m->addr != map || !trial_is_of(t, m) || (__s64)(now - t->end_ns) > 0) {
		m->trial = 0;
		return 0;
	}
	if (t->g == g || (!mr_op_writes((__u8)(who >> 48)) && !mr_op_writes(t->op)))
		return 0;
	if (t->tid == (__u32)who || t->cpu == (__u16)(who >> 32))
		return 0;
	p = processor_of(g);
	if (!p || p == t->processor)
		return 0;
	m->trial = 0;
	t->met++;
	if (t->by_site[t->site & (MR_MAP_SITES - 1)] < 255)
		t->by_site[t->site & (MR_MAP_SITES - 1)]++;
	return 1;
}

/* Whether the map is under a trial at all: the others are held as policy.h says. */
static __always_inline bool trial_wanted(const struct operation *o, const struct mr_caller *s)
{
	return policy_matters(o->record->flags) && o->record->holds >= TRIAL_AFTER &&
	       s->holds >= POLICY_COLD_HOLDS;
}

/*
 * How long a hold, or control, of this operation should be that the policy wants to be so long. 0:
 * it had better not be, because a control is open that a hold would disturb; or because the site
 * has been tested enough, and what its holds cost is better spent elsewhere. Where most controls
 * are met a shorter time tells as much for less.
 */
static __always_inline __u64 trial_length(const struct operation *o, struct mr_caller *s,
					  __u64 length)
{
	struct mr_trial *t;

	if (!trial_wanted(o, s))
		return length;
	t = trial_slot(o->index);
	if (!t || !trial_is_of(t, o->record))
		return length;
	if (o->record->trial && (__s64)(o->now - t->end_ns) <= 0)
		return 0;
	if (t->met >= TRIAL_FREQUENT && t->met * 2 > t->controls && length / 8 >= cfg.min_hold_ns)
		length /= 8;
	if (t->by_site[o->site & (MR_MAP_SITES - 1)] < TRIAL_ENOUGH)
		return length;
	if (!(o->record->flags & MR_MAP_MET))
		near_ordered(s->key, o->g, o->now);
	if (!(bpf_get_prandom_u32() % TRIAL_SETTLED_ODDS))
		return length;
	s->next_ns = o->now + length;
	return 0;
}

/* Throws the coin. 1: it is a control, and open. They are counted by call site, as what is true of
 * one need not be of another: one without a number takes no part. */
__noinline int trial_toss(__u32 index, __u64 map, __u64 g, __u64 length, __u64 who)
{
	struct mr_map *m = bpf_map_lookup_elem(&maps, &index);
	struct mr_trial *t;

	if (!m || m->addr != map || who >> TRIAL_SITE_SHIFT & MR_MAP_SITES)
		return 0;
	if (who >> TRIAL_RARE_BIT & 1 && bpf_get_prandom_u32() % TRIAL_RARE_ODDS)
		return 0; /* held, whatever the coin would say */
	t = trial_of(index, m);
	if (!t)
		return 0;
	if (bpf_get_prandom_u32() % MR_TRIAL_ODDS) {
		t->holds++;
		return 0;
	}
	t->controls++;
	t->g = g;
	t->processor = processor_of(g);
	t->tid = (__u32)who;
	t->cpu = (__u16)(who >> 32);
	t->op = (__u8)(who >> 48);
	t->site = who >> TRIAL_SITE_SHIFT & (MR_MAP_SITES - 1);
	t->end_ns = bpf_ktime_get_ns() + length;
	if (t->processor)
		m->trial = 1;
	return 1;
}

/* A hold that was cut short: it met nobody for another reason. */
static __always_inline void trial_forget(const struct operation *o, const struct mr_caller *s)
{
	struct mr_trial *t = trial_slot(o->index);
	__u32 holds;

	if (!t || !trial_wanted(o, s) || !trial_is_of(t, o->record))
		return;
	holds = *(volatile __u32 *)&t->holds; /* once: another CPU may begin it anew */
	if (holds)
		t->holds = holds - 1;
}

/*
 * At the moment at which the hold would be published. True: it is a control, and nothing is to be
 * held.
 */
static __always_inline bool trial_control(const struct operation *o, struct mr_caller *s,
					  __u64 length)
{
	if (!trial_wanted(o, s))
		return false;
	if (!trial_toss(o->index, o->map, o->g, length,
			trial_who(o) | (__u64)policy_rare(o->quiet_ns, length) << TRIAL_RARE_BIT))
		return false;
	s->next_ns = o->now + length;
	return true;
}

#endif
