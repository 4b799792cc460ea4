/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_CMD_DOCTOR_BPF_H
#define MAPRACE_CMD_DOCTOR_BPF_H

#include <stdbool.h>

/* What of kernel BPF maps can be seen here, tried and printed. False: nothing, `maprace bpf` cannot
 * work. */
bool doctor_bpf(void);

#endif
