/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Entry programs for the map functions of the watched Go processes. */
/* Registers and the ids of a namespace are stable ABI: no relocation, so that libbpf need not parse
 * the kernel's BTF (50 ms). */
#define BPF_NO_PRESERVE_ACCESS_INDEX
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "fastpath.bpf.h"
#include "delay.bpf.h"
#include "engine.bpf.h"
#include "growth.bpf.h"
#include "lastop.bpf.h"
#include "news.bpf.h"
#include "panics.bpf.h"
#include "common/private_stack.bpf.h"

char LICENSE[] SEC("license")
= "Dual BSD/GPL";

/* Ids of process and thread, 0 where they have none in the namespace of those that are watched.
 * Some kernels filter uprobes by thread or not at all, so this is always asked. */
static __always_inline __u32 this_thread(__u32 *tgid)
{
	struct bpf_pidns_info ns = {};
	__u64 id;

	if (cfg.pidns_ino) {
		if (bpf_get_ns_current_pid_tgid(cfg.pidns_dev, cfg.pidns_ino, &ns, sizeof(ns)))
			ns.tgid = 0; /* no site is of this process */
		*tgid = ns.tgid;
		return ns.pid;
	}
	id = bpf_get_current_pid_tgid();
	*tgid = id >> 32;
	return (__u32)id;
}

/* Another goroutine's write is under way, and this one's own check would be the end. */
static __always_inline void wait_inside(const struct operation *o)
{
	__u64 end;

	wait_writers(o->now, o->map, o->g, wait_how(o));
	end = bpf_ktime_get_ns();
	count(o->c, MR_COUNT_KEPT_APART);
	tally(&o->c->hold_ns, end - o->now);
}

static __always_inline int operation(struct pt_regs *ctx, bool by_helper)
{
	struct mr_probe_site site;
	struct operation o = {.by_helper = by_helper};
	struct mr_fastpath *a;
	bool wants, late;
	__u64 arg, tag, leaves;
	__u32 slot, index, tgid, once;
	int fault = 0;

	no_private_stack(ctx);
	o.tid = this_thread(&tgid);
	if (!site_at(REG_IP(ctx), tgid, &tag, &slot, &site)) {
		site_missing(tgid);
		return 0;
	}
	o.target = target_of(tag);
	if (o.target->gate != tag >> MR_TAG_SHIFT) {
		gate_is_shut(tag, tgid);
		return 0;
	}
	index = 0; /* a variable of its own: o stays in registers */
	o.c = this_cpu(tag, &index);
	o.cpu = index;
	o.op = site.op;
	o.type_arg = site.type_arg;
	/* numbers that the verifier does not know: it would follow each way by itself */
	leaves = plain(site.jump & REG_JUMPS(ctx));
	once = (__u32)plain((site.jump & (leaves ^ 1)) * MR_LAST_ONCE);
	o.leaves = leaves & 1;
	o.g = tagged(REG_G(ctx), tag);
	if (cfg.growth && growth_saw(ctx, &o, &site, slot))
		return 0;
	arg = tagged(site_word(ctx, site.map_arg), tag);
	last_op_note(o.g, arg, slot, REG_SP(ctx), o.target->epoch);
	a = fastpath_slot(o.cpu, arg);
	if (!a) {
		count(o.c, MR_COUNT_RECORD_MISSING);
		return 0;
	}
	if (fastpath_passes(a, arg, o.g, slot)) {
		tally(&o.c->hits[slot & (MR_SITE_SLOTS - 1)], 1);
		return 0;
	}
	o.map = site_arg(ctx, site.map_arg, o.target->iter_map, &fault);
	if (fault) {
		count(o.c, MR_COUNT_ITER_FAULT);
		return 0;
	}
	if (!o.map) {
		nil_look(o.g, slot, REG_SP(ctx), REG_FP(ctx));
		return 0;
	}
	o.map = tagged(o.map, tag);
	tally(&o.c->hits[slot & (MR_SITE_SLOTS - 1)], 1);
	index = map_index(o.map);
	o.index = index;
	o.record = bpf_map_lookup_elem(&maps, &index);
	if (!o.record) {
		count(o.c, MR_COUNT_RECORD_MISSING);
		return 0;
	}
	o.now = bpf_ktime_get_ns();
	/* First of all the record is made this map's: what a collision notes must not be another's.
	 */
	if ((o.record->addr ^ o.map) | (o.record->collected ^ o.target->collections))
		map_recognise(index, o.map, o.now);
	if (o.record->busy) {
		if (o.record->hold)
			collide(ctx, &o);
		if (o.record->trial)
			trial_meet(o.index, o.map, o.g, o.now, trial_who(&o));
	}
	o.quiet_ns = o.now - later(o.record->reader.ns, o.record->writer.ns);
	fastpath_flush(a);
	map_assigned(o.index, o.map, o.g, o.op, slot);
	wants = map_note(o.record, o.g, o.now, o.tid, o.cpu, o.op, once, slot, &late);
	wants |= caller_is_news(o.index, o.g, REG_FP(ctx), wants | leaves);
	fastpath_note(a, arg, o.g, slot, o.op, o.record, o.index, wants, late);
	fastpath_cloned(o.map, o.op, o.cpu, arg);
	if (wants)
		look(ctx, &o, slot);
	if (o.record->flags & MR_MAP_RACY) {
		if (!mr_map_proved(o.record, o.map))
			map_unprove(o.index, o.map); /* what was proved is not this map's */
		else if (cfg.holds_enabled && !o.leaves)
			delay_racy_op(o.index, o.map, o.g, wait_how(&o), 0);
	} else if (o.inside) {
		wait_inside(&o);
	}
	return 0;
}

