/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_REPORT_METRICS_PARTS_H
#define MAPRACE_REPORT_METRICS_PARTS_H

#include "report/metrics/metrics.h"

/* Between the files that print the page. Names are without "maprace_". */
void metrics_head(FILE *out, const char *name, const char *type, const char *help);
/* A label's value: backslash, quote and end of line are escaped; what is no UTF-8 becomes '?'. */
void metrics_value(FILE *out, const char *text);
/* After a row's own labels those of its program, and its value. */
void metrics_of_program(FILE *out, const char *exe, const char *unit, const char *module,
			uint64_t n);

/* metrics_vitals.c */
void metrics_print_vitals(FILE *out, const struct report *report,
			  const struct metrics_daemon *daemon);

#endif
