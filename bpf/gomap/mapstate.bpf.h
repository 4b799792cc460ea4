/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPRACE_MAPSTATE_BPF_H
#define MAPRACE_MAPSTATE_BPF_H

/*
 * The record of a map: who used it last, how often, from how many goroutines. Written without
 * atomics by whoever passes: counts may lose an increment, a record may be torn. Nothing here is
 * ever evidence of a collision; that is engine.bpf.h's, from holds only.
 */
#include "identity.bpf.h"
#include "policy.h"

static __always_inline __u32 map_index(__u64 addr)
{
	return mr_map_index(addr, cfg.map_mask);
}

static __always_inline void map_take_over(struct mr_map *m, __u64 addr, __u64 now, struct mr_cpu *c)
{
	/* the loss of whose it was */
	count_of(m->addr, m->addr == addr ? MR_COUNT_MAP_REBORN : MR_COUNT_MAP_EVICTED);
	/* first: whoever finds it to be this map's does not believe the notes of the one before */
	*(volatile __u64 *)&m->first_ns = now;
	*(volatile __u64 *)&m->addr = addr;
	/* m->hold belongs to whoever holds, and stays */
	m->trial = 0;
	m->flags = 0;
	m->next_look_ns = 0;
	m->seen = 0;
	m->reads = 0;
	m->writes = 0;
	m->reader.g = 0;
	m->writer.g = 0;
	m->writer_before.g = 0;
	m->type = 0;
	m->hold_ns = 0;
	m->looked = 0;
	m->holds = 0;
	m->collisions = 0;
	m->proved = 0;
	__builtin_memset(m->marks, 0, sizeof(m->marks));
	__builtin_memset(m->sites, 0, sizeof(m->sites));
	m->assigned = 0;
	m->seed = seed_of(addr, c);
	m->collected = collections_now(addr);
}

/* By the map's own target: a late note of another one's tells nothing of it. */
static __always_inline bool used_since(const struct mr_map_access *l, __u64 map, __u64 since)
{
	return same_target(l->g, map) && (__s64)(l->ns - since) > 0;
}

/*
 * After a collection: a clone that was made while its probe was away may lie there, with the seed
 * of the one that was known. What tells that something was put in is forgotten, unless each
 * function that matters has had its probe since the last use.
 */
static __always_inline void map_doubt(struct mr_map *m, __u64 map)
{
	const volatile struct mr_target *t = target_of(map);
	__u64 whole = t->whole_ns;

	if (t->clone_copies != MR_CLONE_FLAGS || t->collections_unseen)
		return; /* unseen: no map is told anyway, and each operation comes here */
	if (whole && (used_since(&m->writer, map, whole) || used_since(&m->reader, map, whole)))
		return;
	/* somebody has written who is not named any more: who does now is not alone in that */
	if (m->writer.g || m->writer_before.g)
		m->flags |= MR_MAP_WRITERS;
	*(volatile __u64 *)&m->writer.g = 0;
	*(volatile __u64 *)&m->writer_before.g = 0;
	*(volatile __u32 *)&m->assigned = 0;
}

/* The record becomes this map's, unless it is. A function of its own, for the verifier to go
 * through once. */
__noinline int map_recognise(__u32 index, __u64 map, __u64 now)
{
	struct mr_map *m = bpf_map_lookup_elem(&maps, &index);
	struct mr_cpu *c;
	__u32 cpu, seed;

	c = this_cpu(map, &cpu);
	if (!m)
		return 0;
	if (m->addr == map) {
		seed = seed_of(map, c);
		if (seed && seed == m->seed && !seed_is_of_clones(seed, map, m->collected)) {
			map_doubt(m, map);
			/* last: whoever finds it so does not come here */
			*(volatile __u32 *)&m->collected = collections_now(map);
			return 0;
		}
	}
	map_take_over(m, map, now, c);
	return 1;
}

/* Whether a map lies on g's stack; -1: cannot be read. A function of its own, for the verifier. */
__noinline int on_stack_of(__u64 g, __u64 map)
{
	const volatile struct mr_target *t = target_of(g);
	__u64 lo = 0, hi = 0;
	__u32 cpu;

	if (target_u64(g + t->g_stack_lo, &lo) || target_u64(g + t->g_stack_hi, &hi)) {
		count(this_cpu(g, &cpu), MR_COUNT_G_FAULT);
		return -1;
	}
	return mr_addr(map) >= lo && mr_addr(map) < hi;
}

