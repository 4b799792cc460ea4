/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROBE_ATTACH_H
#define MAPRACE_PROBE_ATTACH_H

#include <stdbool.h>
#include <stdint.h>

#include <maprace/growth.h>
#include <maprace/panics.h>

#include "base/err.h"
#include "go/go_binary.h"
#include "probe/hooks.h"
#include "process/memory.h"
#include "process/process.h"

/*
 * One target of the engine in the kernel, in phases: prepare finds out what the engine has to know
 * of it, load gives it a place there (the first one has the programs verified), attach places its
 * probes, activate opens its gate (last, when all is in place), detach takes everything away again.
 * A crash of ours at any point leaves nothing behind: a process of its own holds the probes and
 * takes them away when we are gone (probe/attacher.h). Targets that are watched in the same way
 * share one engine (probe/engine.h); one comes or goes without any other's noticing.
 */
struct attachment;

struct attach_opts {
	uint64_t max_hold_ns;
	uint32_t hold_ppm;  /* share of each CPU's time that holds may take; 0: count only,
				    never hold */
	uint64_t window_ns; /* suspects: how close in time; 0: none are wanted */
	bool growth;	    /* the hook sets have hooks of hooks_choose_growth() */
	bool panics;	    /* and of hooks_choose_panics() */
	bool panic_values;  /* with that: what they say is told */
	/* Not 0: a command that was started, where call sites that are cold are held for so long;
	 * and long holds are done also where they make a stop dangerous. See attachment_test(). */
	uint64_t long_hold_ns;
	uint32_t map_records; /* a power of two, 0: MR_MAP_RECORDS, or more for many targets */
	uint32_t targets;     /* about how many there will be */
	bool no_multi;	 /* one perf event per site although the kernel could do better (tests) */
	bool deaths;	 /* by the runtime's hand are told of, whatever the reason */
	bool flag_stays; /* of this process: fault_recovers() */
	/* One that the runtime ends is stopped to be looked at, for so long at the most; 0: it is
	 * not. */
	uint64_t max_freeze_ns;
};

int attachment_new(struct attachment **out, const struct attach_opts *opts, struct err *err);
/* bias: run-time minus link-time address. The hook set, binary (whose open file gets the probes,
 * whatever the process runs by then) and process must outlive the attachment. */
int attachment_prepare(struct attachment *a, const struct process *p, const struct go_binary *bin,
		       const struct hook_set *set, uint64_t bias, bool may_plug, struct err *err);
int attachment_load(struct attachment *a, struct err *err);
int attachment_attach(struct attachment *a, struct err *err);
/* All that were to be attached are: privileges that only that takes are given up. */
void attachment_settle(struct attachment *a);
/* After attaching: the copies of the map functions in a plugin that the process has loaded, which
 * bin was read from. The hook set must outlive the attachment. After an error nothing of it is
 * watched.
 */
int attachment_add(struct attachment *a, const char *path, const struct go_binary *bin,
		   const struct hook_set *set, uint64_t bias, struct err *err);
/* Whether the process has run since the last look: what it has noted is as young as that only. */
void attachment_looked(struct attachment *a, bool runs);
/* whole: no code of the process's can write to a map but through the probes. */
void attachment_activate(struct attachment *a, bool whole);
/* It can after all: some of the probes are not there. collections: nor is the collector's. */
void attachment_not_whole(struct attachment *a, bool collections);
/* Since when all operations have been seen, or would have been; 0: they are not. */
uint64_t attachment_whole_since(const struct attachment *a);
/* Takes the probes in these slots (MR_SITE_SLOTS of them) out of the process; open puts them back.
 * The probe of runtime.fatal always stays. -EAGAIN, of anything that moves probes: that takes
 * longer than anybody waits for, and goes on; to be asked for once more later. Taking away is not
 * waited for at all: attachment_moved() tells what became of it, 1 while it is under way. */
int attachment_close(struct attachment *a, const bool *cycled, struct err *err);
int attachment_open(struct attachment *a, struct err *err);
int attachment_moved(struct attachment *a, struct err *err);
/*
 * A sign of life, CLOCK_MONOTONIC: when none has come for ten seconds the attacher takes all probes
 * away. The next one puts them back: *unwatched_ns tells for how long they were gone, else 0. After
 * an error some still are: the next attachment_open() or _close() tries again.
 */