/* User space loads one of the two: the second where there is no bpf_loop() (before Linux 5.17). */
SEC("uprobe")
int maprace_op(struct pt_regs *ctx)
{
	return operation(ctx, true);
}

SEC("uprobe")
int maprace_op_plain(struct pt_regs *ctx)
{
	return operation(ctx, false);
}

/* runtime.gcMarkTermination: the world stands, and nothing that this collection found dead has been
 * given back yet. */
SEC("uprobe")
int maprace_collected(struct pt_regs *ctx)
{
	struct mr_probe_site site;
	__u32 tgid, number, i;
	__u64 tag;

	no_private_stack(ctx);
	this_thread(&tgid);
	if (!site_at(REG_IP(ctx), tgid, &tag, &number, &site)) {
		site_missing(tgid);
		return 0;
	}
	if (target_of(tag)->tag != tag >> MR_TAG_SHIFT) {
		site_missing(tgid);
		return 0;
	}
	for (i = 0; i < MR_EMPTIED; i += 8)
		maps_outlive(tag, i);
	__sync_fetch_and_add((__u32 *)&target_of(tag)->collections, 1);
	return 0;
}

/* The probed call instruction at ip: its place in the table. */
__noinline int call_place(__u64 ip, __u32 tgid)
{
	__u32 i, place = mr_call_slot(tgid, ip);

	for (i = 0; i < MR_CALL_STEPS; i++, place++) {
		const volatile struct mr_call *c = &call_sites[place & (MR_CALL_SLOTS - 1)];

		if (c->ip == ip && c->tgid == tgid)
			break;
	}
	return (int)place;
}

/*
 * What the function's own probe would do with the map's record, which is this map's: but for the
 * notes of who used it last, which are evidence of who is inside, and no goroutine is inside yet. A
 * function of its own: the verifier goes through it once.
 */
__noinline int call_note(__u32 index, __u64 map, __u64 g, __u64 now, __u32 op)
{
	struct mr_map *m = bpf_map_lookup_elem(&maps, &index);
	__u64 bit = mr_goroutine_bit(g);

	if (!m || m->addr != map)
		return 0;
	if (mr_op_writes((__u8)op)) {
		m->flags |= MR_MAP_WRITTEN | (op & 1) * MR_MAP_EMPTIED;
		m->writes++;
	} else {
		m->reads++;
	}
	if (m->seen & ~bit)
		m->flags |= MR_MAP_SHARED;
	m->seen |= bit;
	map_look_closer(index, map, g, now);
	return 1;
}

