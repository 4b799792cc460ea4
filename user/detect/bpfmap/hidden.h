/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_DETECT_BPFMAP_HIDDEN_H
#define MAPRACE_DETECT_BPFMAP_HIDDEN_H

#include <stdbool.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <maprace/bpfmap.h>

/* What the kernel hides from our programs: bpf/bpfmap/bpfhidden.bpf.h. */

/* Where in struct bpf_prog_stats this kernel counts what it hides, in bytes; -1: it hides nothing,
 * as before 5.12 (include/linux/filter.h). */
int hidden_counted_at(const struct btf *kernel);
/* Before the object is loaded. */
void hidden_wanted(struct bpf_object *object, bool wanted);
/* Once it is: finds the counters of the programs that see look-ups, on each of the CPUs. -ENOENT
 * unless all were found, or another negative errno; control->hidden_known says the same to the
 * programs. */
int hidden_find_counters(struct bpf_object *object, struct mr_bpf_control *control,
			 const struct mr_bpf_cpu *cpus);

#endif
