/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_REPORT_JUNIT_PARTS_H
#define MAPRACE_REPORT_JUNIT_PARTS_H

#include "report/printers.h"

/* junit.c */
int junit_print_case(FILE *out, const struct report_race *race, bool suspect, double elapsed_s,
		     const struct print_options *options);
/* One case: passed, or skipped where nothing could have failed; with what that is worth. */
void junit_print_nothing(FILE *out, const struct report *report, bool blind, double seconds);
void junit_print_time(FILE *out, int64_t unix_ns);

/* junit_programs.c: a suite for each program that a command has started, as `go test ./...` starts
 * a test binary for each package. */
bool junit_has_programs(const struct report *report);
int junit_print_programs(FILE *out, const struct report *report,
			 const struct print_options *options);

#endif