/*
 * At the instruction that calls a map function, its arguments in place: the operation itself is
 * counted, and met, behind it. Only a hold is done here (stops.bpf.h), of a map that is known.
 *
 * Unless the function's probe is away, as it comes too often: then call sites from which it is
 * called seldom are seen here alone, and whoever is held meets them here. Nothing orders who stands
 * before the call with another one that is held in an operation on its map, as nothing would behind
 * the call: there is no other way to go.
 */
static __always_inline int call(struct pt_regs *ctx, bool by_helper)
{
	struct operation o = {.by_helper = by_helper, .at_call = true};
	const volatile struct mr_probe_site *site;
	struct mr_call *call;
	struct mr_caller *s;
	__u64 caller, period, tag;
	__u32 index, tgid;
	bool racy, alone;

	no_private_stack(ctx);
	o.tid = this_thread(&tgid);
	call = &call_sites[(__u32)call_place(REG_IP(ctx), tgid) & (MR_CALL_SLOTS - 1)];
	if ((call->ip ^ REG_IP(ctx)) | (call->tgid ^ tgid)) {
		site_missing(tgid);
		return 0;
	}
	tag = (__u64)call->tag << MR_TAG_SHIFT;
	o.target = target_of(tag);
	if (o.target->gate != tag >> MR_TAG_SHIFT) {
		gate_is_shut(tag, tgid);
		return 0;
	}
	index = 0;
	o.c = this_cpu(tag, &index);
	o.cpu = index;
	call->hits++;
	index = call->slot & (MR_SITE_SLOTS - 1);
	tally(&o.c->calls[index], 1);
	site = &o.target->sites[index];
	alone = o.target->away[index];
	o.op = site->op;
	o.type_arg = site->type_arg;
	o.ip = site->ip;
	o.ret = REG_IP(ctx) + REG_CALL_LEN;
	o.g = tagged(REG_G(ctx), tag);
	o.map = tagged(site_word(ctx, site->map_arg), tag);
	o.index = map_index(o.map);
	index = o.index;
	o.record = bpf_map_lookup_elem(&maps, &index);
	if (!o.record || !mr_addr(o.map) || (!alone && o.record->addr != o.map))
		return 0; /* the operation itself makes the record */
	o.now = bpf_ktime_get_ns();
	/* another one that lies there now is held here as well: behind the call it is no news */
	if ((o.record->addr ^ o.map) | (o.record->collected ^ o.target->collections))
		map_recognise(index, o.map, o.now);
	if (alone) {
		if (o.record->hold)
			collide(ctx, &o);
		if (o.record->trial)
			trial_meet(index, o.map, o.g, o.now, trial_who(&o));
		call_note(index, o.map, o.g, o.now, o.op);
	}
	caller = stack_caller(ctx, &o, &o.ret);
	s = caller ? caller_record(o.ip ^ tag, caller, o.c) : NULL;
	if (!s) {
		count(o.c, MR_COUNT_CALLER_FAULT);
		return 0;
	}
	period = delay_period(o.index, o.g, o.now, s->call_ns);
	s->call_ns = o.now;
	if (!may_hold(o.now) || o.record->flags & MR_MAP_STACK)
		return 0;
	if (alone)
		near_look(o.index, s->key, o.g, o.now, o.op);
	racy = o.record->flags & MR_MAP_RACY && mr_map_proved(o.record, o.map);
	if (!racy && (o.record->flags & LOOK_INSIDE) == LOOK_INSIDE && another_inside(o.map, 0)) {
		wait_inside(&o);
		return 0;
	}
	o.quiet_ns = o.now - later(o.record->reader.ns, o.record->writer.ns);
	o.site = (__u8)map_site(o.index, o.map, s->key);
	look_hold(ctx, &o, s, o.ret, 0);
	if (racy)
		delay_racy_op(o.index, o.map, o.g, wait_how(&o), period);
	return 0;
}

