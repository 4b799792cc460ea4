/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SESSION_BPF_WATCH_H
#define MAPRACE_SESSION_BPF_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "detect/bpfmap/findings.h"
#include "detect/bpfmap/kernel_maps.h"
#include "detect/bpfmap/map_attach.h"
#include "detect/bpfmap/programs.h"
#include "session/bpf_join.h"
#include "session/settings.h"

/* State of one `maprace bpf`. */
struct bpf_watch {
	const struct bpf_options *options;
	struct map_attachment *attachment;
	struct kernel_maps maps;
	struct map_listed *listed; /* those of --map */
	size_t nlisted;
	struct programs programs;
	struct findings *findings;
	struct bpf_join join;
	uint64_t start_ns, end_ns; /* the watch itself, CLOCK_MONOTONIC; 0: not begun, not over */
	int64_t started_unix_ns;   /* wall clock */
	double attach_ms;
	uint64_t programs_dropped;
	struct filter *filter;	   /* what is not to be reported; NULL: nothing */
	struct recorder *recorder; /* NULL: none */
	bool foreign; /* our PID namespace is not the initial one, whose numbers the events have */
	bool failed;
};

/* bpf_loop.c: until time or a signal says that it is over. 0 or negative errno. */
int bpf_watch_loop(struct bpf_watch *w);
/* Looks for programs that came or went, and tells the kernel side. 0 or negative errno. */
int bpf_watch_programs(struct bpf_watch *w);

/* bpf_output.c */
/* What has been watched so far, attaching and detaching apart. */
uint64_t bpf_watched_ns(const struct bpf_watch *w);
void bpf_print_findings(struct bpf_watch *w, uint64_t older_than_ns);
/* The reports to -o, if asked for. */
void bpf_write_output(struct bpf_watch *w);
/* To the recordings, what there is to say now. */
void bpf_record(struct bpf_watch *w);
/* What is said last: files, stats, the summary, all of one and the same state. */
void bpf_finish(struct bpf_watch *w);
/* bpf_top.c: one round of the table. */
void bpf_print_top(struct bpf_watch *w);

#endif
