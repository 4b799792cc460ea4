// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The programs of the end-to-end test of `maprace bpf audit`, whose names are the verdicts. */
#pragma clang diagnostic ignored "-Wunused-function"
#pragma clang diagnostic ignored "-Wunused-parameter"
#include "../../e2e/bpf/audit_cases.bpf.c"