int attachment_beat(struct attachment *a, uint64_t now_ns, uint64_t *unwatched_ns, struct err *err);
/*
 * What held the probes has been killed, perhaps while it moved some: then the kernel may have given
 * up on them, and they stay in the program's text with nobody behind them. Places probes there once
 * more and has them taken away (attachment_wait()), which takes those along. sites: also where all
 * processes of the program have the same ones; one of them is enough for all. -ESRCH: it has ended
 * itself.
 */
int attachment_mend(struct attachment *a, bool sites, struct err *err);
/* What holds the probes, or held them. */
pid_t attachment_attacher(const struct attachment *a);
/* The engine wants goroutines held at a call instruction (MR_EVENT_CALL). */
void attachment_want_call(struct attachment *a, const struct mr_event_call *e);
/* A call site: of which site's function, and the run-time address that it returns to. */
struct attachment_caller {
	uint64_t ret;
	uint32_t slot;
};
/* Whose record has this key, given the return address. False: none's, any more. */
bool attachment_caller_site(const struct attachment *a, uint64_t key, uint64_t ret, uint32_t *slot);
/* Where calls of a function of the program itself are seen, a wrapper's: where they may be. So many
 * slots. */
size_t attachment_caller_slots(const struct attachment *a, const struct hook *hook,
			       uint32_t slots[MR_SITE_SLOTS]);
/* It is held at its next visits, as if it had been held so often and had met nobody; partner is the
 * other side. 1, 0: it was armed already, or a negative errno. After loading. */
int attachment_arm(struct attachment *a, const struct attachment_caller *site,
		   const struct attachment_caller *partner, unsigned int tried);
/* The call sites that were armed, and held so often without meeting anybody. 0, a negative errno,
 * or what each() returned that is not 0. */
int attachment_tried(const struct attachment *a,
		     int (*each)(void *ctx, const struct attachment_caller *site,
				 unsigned int tried),
		     void *ctx);
/* Now and then: probes at the call instructions that were wanted, and away from busy ones. */
int attachment_change_calls(struct attachment *a, uint64_t now_ns, struct err *err);
/* Call sites that were wanted and are not probed. */
uint64_t attachment_bare_calls(const struct attachment *a);
/* Call sites that are seen at all times though their function is not. */
uint64_t attachment_cold_calls(const struct attachment *a);
/* False: the attacher of the probes was killed, and they are gone. */
bool attachment_alive(const struct attachment *a);
/*
 * Of a process that stands still since the runtime's own check has ended it (MR_EVENT_FATAL,
 * stopped): it goes on, and is not stopped again. To be called by whoever has read that event, and
 * whatever happens: where nobody does, the attacher does it within a second.
 */
void attachment_let_go(struct attachment *a);
/* It is not stopped when it dies, from now on: who it belongs to has changed. */
void attachment_never_stop(struct attachment *a);
/*
 * The operation that the goroutine at this address (untagged) entered last, and where its return
 * address was. False: it is not known, or later ones may have gone by unseen. The engine goes on
 * writing: to be asked while the process stands still.
 */
struct attachment_last_op {
	uint64_t arg; /* a map, or an iterator where site_iterates */
	uint64_t site, sp;
	bool site_iterates;
	uint8_t op; /* enum mr_op */
};
bool attachment_last_op(const struct attachment *a, uint64_t g, struct attachment_last_op *out);
/* Whether the collector may have given memory back since it had come so far: then what lies at an
 * address may be something else. */
bool attachment_collected(const struct attachment *a, uint32_t collections);
/* Whether it can make clones that have the seed of their source. */
bool attachment_clones(const struct attachment *a);
/*
 * Whether the kernel may leave out runs of its programs without anybody's knowing: an operation has
 * gone by unseen then, and what is noted as the last one is an earlier one. Before Linux 6.0 it
 * does where another task was preempted in the middle of bpf(2) on that CPU (trace_call_bpf(),
 * kernel/trace/bpf_trace.c); links of uprobe-multi are none of that.
 */
bool attachment_may_miss(const struct attachment *a);
/* Whether the map at this address (untagged) says that a writer is inside: 0, 1, or negative, as it
 * cannot be read. */
int attachment_is_written(const struct attachment *a, struct memory *memory, uint64_t map);
/* From now on it is a test: holds may delay it by that, not by a share of each CPU's time. NULL: by
 * that share again, as a process that was there before. */
