/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_TESTS_GOMAP_PROGRAMS_H
#define MAPRACE_TESTS_GOMAP_PROGRAMS_H

/* The programs of gomap.bpf.c as ordinary C, with the kernel's part and the target's. Included
 * once, behind cmocka.h; MAX_EVENTS (1000) may be defined before. */
#pragma clang diagnostic ignored "-Wmissing-prototypes"
#pragma clang diagnostic ignored "-Wunused-parameter"
#pragma clang diagnostic ignored "-Wunused-function"
#define MR_FROZEN volatile
#define __TARGET_ARCH_x86
#undef MR_CPU_ENTRIES		 /* wire.h may have been there */
#define MR_CPU_ENTRIES (4 * 512) /* slots by CPUs */
#include "gomap/gomap.bpf.c"

#define TGID 4242
#ifndef MAX_EVENTS
#define MAX_EVENTS 1000
#endif

#include "bpf_fake.h"
#include "engine_target.h"

#endif
