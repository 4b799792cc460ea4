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
#include "operation.bpf.h"

#define TRIAL_ENOUGH 30	      /* controls met at a site after which it is seldom held */
#define TRIAL_FREQUENT 8      /* controls met before their share is believed */
#define TRIAL_SETTLED_ODDS 16 /* then every so manieth time that it is due */

/* Holds and controls are counted by call site: what is true of one need not be of another. */
static __always_inline __u8 trial_site(const struct mr_caller *s)
{
	return s->key >> 58;
}

static __always_inline struct mr_trial *trial_slot(const struct operation *o)
{
	__u32 index = o->index & (MR_TRIAL_SLOTS - 1);

	return bpf_map_lookup_elem(&trials, &index);
}

static __always_inline bool trial_is_of(const struct mr_trial *t, const struct operation *o)
{
	return t->map == o->map && t->born == o->record->first_ns;
}

/* The map's trial; another map's is begun anew. */
static __always_inline struct mr_trial *trial_of(const struct operation *o)
{
	struct mr_trial *t = trial_slot(o);
	int i;

	if (!t || trial_is_of(t, o))
		return t;
	if (t->map && t->map != o->map)
		lose(o->c, MR_LOSS_TRIAL_EVICTED);
	t->map = 0;
	t->born = o->record->first_ns;
	t->end_ns = 0;
	t->holds = 0;
	t->controls = 0;
	t->met = 0;
	for (i = 0; i < MR_TRIAL_CLASSES / 8; i++)
		((volatile __u64 *)t->by_site)[i] = 0;
	t->map = o->map;
	return t;
}

/* The P that a goroutine runs on, 0 when unreadable. */
static __always_inline __u64 processor_of(__u64 g)
{
	__u64 m = 0, p = 0;

	if (target_u64(g + cfg.g_m, &m) || target_u64(m + cfg.m_p, &p))
		return 0;
	return p;
}

/*
 * An operation found a control open on its map. It counts where it could have come as well had the
 * control been a hold: one that keeps its thread, its CPU and its P to itself. Who comes on one of
 * these came because they were free; who comes after them may still count.
 */
static __always_inline void trial_meet(const struct operation *o)
{
	struct mr_trial *t = trial_slot(o);
	__u64 p;

	if (!t)
		return;
	if (!trial_is_of(t, o) || (__s64)(o->now - t->end_ns) > 0) {
		o->record->trial = 0;
		return;
	}
	if (t->g == o->g || (!mr_op_writes(o->op) && !mr_op_writes(t->op)))
		return;
	if (t->tid == o->tid || t->cpu == (__u16)o->cpu)
		return;
	p = processor_of(o->g);
	if (!p || p == t->processor)
		return;
	o->record->trial = 0;
	t->met++;
	if (t->by_site[t->site & (MR_TRIAL_CLASSES - 1)] < 255)
		t->by_site[t->site & (MR_TRIAL_CLASSES - 1)]++;
}

/* Whether the map is under a trial at all: the others are held as policy.h says. */
static __always_inline bool trial_wanted(const struct operation *o, const struct mr_caller *s)
{
	return policy_matters(o->record->flags) && s->holds >= POLICY_COLD_HOLDS;
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
	t = trial_slot(o);
	if (!t || !trial_is_of(t, o))
		return length;
	if (o->record->trial && (__s64)(o->now - t->end_ns) <= 0)
		return 0;
	if (t->met >= TRIAL_FREQUENT && t->met * 2 > t->controls && length / 8 >= cfg.min_hold_ns)
		length /= 8;
	if (t->by_site[trial_site(s) & (MR_TRIAL_CLASSES - 1)] < TRIAL_ENOUGH ||
	    !(bpf_get_prandom_u32() % TRIAL_SETTLED_ODDS))
		return length;
	s->next_ns = o->now + length;
	return 0;
}

/*
 * Throws the coin, at the moment at which the hold would be published. True: it is a control, and
 * nothing is to be held.
 */
static __always_inline bool trial_control(const struct operation *o, struct mr_caller *s,
					  __u64 length)
{
	struct mr_trial *t;
	__u64 p;

	if (!trial_wanted(o, s))
		return false;
	t = trial_of(o);
	if (!t)
		return false;
	if (bpf_get_prandom_u32() % MR_TRIAL_ODDS) {
		t->holds++;
		return false;
	}
	p = processor_of(o->g);
	t->controls++;
	t->g = o->g;
	t->processor = p;
	t->tid = o->tid;
	t->cpu = (__u16)o->cpu;
	t->op = o->op;
	t->site = trial_site(s);
	t->end_ns = bpf_ktime_get_ns() + length;
	s->next_ns = t->end_ns;
	if (p)
		o->record->trial = 1;
	return true;
}

#endif
