/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPRACE_PANICS_BPF_H
#define MAPRACE_PANICS_BPF_H

/*
 * --panics: where a program panics, and what becomes of it (Go src/runtime/panic.go). gopanic() and
 * Goexit() run the deferred functions on top of themselves; when one of those has recovered, the
 * runtime calls recovery() on the thread's own stack, which goes on in the frame that had deferred
 * it. Every panic of the goroutine that began further up the stack than that frame is over then:
 * the last one was recovered, and an earlier one has been left behind by the one after it. How far
 * up is told in bytes from the stack's end, which do not change when it is copied.
 */
#include "access.bpf.h"

/* Frames of the runtime between a program's and its panic: sigpanic and panicmem, say. */
#define PANIC_RUNTIME_FRAMES 12

static const struct mr_panicking nothing_open;

/* The compiler knows that it is so small, the verifier does not. */
static __always_inline struct mr_panic_open *panic_at(struct mr_panicking *p, __u32 i)
{
	return &p->open[plain(i) & (MR_PANICS_DEEP - 1)];
}

/* The row's counts of what has become of one. A function of its own: the verifier goes through it
 * once. */
__noinline int panic_ended(__u64 key, __u32 outcome, __u64 pc)
{
	struct mr_panic_site *s = bpf_map_lookup_elem(&panic_sites, &key);

	if (!s)
		return 0;
	__sync_fetch_and_add(&s->outcomes[outcome & 7], 1);
	if (outcome != MR_PANIC_RECOVERED)
		return 0;
	if (!s->recovered_at)
		s->recovered_at = pc;
	else if (s->recovered_at != pc)
		s->flags |= MR_PANIC_ELSEWHERE;
	return 0;
}

/*
 * Those of the goroutine that began deeper than this are over: the last one by outcome, in the
 * function of pc.
 */
__noinline int panics_end(__u64 key, __u32 deeper, __u32 outcome, __u64 pc)
{
	struct mr_panicking *p = bpf_map_lookup_elem(&panicking, &key);
	const struct mr_panic_open *open;
	__u32 i, n;

	if (!p)
		return 0;
	n = p->n;
	for (i = 0; i < MR_PANICS_DEEP && i < n; i++) {
		open = panic_at(p, n - 1 - i);
		if (open->depth <= deeper)
			break;
		panic_ended(open->site, i && outcome != MR_PANIC_GOEXIT ? open->outcome : outcome,
			    pc);
		p->n = n - 1 - i;
	}
	if (!p->n)
		bpf_map_delete_elem(&panicking, &key);
	return 0;
}

/* What has become of those that are noted is not known. */
static __always_inline void panics_forget(const struct operation *o, struct mr_panicking *p,
					  __u32 kept)
{
	if (p->n > kept) {
		o->c->counts[MR_COUNT_PANIC_OUTCOME] += p->n - kept;
		p->n = kept;
	}
}

/* What is noted of the goroutine, as far as it is under way still. NULL: nothing. */
static __always_inline struct mr_panicking *panics_now(const struct operation *o, __u64 goid,
						       __u32 depth)
{
	__u64 key = mr_panicking_key(o->g), innermost = 0;
	struct mr_panicking *p = bpf_map_lookup_elem(&panicking, &key);
	__u32 i;

	if (!p)
		return NULL;
	/* the runtime's own list is empty: whatever is noted is over, and went by unseen */
	if (p->goid != goid || p->epoch != o->target->epoch ||
	    target_u64(o->g + o->target->g_panic, &innermost) || !innermost)
		panics_forget(o, p, 0);
	p->goid = goid;
	p->epoch = o->target->epoch;
	for (i = 0; i < MR_PANICS_DEEP; i++)
		if (i < p->n && p->open[i].depth >= depth)
			panics_forget(o, p, i);
	return p;
}

