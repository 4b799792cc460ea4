/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_REPORT_PRINTERS_H
#define MAPRACE_REPORT_PRINTERS_H

#include <stdio.h>

#include "model/memory.h"
#include "model/model.h"
#include "model/panic.h"
#include "model/snapshot.h"
#include "model/vitals.h"

/* Text, as docs/reports.md shows it. Bytes that are not printable ASCII or valid UTF-8 are
 * escaped. */
struct text_style {
	bool color;
	bool verbose;		 /* do not fold runtime frames */
	bool quote;		 /* quote the lines of source, where the file is at hand */
	const char *source_root; /* where to look for it too; NULL: nowhere */
	/* where there are several: the one that a race is in; NULL: it goes without saying */
	const struct report_process *process;
};
void text_print_race(FILE *out, const struct report_race *race, double elapsed_s,
		     const struct text_style *style);
/* A finding in a kernel BPF map; text_print_race() calls it. */
void text_print_bpf(FILE *out, const struct report_race *race, double elapsed_s,
		    const struct text_style *style);
/* A finding in a BPF program's instructions; text_print_bpf() calls it. */
void text_print_audit(FILE *out, const struct report_race *race, const struct text_style *style);
/* What an audit has read, and what it has not. */
void text_print_audited(FILE *out, const struct report *report, const struct text_style *style);
void text_print_summary(FILE *out, const struct report *report, const struct text_style *style);
/* The line of source below its frame, without its indent; blanks stand for tabs. NULL where it is
 * not quoted or not to be had. line: SOURCE_LINE bytes that it lies in. */
const char *text_print_line(FILE *out, const struct report_frame *frame,
			    const struct text_style *style, char *line);
/* Caveats and counters that are not 0, a line each. */
void text_print_caveats(FILE *out, const struct report_stats *stats);
void text_print_counters(FILE *out, const struct report_stats *stats);
/* What was not reported, and by what; what: one of them, "race". */
void text_print_hidden(FILE *out, const struct report *report, const char *what);
/* How maps grew: nothing when nobody asked for it; without style->verbose the few that took most. */
void text_print_growths(FILE *out, const struct report *report, const struct text_style *style);
/* Where programs panicked: nothing when nobody asked for it; without style->verbose no stacks. */
void text_print_panics(FILE *out, const struct report *report, const struct text_style *style);
/* What there is to say of processes' goroutines: nothing when nobody asked for it. */
void text_print_vitals(FILE *out, const struct report *report, const struct text_style *style);
/* "handler=add, tenant=seven" */
void text_print_labels(FILE *out, const struct report_label *labels, size_t n);
/* Snapshots: without style->verbose the runtime's frames are left out. */
void text_print_snapshots(FILE *out, const struct report *report, const struct text_style *style);
/* A process that has died: first those who were in conflict; goroutines with style->verbose. */
void text_print_death(FILE *out, const struct report_death *death, const struct text_style *style);
/* Thresholds of memory, and those that the kernel has killed for it; goroutines with
 * style->verbose. */
void text_print_memory(FILE *out, const struct report_memory *m, const struct text_style *style);
/* All of these, and races and suspects: the report without its summary. */
void text_print_findings(FILE *out, const struct report *report, const struct text_style *style);
/* How a whole document is rendered. */
struct print_options {
	struct text_style text;
	const char *source_root; /* file names below it become relative; NULL: none */
};
/* Each writes the whole report as one document, and flushes; 0, -EIO, -ENOSPC, -ENOMEM. A row of
 * format.c each. */
int text_print_report(FILE *out, const struct report *report, const struct print_options *options);
int json_print_report(FILE *out, const struct report *report, const struct print_options *options);
int jsonl_print_report(FILE *out, const struct report *report, const struct print_options *options);
int sarif_print_report(FILE *out, const struct report *report, const struct print_options *options);
int junit_print_report(FILE *out, const struct report *report, const struct print_options *options);
int html_print_report(FILE *out, const struct report *report, const struct print_options *options);
int pprof_print_report(FILE *out, const struct report *report, const struct print_options *options);
/* A heap for `go tool pprof`. comment: what is to be known of it. */
int pprof_print_heap(FILE *out, const struct report_heap *h, const char *exe, const char *comment);
int mrec_print_report(FILE *out, const struct report *report, const struct print_options *options);
/* What a stream has to say at the end of a document: flushes it. 0 or negative errno. */
int print_finish(FILE *out);

/* One line {"type": …, "data": {…}} and a flush. */
int jsonl_print_race(FILE *out, const struct report_race *race, bool suspect);
/* The same, with the process that it is in ("process"), and when that is told ("time"). */
int jsonl_print_race_of(FILE *out, const struct report_race *race,
			const struct report_process *process, int64_t unix_ns);
int jsonl_print_growth(FILE *out, const struct report_growth *growth);
int jsonl_print_panic(FILE *out, const struct report_panic *panic);
/* The same, with the process that it is in ("process"), and when that is told ("time"). */
int jsonl_print_panic_of(FILE *out, const struct report_panic *panic,
			 const struct report_process *process, int64_t unix_ns);
int jsonl_print_vitals(FILE *out, const struct report_vitals *vitals);
/* A place that makes goroutines which do not end, in a process. */
int jsonl_print_leak(FILE *out, const struct report_maker *maker,
		     const struct report_process *process, int64_t unix_ns);
int jsonl_print_death(FILE *out, const struct report_death *death);
/* process: NULL, or as a row of `processes`, with the time at which it is told. */
int jsonl_print_memory(FILE *out, const struct report_memory *m,
		       const struct report_process *process, int64_t unix_ns);
/* One that nobody has looked at: where it died, and what of. message: "" where it is not known. */
int jsonl_print_ending(FILE *out, enum report_death_cause cause, const char *message,
		       const struct report_access *at, const struct report_process *process,
		       int64_t unix_ns);
int jsonl_print_target(FILE *out, const struct report_target *target);
int jsonl_print_stats(FILE *out, const struct report_stats *stats);

#endif