SEC("uprobe")
int maprace_call(struct pt_regs *ctx)
{
	return call(ctx, true);
}

SEC("uprobe")
int maprace_call_plain(struct pt_regs *ctx)
{
	return call(ctx, false);
}

/* Not a deletion, which on an empty map ends before the check; nor the write that self dies in. */
static __always_inline bool is_old_write(const struct mr_map_access *w, __u64 map, __u64 first_ns,
					 __u64 now, __u64 self)
{
	return same_target(w->g, map) && w->g != self && (w->op & ~MR_LAST_ONCE) == MR_OP_WRITE &&
	       (__s64)(now - w->ns) > WRITE_NS && last_is_of_map(w, first_ns);
}

/*
 * Whether it may be a clone that was made while a writer was inside: born with the flag, and in no
 * conflict. The first assignment to such a one is the end, so none that has had one is. Its seed
 * tells nothing: that of its source may have been another one when we saw the clone begin, or we
 * did not see it. Where collections go unseen, one clone is taken for another. self: the dying
 * goroutine, where it dies in a write; 0 elsewhere.
 */
static __always_inline bool born_flagged(__u64 map, const struct operation *o, __u64 self)
{
	const struct mr_map *m;
	__u32 index = map_index(map);
	__u64 first_ns;

	if (o->target->clone_copies != MR_CLONE_FLAGS)
		return false;
	m = bpf_map_lookup_elem(&maps, &index);
	if (!m || m->addr != map || o->target->collections_unseen ||
	    (m->collected != o->target->collections && map_recognise(index, map, o->now)))
		return true;
	first_ns = *(const volatile __u64 *)&m->first_ns;
	return m->assigned != mr_assigned_mark(map, first_ns) &&
	       !is_old_write(&m->writer, map, first_ns, o->now, self) &&
	       !is_old_write(&m->writer_before, map, first_ns, o->now, self);
}

#define HOME_FRAMES 4 /* the runtime's own, and the map function's */

/*
 * Which of the inner frames has its return address at sp, and this argument in its home; 0: none. A
 * function of its own: the verifier goes through it once.
 */
__noinline int home_frame(__u64 fp, __u64 sp, __u64 arg, __u32 reg)
{
	__u64 word;
	int i;

	if (target_u64(sp + mr_home_offset(reg), &word) || word != mr_addr(arg))
		return 0;
	for (i = 1; i <= HOME_FRAMES; i++) {
		if (fp + 8 == sp)
			return i;
		if (target_u64(fp, &fp))
			return 0;
	}
	return 0;
}

/* The map that the goroutine dies of, as far as it is certain, and how it is now. */
static __always_inline void fatal_map(struct mr_event_fatal *e, struct operation *o,
				      const struct last_op *last)
{
	const volatile struct mr_probe_site *site =
		&o->target->sites[last->slot & (MR_SITE_SLOTS - 1)];
	__u64 map = mr_addr(last->arg); /* a variable of its own, as in operation() */

	if (map && site->map_arg == MR_ARG_ITER &&
	    target_u64(map + o->target->iter_map,
		       &map)) { /* it may have gone over to another map */
		count(o->c, MR_COUNT_ITER_FAULT);
		map = 0;
	}
	if (map)
		map = tagged(map, tag_of(o->g));
	map_look_closer(map_index(map), map, o->g, o->now); /* the note may be a stack map's */
	if (map && born_flagged(map, o, mr_op_writes(site->op) ? o->g : 0))
		map = 0;
	if (map)
		e->born_flagged = 0;
	o->map = map;
	e->map = o->map;
	e->site = site->ip;
	e->op = site->op;
	e->home_reg = (__u8)mr_arg_register(site->map_arg);
	if (o->map)
		e->map_header_size = header_read(e->map_header, o->map, o->c);
}