/* One more is under way. */
static __always_inline void panic_push(const struct operation *o, struct mr_panicking *p,
				       __u64 goid, const struct mr_panic_open *new)
{
	__u64 key = mr_panicking_key(o->g);
	struct mr_panic_open *before;
	__u32 n;

	if (!p) {
		if (bpf_map_update_elem(&panicking, &key, &nothing_open, BPF_NOEXIST))
			goto lost;
		p = bpf_map_lookup_elem(&panicking, &key);
		if (!p)
			goto lost;
		p->goid = goid;
		p->epoch = o->target->epoch;
	}
	n = p->n;
	if (n >= MR_PANICS_DEEP) { /* it takes the place of the last one */
		n = MR_PANICS_DEEP - 1;
		count(o->c, MR_COUNT_PANIC_OUTCOME);
	} else if (n) {
		before = panic_at(p, n - 1);
		before->outcome = before->type == new->type && before->data == new->data
					  ? MR_PANIC_REPANICKED
					  : MR_PANIC_REPLACED;
	}
	*panic_at(p, n) = *new;
	p->n = n + 1;
	return;
lost:
	count(o->c, MR_COUNT_PANIC_OUTCOME);
}

/* Where the program is: the innermost return address that is not the runtime's, the one before it,
 * and where the stack was then. site 0: the stack cannot be read. */
static __always_inline void panic_place(struct pt_regs *ctx, const struct operation *o, __u64 hi,
					__u64 *site, __u64 *via, __u64 *top)
{
	struct stack_frame frame = {.fp = REG_FP(ctx)};
	__u64 floor = REG_SP(ctx), ret = 0;
	int i;

	*site = *via = 0;
	if (target_u64(floor, &ret))
		return;
	for (i = 0; i < PANIC_RUNTIME_FRAMES; i++) {
		if (ret < o->target->runtime_lo || ret >= o->target->runtime_hi)
			break;
		if (frame.fp <= floor || frame.fp > hi - sizeof(frame) || frame.fp & 7)
			break;
		*via = ret;
		floor = frame.fp;
		if (target_read(&frame, sizeof(frame), floor) || !frame.ret)
			break;
		ret = frame.ret;
	}
	*site = ret;
	*top = floor + sizeof(frame);
}

static __always_inline __u64 panic_key(const struct mr_panic_site *s)
{
	__u64 hash = s->site * 0x9e3779b97f4a7c15ull;

	hash = (hash ^ hash >> 29 ^ s->via) * 0xbf58476d1ce4e5b9ull;
	hash = (hash ^ hash >> 31 ^ s->type ^ s->flags) * 0x94d049bb133111ebull;
	return (hash & ~0xffffull) | s->tag;
}

/* Its row, which is new perhaps. NULL: there is no room. */
static __always_inline struct mr_panic_site *panic_row(const struct operation *o, __u64 key,
						       const struct mr_panic_site *fresh)
{
	struct mr_panic_site *s = bpf_map_lookup_elem(&panic_sites, &key);
	volatile struct mr_target *t = o->target;

	if (s)
		return s;
	if (t->panics < MR_PANIC_SITES_OWN || panics_common < MR_PANIC_SITES) {
		if (!bpf_map_update_elem(&panic_sites, &key, fresh, BPF_NOEXIST)) {
			if (t->panics >= MR_PANIC_SITES_OWN)
				__sync_fetch_and_add(&panics_common, 1);
			__sync_fetch_and_add((__u32 *)&t->panics, 1);
		}
		s = bpf_map_lookup_elem(&panic_sites, &key);
	}
	if (!s)
		count(o->c, MR_COUNT_PANIC_SITES);
	return s;
}

/* What it says, were it a string, or something that begins with one, as errors do. */
static __always_inline void panic_text(struct mr_event_panic *e, __u64 data)
{
	struct {
		__u64 at, len;
	} text = {};
	__u64 n;

	e->text = e->text_len = 0;
	e->text_read = 0;
	if (!cfg.panic_values || target_read(&text, sizeof(text), data))
		return;
	e->text = text.at;
	e->text_len = n = text.len;
	if (n > MR_PANIC_TEXT)
		n = MR_PANIC_TEXT;
	if (n && !target_read(e->said, (__u32)n, text.at))
		e->text_read = (__u32)n;
}

