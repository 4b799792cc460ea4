/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPRACE_DELAY_BPF_H
#define MAPRACE_DELAY_BPF_H

/*
 * Keeping apart what is proved racy. The runtime's own check, which kills the process, fired more
 * often for our being there (docs/accuracy.md, and ring.bpf.h). A map that is proved racy has
 * little more to teach; so of two goroutines that leave for operations on it at about the same
 * time, the later one waits until the earlier one is done, as far as that can be told from when it
 * left and from the map's own flag. This is the last thing that a program does: what it did before
 * may have taken a whole hold.
 *
 * A collision also leaves its two goroutines in step: they were let go at the same moment, and
 * where each then sleeps for as long as the other, they meet again and again, until one of them is
 * stopped inside. So at its call instruction, in front of the stack check, one that comes seldom
 * waits until it is out of step: an eighth of the time since its last write, a millisecond at most.
 * Half of what holds may take is left to those that find races.
 *
 * Nothing here is evidence of anything.
 */
#include "engine.bpf.h"

/* From the end of the program to the end of the operation: the way back from the trap, cold caches.
 */
#define APART_NS 5000
#define STEP_SHARE 8
#define STEP_MAX_NS 1000000

struct mr_delay aparts[MR_HOLD_SLOTS] = {};

/* For how long the one of that note is less than apart away: 0 if it is further, or comes after us,
 * or is of another target, or we both read. A function of its own, for the verifier to go through
 * once. */
__noinline int delay_left(__u32 index, __u32 cpu, __u64 g, __u64 now, __u32 apart)
{
	volatile struct mr_delay *s = &aparts[index & (MR_HOLD_SLOTS - 1)];
	__u64 other = s->g[cpu & (MR_DELAY_CPUS - 1)], when = s->when[cpu & (MR_DELAY_CPUS - 1)];
	__s64 since = (__s64)((now & ~1ull) - (when & ~1ull));

	if ((other ^ g) >> MR_TAG_SHIFT || other == g || !((now | when) & 1))
		return 0;
	if (since < 0 || since >= apart || (!since && other > g))
		return 0;
	return (int)apart - (int)since;
}

/* 0: go on. Loops in loops, as in engine.bpf.h: few iterations for the verifier. */
__noinline int wait_step_turns(__u64 until, __u64 g)
{
	int i;

	for (i = 0; i < 16; i++)
		if (stop_asked(g) || wait_turn(until))
			return 1;
	return 0;
}

/* Ends at once where the goroutine is to stop: it stops in front of the operation. */
__noinline int wait_step(__u64 until, __u64 g)
{
	int i;

	for (i = 0; i < 32 && !wait_step_turns(until, g); i++)
		;
	return 0;
}

/* What keeps two apart that come after such a time. */
static __always_inline __u32 delay_ns(__u64 period, const struct mr_cpu *c)
{
	period /= STEP_SHARE;
	if (period > STEP_MAX_NS)
		period = STEP_MAX_NS;
	return APART_NS + (c->tokens_ns < period + cfg.burst_ns / 2 ? 0 : (__u32)period);
}

/*
 * How long ago g wrote to the map, as far as its record knows; else how long ago somebody passed
 * this call. 0: not known, or just now. A function of its own: the verifier goes through it once.
 */
__noinline __u64 delay_period(__u32 index, __u64 g, __u64 now, __u64 call_ns)
{
	const struct mr_map *m = bpf_map_lookup_elem(&maps, &index);

	if (m && m->writer.g == g)
		call_ns = m->writer.ns;
	else if (m && m->writer_before.g == g)
		call_ns = m->writer_before.ns;
	return call_ns && (__s64)(now - call_ns) > 0 ? now - call_ns : 0;
}

/* Notes the one that leaves now. For how long it had better not. A function of its own: the stack
 * of delay_racy_op() and of those around it is full. */
__noinline int delay_note(__u32 index, __u32 cpu, __u64 g, __u64 now, __u32 apart)
{
	volatile struct mr_delay *s = &aparts[index & (MR_HOLD_SLOTS - 1)];
	struct mr_cpu *c;
	int left;
	__u32 on, i;

	c = this_cpu(g, &on);
	cpu &= MR_DELAY_CPUS - 1;
	/* it may be another CPU's note, which ours takes the place of */
	left = delay_left(index, cpu, g, now, apart);
	s->g[cpu] = g;
	s->when[cpu] = now;
	/* Both of two note themselves before either looks: this is BPF's full barrier. */
	__sync_fetch_and_add(&c->racy, 1);
	/* several at once are longer than one, which is as well */
	for (i = 0; i < MR_DELAY_CPUS; i++)
		left += delay_left(index, i, g, now, apart);
	return left;
}

/* how: WAIT_*. period: since it last came to its call instruction; 0 elsewhere. */
__noinline int delay_racy_op(__u32 index, __u64 map, __u64 g, __u32 how, __u64 period)
{
	volatile struct mr_delay *s = &aparts[index & (MR_HOLD_SLOTS - 1)];
	__u64 now = (bpf_ktime_get_ns() & ~1ull) | (how & WAIT_WRITER), until;
	struct mr_cpu *c;
	int left;
	__u32 cpu, apart;

	c = this_cpu(g, &cpu);
	apart = delay_ns(period, c);
	cpu &= MR_DELAY_CPUS - 1;
	left = delay_note(index, cpu, g, now, apart);
	if (!left && !another_inside(map, how & WAIT_IF_EMPTY))
		return 0;
	if (apart > APART_NS && left > APART_NS) {
		if (left > STEP_MAX_NS)
			left = STEP_MAX_NS;
		c->tokens_ns -= (__u64)left < c->tokens_ns ? (__u64)left : c->tokens_ns;
		wait_step(now + left, g);
		left = 0;
	}
	until = now + left;
	wait_writers(until, map, g, how);
	until = bpf_ktime_get_ns();
	if (s->g[cpu] == g) /* another one's note stays as it is */
		s->when[cpu] = (until & ~1ull) | (how & WAIT_WRITER);
	count(c, MR_COUNT_KEPT_APART);
	tally(&c->hold_ns, until - now);
	return 1;
}

#endif
