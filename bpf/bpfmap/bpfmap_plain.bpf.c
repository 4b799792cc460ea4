/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The same for kernels before 5.12, which refuse atomic instructions that return a value. */
#define MR_NO_ATOMICS
#include "bpfmap.bpf.c"
