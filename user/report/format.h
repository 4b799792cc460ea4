/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_REPORT_FORMAT_H
#define MAPRACE_REPORT_FORMAT_H

#include <stdbool.h>
#include <stdio.h>

#include "model/model.h"
#include "report/printers.h"

/* What a report can be rendered as: a row each in format.c. */
enum report_format {
	FORMAT_TEXT,
	FORMAT_JSON,
	FORMAT_JSONL,
	FORMAT_SARIF,
	FORMAT_JUNIT,
	FORMAT_HTML,
	FORMAT_MREC,
	FORMAT_PPROF,
	REPORT_FORMATS
};

const char *format_name(enum report_format format);	 /* "sarif" */
const char *format_extension(enum report_format format); /* ".sarif", the usual one */
/* By name; false when there is none of that name. */
bool format_find(const char *name, enum report_format *format);
/* By a file's extension; JSON for one that is nobody's. */
enum report_format format_of_path(const char *path);

/* The whole report as one document. 0 or negative errno. */
int format_print(FILE *out, const struct report *report, enum report_format format,
		 const struct print_options *options);

/*
 * Writes it to path atomically (temporary file beside it, fsync, rename); what is not a regular
 * file (a pipe, a terminal) is written to. 0 or negative errno.
 */
int format_write(const char *path, const struct report *report, enum report_format format,
		 const struct print_options *options);
/* The same of what print() writes. */
int format_write_by(const char *path, int (*print)(FILE *out, const void *arg), const void *arg);

#endif
