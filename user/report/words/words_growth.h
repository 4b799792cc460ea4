/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_REPORT_WORDS_GROWTH_H
#define MAPRACE_REPORT_WORDS_GROWTH_H

#include <stdio.h>

#include "model/model.h"

/* How a map grew, in words that are safe on a terminal, as those of words.h are. */

/* "map[string]int at 0x00c00012e000 (main.cache)" */
void words_growth_map(FILE *out, const struct report_growth *growth);
/* "from 4096 to 8192 buckets", "a table of 1024 slots became two", … */
void words_growth_change(FILE *out, const struct report_growth *growth);
/* "began at 1.234s, ended at 1.250s: 16.0ms, of which 1.1ms to make the buckets, 4096 steps" */
void words_growth_time(FILE *out, const struct report_growth *growth);
/* "goroutine 7, 90%: write in main.put at /src/service.go:31" */
void words_growth_payer(FILE *out, const struct report_growth *growth, size_t i);
/* "goroutine 12, since 1.200s: main.dump at /src/service.go:44" */
void words_growth_iterator(FILE *out, const struct report_growth *growth, size_t i);
/* "1.234s", or "not seen" when negative: a moment of the run, to the millisecond */
void words_moment(FILE *out, double s);

/* How long it took, in ns; negative when that is not known. */
double words_growth_length(const struct report_growth *growth);

#endif
