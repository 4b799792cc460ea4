/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_ARCH_ARCH_H
#define MAPRACE_ARCH_ARCH_H

/* What is known of the architecture: one header each, all with the same names. The BPF programs'
 * part is bpf/common/arch.bpf.h. */
#if defined(__x86_64__)
#include "arch/amd64.h"
#else
#error "no facts of this architecture yet"
#endif

#endif