/* When g had not entered yet what it dies in: its last note in the map's record. 0: it has none. */
static __always_inline __u64 noted_before(const struct mr_map_access *l, __u64 g)
{
	__u64 before = *(volatile const __u64 *)&l->g, ns = *(volatile const __u64 *)&l->ns;

	return before == g && *(volatile const __u64 *)&l->g == g ? ns : 0;
}

/*
 * Who else was inside. Either nobody else can have been: one other goroutine alone has written to
 * the map, as far as was seen; whoever has been inside since before we came would have the map's
 * mark set still, so this is said only where somebody looks at the process as it dies. Or one was
 * for certain, be there however many: it entered a write after the dying one had entered what it
 * does not leave any more. All of it is read now, while the record is what it was.
 */
static __always_inline void fatal_other(struct mr_event_fatal *e, struct operation *o,
					__u64 entered)
{
	const struct mr_map_access *noted;
	struct mr_map_access w;
	bool alone, after;
	__u32 index;
	__u64 from;

	index = map_index(o->map); /* a variable of its own, as in operation() */
	o->index = index;
	o->record = bpf_map_lookup_elem(&maps, &index);
	if (!o->record || o->record->addr != o->map)
		return;
	if (o->record->collected != o->target->collections &&
	    map_recognise(o->index, o->map, o->now))
		return; /* what is noted was another map's */
	e->type = o->record->type;
	noted = other_writer(o, &alone);
	w = *noted;
	load_fence();
	if (w.g != noted->g || w.ns != noted->ns)
		return; /* another writer notes itself just now */
	/* Where the record has only just become this map's, the note may be of another map: who
	 * found it to be that one's before notes itself in it after. */
	after = entered && (__s64)(w.ns - entered) > 0 && last_is_of_map(&w, o->record->first_ns);
	if (!same_target(w.g, o->g) || w.g == o->g || (__s64)(o->now - w.ns) < 0)
		return;
	if (after)
		from = w.ns;
	else if (alone && e->stopped && (__s64)(o->now - w.ns) < WRITE_NS)
		from = later(later(entered, o->now - WRITE_NS),
			     later(noted_before(&o->record->reader, o->g),
				   noted_before(&o->record->writer, o->g)));
	else
		return;
	other_fill(o, &w, from, alone, &e->other);
	if (!after && e->other.flags & MR_ACCESS_PARTIAL)
		e->other.flags |= MR_ACCESS_UNBORNE;
}

#define SIGSTOP 19
#define KEEPER_NS 1000000000ull

/*
 * All threads stop on their way back to the program: the other one perhaps still inside, and before
 * the message is printed. Only while somebody is there who lets the process go, which says so by
 * stop_at_fatal_ms: it is 0 before that one sends SIGCONT, while no thread can be in here. And by a
 * sign of life five times a second: he may have been killed, or stopped, or his control group
 * frozen, while our probes are still there.
 */
static __always_inline __u8 stop_process(volatile struct mr_target *t, __u64 now)
{
	if (!t->stop_at_fatal_ms || (__s64)(now - keeper_ns) > (__s64)KEEPER_NS)
		return 0;
	t->stopped_ns = now; /* first: whoever is to let it go must know of it */
	return !bpf_send_signal(SIGSTOP);
}

