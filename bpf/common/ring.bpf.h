/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPRACE_RING_BPF_H
#define MAPRACE_RING_BPF_H

/*
 * Telling user space. It is not woken for it, but looks by itself every few milliseconds
 * (watch_loop.c): a wake-up in the middle of a map operation puts maprace on that very CPU, and the
 * goroutine stands inside its operation for as long as maprace works, milliseconds. The next one to
 * come would be the end of the process: Go's own check. Only a ring that is half full calls for
 * help, be it full of what was discarded.
 */
#define MR_RING_SIZE (1u << 20)

#ifndef MR_RING_HALVES /* a program whose rings user space makes larger has its own */
#define MR_RING_HALVES(bytes) ((bytes) / (MR_RING_SIZE / 2))
#endif

_Static_assert(BPF_RB_NO_WAKEUP + 1 == BPF_RB_FORCE_WAKEUP, "what is added below");

static __always_inline __u64 ring_wakeup(void *ring)
{
	/* arithmetic: the verifier would follow both ways of a branch */
	__u64 halves = MR_RING_HALVES(bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA));

	return BPF_RB_NO_WAKEUP + (halves & 1);
}

static __always_inline void ring_submit(void *ring, void *event)
{
	bpf_ringbuf_submit(event, ring_wakeup(ring));
}

/* It takes its place in the ring until user space has passed it. */
static __always_inline void ring_discard(void *ring, void *event)
{
	bpf_ringbuf_discard(event, ring_wakeup(ring));
}

#endif
