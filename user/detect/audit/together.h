/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_DETECT_AUDIT_TOGETHER_H
#define MAPRACE_DETECT_AUDIT_TOGETHER_H

#include <stdint.h>

/* Why a program of this type can run on two CPUs at once. */
const char *audit_together(uint32_t prog_type);

#endif
