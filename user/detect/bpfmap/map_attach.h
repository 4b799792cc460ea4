/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_DETECT_BPFMAP_MAP_ATTACH_H
#define MAPRACE_DETECT_BPFMAP_MAP_ATTACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <maprace/bpfmap.h>

#include "base/err.h"
#include "detect/bpfmap/kernel_symbols.h"

/*
 * The programs on the kernel's map functions, in phases: load finds out which functions there are
 * and has the programs verified, attach places them, activate opens the gate. Nothing stays behind
 * when we die: links go with their file descriptors.
 */
struct map_attachment;

struct map_attach_opts {
	struct kernel_symbols symbols;
	uint64_t window_ns;
	uint32_t ppm;		   /* share of each CPU's time; 1,000,000: no limit */
	const struct map_listed {  /* where there are any, only these maps are watched */
		uint32_t id, type; /* enum bpf_map_type */
	} * listed;
	size_t nlisted;
	uint32_t own_tgid; /* ours as the kernel's programs see it; 0: not known */
	bool no_atomics;   /* the programs for old kernels although the new ones load (tests) */
};

int map_attachment_load(struct map_attachment **out, const struct map_attach_opts *opts,
			struct err *err);
int map_attachment_attach(struct map_attachment *a, struct err *err);
void map_attachment_activate(struct map_attachment *a, bool open);
void map_attachment_detach(struct map_attachment *a);
void map_attachment_free(struct map_attachment *a);

/* Whether function i of map_functions[] is watched, and if not why (static storage; NULL: no map
 * that is watched passes through it). */
bool map_attachment_watches(const struct map_attachment *a, size_t i, const char **why);
uint32_t map_attachment_functions(const struct map_attachment *a);
/* Not 0 where the kernel hides some of the look-ups by programs and we cannot find out which
 * (negative errno; -ENOENT: it does not tell where it counts them): then no program's read counts.
 */
int map_attachment_distrusts_programs(const struct map_attachment *a);

int map_attachment_events_fd(const struct map_attachment *a);
/* The tables, shared with the kernel. */
struct mr_bpf_row *map_attachment_rows(struct map_attachment *a);
struct mr_bpf_chunk *map_attachment_chunks(struct map_attachment *a);
const struct mr_bpf_finding *map_attachment_findings(struct map_attachment *a);
/* Sum over all CPUs of ops, losses and time spent. */
void map_attachment_counters(const struct map_attachment *a, struct mr_bpf_cpu *sum);
/* The kernel refuses everything: no fentry here. Fills err with one clear line. */
int map_attachment_refused(struct err *err, int code);
uint64_t map_attachment_missed(const struct map_attachment *a);

#endif
