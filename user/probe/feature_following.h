/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROBE_FEATURE_FOLLOWING_H
#define MAPRACE_PROBE_FEATURE_FOLLOWING_H

#include "probe/feature.h"

/* For probe/feature.c: what is needed beside probes to follow a command's processes, or a host's.
 * Each fills in whether it is there, and if not why and what to do. */
void feature_ask_execs(struct feature_answer *a);
void feature_ask_gate(struct feature_answer *a);
void feature_ask_trace(struct feature_answer *a);
void feature_ask_pidfd(struct feature_answer *a);
void feature_ask_children(struct feature_answer *a);
void feature_ask_cgroups(struct feature_answer *a);

/* What to do about that error of bpf(2): of privileges, or otherwise. */
void feature_fix_privileges(struct feature_answer *a, int error, const char *otherwise);

#endif