struct attachment_terms {
	uint64_t began_ns;  /* CLOCK_MONOTONIC */
	uint64_t credit_ns; /* whatever it takes alone */
	uint32_t permille;  /* of what it takes alone, beside */
};
void attachment_test(struct attachment *a, const struct attachment_terms *terms);
/* What it has waited, for traps and in line for a CPU, and for holds and all else that its programs
 * count as such. */
void attachment_waited(struct attachment *a, uint64_t others_ns, uint64_t holds_ns);
/* What holds may take from now on of each CPU's time, in millionths. */
void attachment_throttle(struct attachment *a, uint32_t ppm);
/* Its probes go, while others of the engine are asked for or go too; no event comes any more. */
void attachment_detach(struct attachment *a);
/* Its process runs no instruction of what was watched any more: what comes to lie at the same
 * addresses, of that process or of another one with its number, is not taken for it. */
void attachment_vacate(struct attachment *a);
/* When this returns they are gone; or it says that they are not. */
void attachment_wait(struct attachment *a);
/* It has ended, and what the tables say of it has been read: that is room for others from now on. */
void attachment_forget(struct attachment *a);
/* What is counted for no target in particular is told by another one from now on, as all of it will
 * be counted on: this one is about to be freed. */
void attachment_hand_over(struct attachment *a);
void attachment_free(struct attachment *a);

bool attachment_is_multi(const struct attachment *a);
uint32_t attachment_sites(const struct attachment *a);

/* What the addresses that the engine tells of this target have in their top bits; 0: not loaded. */
uint16_t attachment_tag(const struct attachment *a);
/* File descriptors of the ring buffers, of all targets of the engine; of growths: -1 where nobody
 * asked for them. */
int attachment_events_fd(const struct attachment *a);
int attachment_growths_fd(const struct attachment *a);
/* What each goroutine has done for the growth that it was last seen in: MR_GROWERS of them, of all
 * targets, mapped read-only, possibly torn. NULL where nobody asked. */
const struct mr_grower *attachment_growers(const struct attachment *a);
struct attachment_sum {		 /* over all CPUs */
	struct mr_cpu cpu;	 /* tokens and refill times are left 0 */
	uint64_t ops[MR_OP_MAX]; /* its hits, by enum mr_op */
	uint64_t foreign;	 /* its part of the hits of processes that nobody watches */
};
/* What is counted for no target in particular is in the sum of one of them. */
void attachment_counters(const struct attachment *a, struct attachment_sum *sum);
/* The map records, of all targets, mapped read-only; *count of them. Torn values are possible. NULL
 * before load. */
const struct mr_map *attachment_maps(const struct attachment *a, uint32_t *count);
/* The trials behind the verdicts, likewise; that of map record k is at k & (MR_TRIAL_SLOTS - 1), if
 * it is that map's. */
const struct mr_trial *attachment_trials(const struct attachment *a);
/* Run-time address of the probe site in this slot of the table, 0 when empty. */
uint64_t attachment_site(const struct attachment *a, uint32_t slot);
uint8_t attachment_op(const struct attachment *a, uint32_t slot); /* enum mr_op */
/* The function behind it, NULL when empty. */
const char *attachment_function(const struct attachment *a, uint32_t slot);
/* -ENOENT: no such pair. */
int attachment_pair(const struct attachment *a, uint64_t key, struct mr_pair *pair);
/* Likewise, of a suspect. */
int attachment_suspect(const struct attachment *a, uint64_t key, struct mr_suspect *suspect);
/* A site of its panics, as it is now; -ENOENT: none has that key. */
int attachment_panic(const struct attachment *a, uint64_t key, struct mr_panic_site *site);
/* The sites of its panics, each as it is now. 0, -ENOMEM, or what the kernel said: then some are
 * missing. */
int attachment_panics(const struct attachment *a,
		      void (*each)(void *ctx, uint64_t key, const struct mr_panic_site *site),
		      void *ctx);
/* What a hit there costs, in hits of the usual kind; 0 when empty. */
double attachment_weight(const struct attachment *a, uint32_t slot);
/* How often the kernel skipped our programs (recursion), told by one target for all; 0 where it
 * does not count. */
uint64_t attachment_missed(const struct attachment *a);

#endif