/* The process is about to end: who has come to that, and no more. NULL: nobody is to know. */
static __always_inline struct mr_event_fatal *death_begin(struct pt_regs *ctx, struct operation *o,
							  __u32 kind)
{
	struct mr_event_fatal *e;
	struct mr_probe_site site;
	__u32 tgid, number, cpu;
	__u64 tag;

	no_private_stack(ctx);
	o->tid = this_thread(&tgid);
	if (!site_at(REG_IP(ctx), tgid, &tag, &number, &site)) {
		site_missing(tgid);
		return NULL;
	}
	o->target = target_of(tag);
	if (o->target->gate != tag >> MR_TAG_SHIFT) {
		gate_is_shut(tag, tgid);
		return NULL;
	}
	o->c = this_cpu(tag, &cpu);
	o->cpu = cpu;
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) {
		count(o->c, MR_COUNT_RING_FULL);
		return NULL;
	}
	o->g = tagged(REG_G(ctx), tag);
	o->now = bpf_ktime_get_ns();
	e->stopped = stop_process(o->target, o->now); /* before anything that takes time */
	e->header.kind = kind;
	e->header.tag = mr_tag(tag);
	e->header.size = sizeof(*e);
	e->header.time_ns = o->now;
	/* The text's page is often not resident: the address and length travel, user space reads
	 * the file. */
	e->message = REG_ARG0(ctx);
	e->message_len = REG_ARG1(ctx);
	if (!access_fill(ctx, o, &e->access)) { /* the runtime itself, on its own stack */
		other_unknown(&e->access);
		e->access.g = o->g;
		e->access.tid = o->tid;
		e->access.op = MR_OP_NONE;
		e->access.pcs[0] = REG_IP(ctx);
	}
	e->map = 0;
	e->type = 0;
	e->site = 0;
	e->op = MR_OP_NONE;
	/* unless it is known to be none */
	e->born_flagged = o->target->clone_copies == MR_CLONE_FLAGS;
	e->map_header_size = 0;
	e->home_frame = 0;
	e->home_reg = 0;
	other_unknown(&e->other);
	return e;
}

/* runtime.fatal: the runtime has found a conflict itself, most often. */
SEC("uprobe")
int maprace_fatal(struct pt_regs *ctx)
{
	struct operation o = {};
	struct last_op last = {};
	struct mr_event_fatal *e = death_begin(ctx, &o, MR_EVENT_FATAL);

	if (!e)
		return 0;
	if (last_op_read(o.g, &last)) {
		fatal_map(e, &o, &last);
		e->home_frame = (__u8)home_frame(REG_FP(ctx), last.sp, last.arg, e->home_reg & 3);
		if (o.map && !o.target->flag_stays)
			fatal_other(e, &o, last.time_ns);
	}
	if (e->other.flags & MR_ACCESS_UNKNOWN)
		count(o.c, MR_COUNT_FATAL_UNATTRIBUTED);
	/* The one event that wakes user space at once: it reads names of types and labels while the
	 * process is there, and nobody is in danger any more. By force, as the kernel by itself
	 * wakes nobody for what comes after something unread. */
	bpf_ringbuf_submit(e, BPF_RB_FORCE_WAKEUP);
	return 0;
}

/* runtime.throw, runtime.fatalpanic. */
SEC("uprobe")
int maprace_death(struct pt_regs *ctx)
{
	struct operation o = {};
	struct mr_event_fatal *e = death_begin(ctx, &o, MR_EVENT_DEATH);

	if (!e)
		return 0;
	panic_kills(&o);
	bpf_ringbuf_submit(e, BPF_RB_FORCE_WAKEUP);
	return 0;
}

/* runtime.gopanic, runtime.recovery, runtime.Goexit; with --panics only. */
SEC("uprobe")
int maprace_panic(struct pt_regs *ctx)
{
	struct operation o = {};
	struct mr_probe_site site;
	__u32 tgid, number, cpu;
	__u64 tag;

	no_private_stack(ctx);
	o.tid = this_thread(&tgid);
	if (!site_at(REG_IP(ctx), tgid, &tag, &number, &site)) {
		site_missing(tgid);
		return 0;
	}
	o.target = target_of(tag);
	if (o.target->gate != tag >> MR_TAG_SHIFT) {
		gate_is_shut(tag, tgid);
		return 0;
	}
	o.c = this_cpu(tag, &cpu);
	o.cpu = cpu;
	tally(&o.c->hits[number & (MR_SITE_SLOTS - 1)], 1);
	if (site.jump & REG_JUMPS(ctx))
		return 0; /* the stack grows first, and the function begins anew */
	o.g = tagged(REG_G(ctx), tag);
	o.now = bpf_ktime_get_ns();
	if (site.op == MR_OP_RECOVERY)
		panic_recovered(ctx, &o);
	else
		panic_begins(ctx, &o, site.op == MR_OP_GOEXIT);
	return 0;
}
