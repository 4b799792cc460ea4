/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPRACE_OTHER_BPF_H
#define MAPRACE_OTHER_BPF_H

/*
 * Whose write is it that the one before us has met? A map's record names the last two writers, and
 * that one of them was inside at the moment is no more than likely: the one that came first may be
 * the one that is still inside, and the one that came last may hold the very lock that orders it
 * with us. So a name is given only where there is no choice.
 */
#include "lastop.bpf.h"
#include "operation.bpf.h"

/* No write lasts as long, unless its thread lost the CPU for as long. */
#define WRITE_NS 100000000
/*
 * A goroutine that is inside a write can be parked there, where the hash or the comparison of its
 * keys is a function that the compiler has made: until its turn comes again, which is as long as
 * the run queue of a P that is in trouble; and a debugger can stop a thread alone, which is looked
 * for every two seconds. Whoever entered before the record began is not in it.
 */
#define PARKED_NS 10000000000
/*
 * Whether every writer that may still be inside has passed by the map's record. A process that is
 * stopped or frozen may be in the middle of a write for any time: user space looks for that, four
 * times a second.
 */
static __always_inline bool record_is_whole(const struct operation *o)
{
	__u64 whole_ns = o->target->whole_ns, since = later(o->record->first_ns, whole_ns);

	/* either is too young, or too old: one branch, or the verifier follows twice as many ways */
	return whole_ns && (__s64)((o->now - since - PARKED_NS) |
				   (o->target->looked_ns + LONG_WRITE_NS / 2 - o->now)) >= 0;
}

static __always_inline __u64 mark_words(const struct mr_map *m, __u32 word)
{
	return ((const volatile __u64 *)m->marks)[word];
}

/* The byte of that place, in the first or the second eight of them. */
static __always_inline __u64 mark_mask(__u32 place, __u32 word)
{
	return place >> 3 == word ? 0xffull << (place & 7) * 8 : 0;
}

/*
 * Whether somebody has written besides these two. Writers that come at the same time may push one
 * another out of writer and writer_before; their marks stay. A function of its own: the verifier
 * goes through it once.
 */
__noinline int marks_of_others(__u32 index, __u64 g, __u64 other)
{
	struct mr_map *m = bpf_map_lookup_elem(&maps, &index);
	__u32 mine = mr_mark_place(g), its = mr_mark_place(other);
	__u8 here, there;

	if (!m)
		return 1;
	if ((mark_words(m, 0) & ~(mark_mask(mine, 0) | mark_mask(its, 0))) |
	    (mark_words(m, 1) & ~(mark_mask(mine, 1) | mark_mask(its, 1))))
		return 1;
	here = m->marks[mine & (MR_MARKS - 1)];
	there = m->marks[its & (MR_MARKS - 1)];
	return (here && here != mr_mark(g) && here != mr_mark(other)) ||
	       (there && there != mr_mark(g) && there != mr_mark(other));
}

/* The last writer that is not this goroutine. *alone: no third one has ever written, and the record
 * has seen all. */
static __always_inline const struct mr_map_access *other_writer(const struct operation *o,
								bool *alone)
{
	const struct mr_map_access *w = &o->record->writer, *before = &o->record->writer_before;

	*alone = !(o->record->flags & MR_MAP_WRITERS) && record_is_whole(o);
	if (w->g == o->g)
		w = before;
	else if (before->g && before->g != o->g && before->g != w->g)
		*alone = false;
	if (marks_of_others(o->index, o->g, w->g))
		*alone = false;
	return w;
}

static __always_inline void other_unknown(struct mr_access *a)
{
	a->g = 0;
	a->goid = 0;
	a->parent_goid = 0;
	a->gopc = 0;
	a->time_ns = 0;
	a->type = 0;
	a->labels = 0;
	a->collections = 0;
	a->pad = 0;
	a->tid = 0;
	a->cpu = 0;
	a->op = MR_OP_WRITE;
	a->nframes = 1;
	a->flags = MR_ACCESS_UNKNOWN;
	a->stack_hash = 0;
	a->pcs[0] = 0;
}

/* A function of its own: of those that call it, some have little room left on the stack. */
static __always_inline int writing_flag(__u64 map)
{
	const volatile struct mr_target *t = target_of(map);
	__u8 flags = 0;
	__u32 cpu;

	if (target_read(&flags, sizeof(flags), map + t->map_flags)) {
		count(this_cpu(map, &cpu), MR_COUNT_HEADER_FAULT);
		return 0;
	}
	return (flags & t->map_writing_mask) != 0;
}

__noinline int writer_inside(__u64 map)
{
	return writing_flag(map);
}

