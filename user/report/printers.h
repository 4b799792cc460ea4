/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_REPORT_PRINTERS_H
#define MAPRACE_REPORT_PRINTERS_H

#include <stdio.h>

#include "report/model.h"

/* Text, as docs and product.md word it. Bytes that are not printable ASCII or valid UTF-8 are
 * escaped. */
struct text_style {
	bool color;
	bool verbose; /* do not fold runtime frames */
};
void text_print_race(FILE *out, const struct report_race *race, double elapsed_s,
		     const struct text_style *style);
/* A finding in a kernel BPF map; text_print_race() calls it. */
void text_print_bpf(FILE *out, const struct report_race *race, double elapsed_s,
		    const struct text_style *style);
void text_print_summary(FILE *out, const struct report *report, const struct text_style *style);

/* The whole document, indented; 0 or -EIO -ENOSPC. */
int json_print_report(FILE *out, const struct report *report);
/* One line {"type": …, "data": {…}} and a flush. */
int jsonl_print_race(FILE *out, const struct report_race *race, bool suspect);
int jsonl_print_target(FILE *out, const struct report_target *target);
int jsonl_print_stats(FILE *out, const struct report_stats *stats);
/* Writes the document to path atomically (temporary file beside it, fsync, rename). 0 or negative
 * errno with err set by the caller. */
int json_write_report(const char *path, const struct report *report);

#endif