static __always_inline bool is_another(__u64 noted, __u64 g)
{
	return noted && noted != g && same_target(noted, g);
}

/* Whether the record names another goroutine of the process: one of 64 pairs has one bit in
 * mr_map.seen. A function of its own: the verifier goes through it once. */
__noinline int noted_by_another(__u32 index, __u64 g)
{
	const struct mr_map *m = bpf_map_lookup_elem(&maps, &index);

	return m && (is_another(m->writer.g, g) || is_another(m->writer_before.g, g) ||
		     is_another(m->reader.g, g));
}

/*
 * At an operation that is looked at. A map that becomes empty gets a new seed each time, and if it
 * is one that matters it is to be known by the last of them. One that was on a stack may not be:
 * that memory may be the heap's by now, without any collection, and another map's. So it is marked
 * as such from the beginning, whose operation is always looked at; nobody but its goroutine uses
 * it. Always called: a branch around it would have the verifier go through all that follows twice.
 */
__noinline int map_look_closer(__u32 index, __u64 map, __u64 g, __u64 now)
{
	struct mr_map *m = bpf_map_lookup_elem(&maps, &index);
	__u32 cpu;
	int on_stack;

	if (!m || m->addr != map)
		return 0;
	if (!(m->flags & (MR_MAP_SHARED | MR_MAP_STACK)) && noted_by_another(index, g))
		m->flags |= MR_MAP_SHARED;
	if (m->flags & MR_MAP_SHARED && !(m->flags & MR_MAP_STACK)) {
		if (m->flags & MR_MAP_EMPTIED)
			target_of(map)->emptied[index & (MR_EMPTIED - 1)] = index + 1;
		return 0;
	}
	on_stack = on_stack_of(g, map);
	if (!(m->flags & MR_MAP_STACK)) {
		if (on_stack > 0) {
			this_cpu(map, &cpu)->stack_maps++;
			m->flags |= MR_MAP_STACK;
		}
		return 0;
	}
	if (on_stack)
		return 1;
	m->seed = 0; /* another map, whatever its seed */
	map_recognise(index, map, now);
	return 0;
}

/*
 * The world stands, before anything is given back: a map that was used since the last collection is
 * still there, dead or alive, with the seed that its next user will find.
 */
static __always_inline void map_outlives(__u64 tag, __u32 i)
{
	volatile struct mr_target *t = target_of(tag);
	__u32 index = t->emptied[i & (MR_EMPTIED - 1)], cpu;
	struct mr_map *m;

	if (!index)
		return;
	index--;
	m = bpf_map_lookup_elem(&maps, &index);
	/* the record may be another target's by now, whose memory is not here */
	if (m && mr_tag(m->addr) == mr_tag(tag) && m->collected == t->collections &&
	    m->flags & MR_MAP_EMPTIED)
		m->seed = seed_of(m->addr, this_cpu(tag, &cpu));
}

/* Eight of them. A function of its own: the verifier goes through it once. */
__noinline int maps_outlive(__u64 tag, __u32 i)
{
	__u32 k;

	for (k = 0; k < 8; k++)
		map_outlives(tag, i + k);
	return 0;
}

/*
 * A collision on addr. Another map may have taken the record over while the event was made: then it
 * is not that one's, and should it do so at this very moment the mark still is not its own.
 *
 * From now on each operation is kept apart (delay.bpf.h): those that were going to pass a few times
 * (fastpath.bpf.h) no longer find the record that they were noted with. A function of its own: all
 * that a program has called at a time shares 512 bytes of stack.
 */
__noinline int map_prove(__u32 index, __u64 addr)
{
	struct mr_map *m = bpf_map_lookup_elem(&maps, &index);
	__u64 first_ns;

	if (!m || *(volatile __u64 *)&m->addr != addr)
		return 0;
	m->collisions++;
	if (m->flags & MR_MAP_RACY && mr_map_proved(m, addr))
		return 0;
	m->proved = addr;
	m->flags |= MR_MAP_RACY;
	first_ns = m->first_ns;
	m->first_ns = first_ns + 1;
	/* what was certain stays so: the mark is of the time that counts up here */
	if (m->assigned == mr_assigned_mark(addr, first_ns))
		m->assigned = mr_assigned_mark(addr, first_ns + 1);
	return 0;
}