/*
 * The same for evidence, and for most who wait: a clone of an empty map can be born with the flag,
 * and lives on with it while nothing is put in. The first word of the header says how much is in
 * (Go 1.25 to 1.27 src/internal/runtime/maps/map.go, Map.used). if_empty: for one whom that flag
 * would end all the same. A function of its own, for the verifier.
 */
__noinline int another_inside(__u64 map, __u32 if_empty)
{
	__u64 used = 1;
	__u32 cpu;

	if (!writing_flag(map)) /* no call more: who waits has little stack left */
		return 0;
	if (target_of(map)->clone_copies == MR_CLONE_FLAGS && !if_empty && target_u64(map, &used)) {
		count(this_cpu(map, &cpu), MR_COUNT_HEADER_FAULT);
		return 0;
	}
	return used != 0;
}

/* The call in front of the return address at sp, where it is one of the function of this site; else
 * 0. */
static __always_inline __u64 call_at(__u64 g, __u64 sp, const volatile struct mr_probe_site *site)
{
	const volatile struct mr_target *t = target_of(g);
	__u64 lo = 0, hi = 0, ret = 0;
	__u8 call[5] = {};
	__s32 distance;

	if (target_u64(g + t->g_stack_lo, &lo) || target_u64(g + t->g_stack_hi, &hi))
		return 0;
	if (sp < lo || sp >= hi || target_u64(sp, &ret))
		return 0;
	if (ret >= t->runtime_lo && ret < t->runtime_hi)
		return 0; /* a wrapper, whose caller is not here */
	if (target_read(call, sizeof(call), ret - sizeof(call)) || call[0] != 0xe8)
		return 0;
	distance = (__s32)(call[1] | (__u32)call[2] << 8 | (__u32)call[3] << 16 |
			   (__u32)call[4] << 24);
	return ret + (__s64)distance == site->ip - site->depth ? ret : 0;
}

/*
 * Who called the write that g stands inside, by its stack: g is the only one who can have set the
 * map's flag. As it was set before and after, and g has noted nothing meanwhile, it stood inside
 * all the time. 0: it does not, or by a call that we cannot read. A function of its own: the
 * verifier goes through it once.
 */
__noinline __u64 other_caller(__u64 g, __u64 map)
{
	volatile struct mr_last_op *l = last_op_slot(g);
	__u64 check = l->check, sp = l->sp, ret;
	__u32 slot = l->what & (MR_SITE_SLOTS - 1);

	if (!writer_inside(map))
		return 0;
	ret = call_at(g, sp, &target_of(g)->sites[slot]);
	if (!writer_inside(map) || l->check != check)
		return 0;
	return ret;
}

/*
 * What is certain of the goroutine that w notes, which wrote to the map. Who it is: where the one
 * that lives at its g has done so since from, or another one may have written. Function and caller:
 * those of what it entered last, where that is a write to this map. It is the one we are after: it
 * entered that either before us, and nothing since, or after us, and then stands inside together
 * with us, too. alone: nobody but it and us can have set the map's flag, and we have not.
 */
static __always_inline void other_fill(const struct operation *o, const struct mr_map_access *w,
				       __u64 from, bool alone, struct mr_access *a)
{
	struct last_op last = {};
	const volatile struct mr_probe_site *site;
	__u64 ip = 0;

	a->g = w->g;
	a->time_ns = w->ns;
	a->tid = w->tid;
	a->cpu = w->cpu;
	a->goid = last_op_goid(w->g, from, o->c);
	if (a->goid && target_u64(w->g + o->target->g_gopc, &a->gopc))
		count(o->c, MR_COUNT_G_FAULT);
	if (last_op_read(w->g, &last) && last.arg == o->map &&
	    mr_op_writes(o->target->sites[last.slot & (MR_SITE_SLOTS - 1)].op)) {
		site = &o->target->sites[last.slot & (MR_SITE_SLOTS - 1)];
		ip = site->ip;
		a->op = site->op;
		if (last.caller)
			a->time_ns = last.time_ns;
		else if (alone)
			last.caller = other_caller(w->g, o->map);
	} else if (o->op) {
		return; /* it has gone on since: the write that is under way now is another's */
	} else {
		last.caller = 0;
	}
	if (!a->goid && !last.caller)
		return; /* a function of the runtime's names nobody */
	a->flags = MR_ACCESS_PARTIAL;
	a->pcs[0] = ip;
	a->pcs[1] = last.caller;
	a->nframes = last.caller ? 2 : !!ip;
	a->stack_hash = (__u32)((ip ^ last.caller ^ tag_of(o->g)) * 0x9e3779b97f4a7c15ull >> 32);
}

#endif