/* The first of a row is told in full. */
static __always_inline void panic_tell(struct pt_regs *ctx, const struct operation *o,
				       struct mr_panic_site *s, const struct mr_panic_open *new,
				       __u64 top)
{
	struct mr_event_panic *e;

	if (s->told)
		return;
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) {
		count(o->c, MR_COUNT_PANIC_STACK);
		return;
	}
	s->told = 1;
	e->header.kind = MR_EVENT_PANIC;
	e->header.tag = mr_tag(o->g);
	e->header.size = sizeof(*e);
	e->header.time_ns = o->now;
	e->key = new->site;
	e->data = new->data;
	e->pad = 0;
	if (!s->via || target_u64(top, &e->top))
		e->top = 0;
	panic_text(e, new->data);
	if (!access_fill(ctx, o, &e->access)) {
		s->told = 0;
		ring_discard(&events, e);
		return;
	}
	ring_submit(&events, e);
}

/* runtime.gopanic, runtime.Goexit */
static __always_inline void panic_begins(struct pt_regs *ctx, const struct operation *o,
					 bool goexit)
{
	struct mr_panic_open new = {};
	struct mr_panic_site fresh = {}, *s;
	struct mr_panicking *p;
	__u64 goid = 0, hi = 0, top = 0;

	if (target_u64(o->g + o->target->g_goid, &goid) ||
	    target_u64(o->g + o->target->g_stack_hi, &hi)) {
		count(o->c, MR_COUNT_G_FAULT);
		return;
	}
	if (!goid) { /* on the thread's own stack: the runtime dies of that */
		count(o->c, MR_COUNT_NO_GOID);
		return;
	}
	panic_place(ctx, o, hi, &fresh.site, &fresh.via, &top);
	new.type = goexit ? 0 : REG_ARG0(ctx);
	new.data = goexit ? 0 : REG_ARG1(ctx);
	new.depth = (__u32)(hi - REG_SP(ctx));
	fresh.type = new.type;
	fresh.tag = mr_tag(o->g);
	fresh.flags = goexit ? MR_PANIC_IS_GOEXIT : 0;
	fresh.first_ns = o->now;
	new.site = panic_key(&fresh);
	p = panics_now(o, goid, new.depth);
	if (goexit)
		panics_end(mr_panicking_key(o->g), 0, MR_PANIC_GOEXIT, 0);
	else
		panic_push(o, p, goid, &new);
	s = panic_row(o, new.site, &fresh);
	if (!s)
		return;
	__sync_fetch_and_add(&s->total, 1);
	if (goexit)
		__sync_fetch_and_add(&s->outcomes[MR_PANIC_GOEXIT], 1);
	s->last_ns = o->now;
	panic_tell(ctx, o, s, &new, top);
}

/* runtime.recovery: on the thread's own stack, the goroutine is its argument. Where it goes on is
 * in the innermost runtime._panic, before Go 1.22 in the goroutine itself. */
static __always_inline void panic_recovered(struct pt_regs *ctx, const struct operation *o)
{
	const volatile struct mr_target *t = o->target;
	__u64 g = tagged(REG_ARG0(ctx), tag_of(o->g)), key = mr_panicking_key(g);
	struct mr_panicking *p = bpf_map_lookup_elem(&panicking, &key);
	__u64 at = g, goid = 0, hi = 0, pc = 0, sp = 0;

	if (!p)
		return;
	if ((!t->recover_in_g && target_u64(g + t->g_panic, &at)) ||
	    target_u64(g + t->g_goid, &goid) || target_u64(g + t->g_stack_hi, &hi) ||
	    target_u64(at + t->recover_pc, &pc) || target_u64(at + t->recover_sp, &sp)) {
		count(o->c, MR_COUNT_G_FAULT);
		pc = 0;
	}
	if (!pc || p->goid != goid || p->epoch != t->epoch || sp >= hi || (hi - sp) >> 32) {
		panics_forget(o, p, 0);
		bpf_map_delete_elem(&panicking, &key);
		return;
	}
	panics_end(key, (__u32)(hi - sp), MR_PANIC_RECOVERED, pc);
}

/* The process dies in this goroutine. */
static __always_inline void panic_kills(const struct operation *o)
{
	__u64 goid = 0;

	if (!cfg.panics || target_u64(o->g + o->target->g_goid, &goid) || !goid)
		return;
	panics_now(o, goid, ~0u);
	panics_end(mr_panicking_key(o->g), 0, MR_PANIC_DIED, 0);
}

#endif