/* That map's record says so of another one that it was of before; unless it is another's again. A
 * function of its own: what it needs of the stack is not the caller's. */
__noinline int map_unprove(__u32 index, __u64 map)
{
	struct mr_map *m = bpf_map_lookup_elem(&maps, &index);

	if (m && m->addr == map && !mr_map_proved(m, map))
		m->flags &= (__u16)~MR_MAP_RACY;
	return 0;
}

static __always_inline void last_set(struct mr_map_access *l, __u64 g, __u64 now, __u32 tid,
				     __u32 cpu, __u8 op, __u8 slot)
{
	l->g = g;
	l->ns = now;
	l->tid = tid;
	l->cpu = cpu;
	l->op = op;
	l->slot = slot;
}

/* The later of two times, without a branch: the verifier would follow both ways through all that
 * comes after. */
static __always_inline __u64 later(__u64 a, __u64 b)
{
	__u64 b_is_later = (__u64)((__s64)(a - b) >> 63);

	asm volatile("" : "+r"(b_is_later));
	return a - ((a - b) & b_is_later);
}

/* No write lasts as long as this, even where a group of processes gets a few milliseconds of each
 * hundred, or the write had to help the collector. */
#define LONG_WRITE_NS 1000000000

/* Whoever found the record to be another map's before notes itself in it after, so late at most. */
static __always_inline bool last_is_of_map(const struct mr_map_access *l, __u64 first_ns)
{
	return (__s64)(l->ns - first_ns) > LONG_WRITE_NS;
}

/* Whoever left this note, the same g, has put something in since: it comes again. Unless it is an
 * assignment by another function: that one may be called by the first. */
static __always_inline bool last_assigned(const struct mr_map_access *l, __u64 g, __u64 first_ns,
					  __u32 op, __u32 slot)
{
	return l->g == g && l->op == (MR_OP_WRITE | MR_LAST_ONCE) &&
	       (op != MR_OP_WRITE || l->slot == slot) && last_is_of_map(l, first_ns);
}

/* Before g's operation is noted: whether something has been put in for certain, where a clone can
 * be born with the writing flag. Always called, a function of its own: the verifier would follow
 * each branch of it through all that comes after. */
__noinline int map_assigned(__u32 index, __u64 map, __u64 g, __u32 op, __u32 slot)
{
	volatile struct mr_map *m;
	__u64 first_ns;
	__u32 mark;

	if (target_of(g)->clone_copies != MR_CLONE_FLAGS)
		return 0;
	m = bpf_map_lookup_elem(&maps, &index);
	if (!m)
		return 0;
	first_ns = m->first_ns; /* before the notes: they are not of an earlier map's then */
	mark = mr_assigned_mark(map, first_ns);
	if (m->assigned != mark &&
	    (last_assigned((const struct mr_map_access *)&m->writer, g, first_ns, op, slot) ||
	     last_assigned((const struct mr_map_access *)&m->writer_before, g, first_ns, op, slot)))
		m->assigned = mark;
	return 0;
}

/*
 * Another one writes than was noted last, or g is the first. One goroutine may be noted twice: at
 * the same time on two CPUs, that one pushed another one out. Not a third one, where its mark is
 * there.
 */
static __noinline void writer_comes(struct mr_map *m, __u64 g, __u64 last)
{
	__u64 before = m->writer_before.g;
	__u8 *mark = &m->marks[mr_mark_place(g)], old = *mark;
	bool third = before && before != g && ((before ^ last) | (old ^ mr_mark(g)));

	*mark = mr_mark(g);
	/* the place has another's mark: who is neither of the two that are noted, or was not noted
	 * because two came at the same time */
	if (old && old != mr_mark(g) && !(last && old == mr_mark(last)) &&
	    !(before && old == mr_mark(before)))
		third = true;
	if (third && !(m->flags & MR_MAP_WRITERS))
		m->flags |= MR_MAP_WRITERS;
}

/*
 * Notes the access, once: with MR_LAST_ONCE. Returns true where it deserves a look: another
 * goroutine or another function than last time, or some time has passed since the last look.
 */
static __always_inline bool map_note(struct mr_map *m, __u64 g, __u64 now, __u32 tid, __u32 cpu,
				     __u8 op, __u32 once, __u8 slot, bool *late_much)
{
	__u64 interval = m->flags & MR_MAP_SHARED ? POLICY_SHARED_LOOK_NS : POLICY_PRIVATE_LOOK_NS;
	__s64 late = (__s64)(now - m->next_look_ns);
	bool writes = mr_op_writes(op), look = late >= 0;
	__u64 bit = mr_goroutine_bit(g), function = 1ull << (slot & 63);
	/* deletes and clears have odd numbers; a branch less for the verifier to follow */
	__u16 how = MR_MAP_WRITTEN | (op & 1) * MR_MAP_EMPTIED;
	struct mr_map_access *l = writes ? &m->writer : &m->reader;

	if (l->g != g || l->slot != slot)
		look = look || !(m->seen & bit) || !(m->looked & function) ||
		       late + (__s64)interval >= (__s64)POLICY_CHANGE_LOOK_NS;
	if (writes) {
		m->writes++;
		if (l->g != g) {
			writer_comes(m, g, l->g);
			m->writer_before = *l;
		}
		if ((m->flags & how) != how)
			m->flags |= how;
	} else {
		m->reads++;
	}
	last_set(l, g, now, tid, cpu, (__u8)(op | once), slot);
	*late_much = late > (__s64)interval;
	if (!look)
		return false;
	if (m->seen & ~bit && !(m->flags & MR_MAP_SHARED))
		m->flags |= MR_MAP_SHARED;
	m->seen |= bit;
	/* A function that comes once among many operations of others is looked at every time. */
	m->looked = m->looked & function ? function : m->looked | function;
	m->next_look_ns =
		now + (m->flags & MR_MAP_SHARED ? POLICY_SHARED_LOOK_NS : POLICY_PRIVATE_LOOK_NS);
	return true;
}

/*
 * The place of a call site in mr_map.sites: that of its mark, or where that would go. MR_MAP_SITES:
 * it has none, and there is no room for it. Two of one mark are told apart only where each has
 * found its own home free; one pair in some millions is not.
 */
static __always_inline __u32 site_place(const struct mr_map *m, __u64 key)
{
	__u32 home = mr_site_home(key), i;
	__u16 mark = mr_site_mark(key), there;

	for (i = 0; i < MR_MAP_SITES; i++) {
		there = *(const volatile __u16 *)&m->sites[(home + i) & (MR_MAP_SITES - 1)];
		if (!there || there == mark)
			return (home + i) & (MR_MAP_SITES - 1);
	}
	return MR_MAP_SITES;
}

/*
 * Notes that the call site uses the map, once that is of several goroutines. Returns its number, by
 * which mr_trial.by_site counts; MR_MAP_SITES: it has none. Always called, a function of its own:
 * the verifier would follow each branch of it through all that comes after.
 */
__noinline int map_site(__u32 index, __u64 map, __u64 key)
{
	struct mr_map *m = bpf_map_lookup_elem(&maps, &index);
	__u16 mark = mr_site_mark(key);
	__u32 place;

	if (!m || m->addr != map || !(m->flags & MR_MAP_SHARED))
		return MR_MAP_SITES;
	place = site_place(m, key);
	if (place >= MR_MAP_SITES)
		m->flags |= MR_MAP_CROWDED;
	else if (m->sites[place] != mark)
		m->sites[place] = mark;
	return (int)place;
}

static __always_inline struct mr_caller *caller_record(__u64 ip, __u64 ret, struct mr_cpu *c)
{
	__u64 key = mr_caller_key(ip, ret);
	__u32 index = mr_place(key, cfg.caller_mask);
	struct mr_caller *s = bpf_map_lookup_elem(&callers, &index);

	if (!s)
		return NULL;
	if (s->key != key) {
		if (s->key)
			count(c, MR_COUNT_CALLER_EVICTED);
		s->key = key;
		s->next_ns = 0;
		s->ret = ret;
		s->holds = 0;
		s->gap_us = 0;
		s->asked = 0;
		s->armed = 0;
		s->tried = 0;
		s->looks = 0;
		s->call_ns = 0;
	}
	return s;
}

#endif
