/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* `maprace report`: render a recording or a document again, without root, process or executable. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cmd/commands.h"
#include "cmd/options.h"
#include "report/diff.h"
#include "report/filter.h"
#include "report/load.h"
#include "report/printers.h"

static int complain(const char *file, const struct err *err)
{
	if (file)
		log_error("report: %s: %s", file, err->text);
	else
		log_error("report: %s", err->text);
	if (err->hint[0])
		log_hint("%s", err->hint);
	return EXIT_TOOL;
}

/* What was found to standard output, the summary to standard error, as watch has it. */
static int print_text(const struct report *report, const struct report_options *options,
		      struct text_style style)
{
	int rc;

	text_print_findings(stdout, report, &style);
	rc = print_finish(stdout);
	if (rc || report->nsnapshots)
		return rc;
	style.color = options_color(options->no_color, STDERR_FILENO);
	text_print_summary(stderr, report, &style);
	return 0;
}

static int print(const struct report *report, const struct report_options *options)
{
	const struct print_options how = {
		.text = {.color = options->format == FORMAT_TEXT &&
				  options_color(options->no_color, STDOUT_FILENO),
			 .verbose = options->verbose > 0,
			 .quote = options->source_root ||
				  (options->format == FORMAT_TEXT && isatty(STDOUT_FILENO)),
			 .source_root = options->source_root},
		.source_root = options->source_root};

	if (options->format == FORMAT_TEXT)
		return print_text(report, options, how.text);
	return format_print(stdout, report, options->format, &how);
}

/* 0, or EXIT_TOOL when nothing could be read; *damaged when not all of it could. */
static int load(const char *file, struct report *report, bool *damaged)
{
	struct err err = {0};
	struct mrec_note note;

	if (report_load(file, report, &note, &err))
		return complain(file, &err);
	if (note.damaged) {
		*damaged = true;
		log_error("report: %s: damaged at byte %" PRIu64
			  ": %s; shown is what stands before it",
			  file, note.good, note.why);
	} else if (!note.ended) {
		log_warn("report: %s: the recording has no end%s%s; shown is what it has", file,
			 note.why[0] ? ": " : "", note.why);
	}
	return 0;
}

/* Two reports: as text line by line, in another format the newer one without what was known. */
static int compare(const struct report_options *options, const struct report *older,
		   struct report *newer, size_t *added)
{
	const struct text_style style = {.color = options_color(options->no_color, STDOUT_FILENO),
					 .verbose = options->verbose > 0,
					 .quote = options->source_root || isatty(STDOUT_FILENO),
					 .source_root = options->source_root};
	struct filter *filter;
	int rc;

	if (options->format == FORMAT_TEXT)
		return diff_print(stdout, older, newer, &style, added);
	filter = filter_new();
	rc = filter ? filter_add_baseline(filter, options->file, older) : -ENOMEM;
	if (!rc)
		rc = filter_apply(filter, newer);
	if (!rc)
		rc = print(newer, options);
	*added = newer->nraces;
	filter_free(filter);
	return rc;
}

static int run(const struct report_options *options, const struct filter *filter)
{
	struct report report = {0}, other = {0};
	bool damaged = false;
	size_t added = 0;
	int status, rc;

	status = load(options->file, &report, &damaged);
	if (!status && options->diff)
		status = load(options->other, &other, &damaged);
	if (status)
		goto out;
	rc = filter_apply(filter, &report);
	if (!rc && options->diff)
		rc = filter_apply(filter, &other);
	if (!rc && options->diff) {
		rc = compare(options, &report, &other, &added);
	} else if (!rc) {
		rc = print(&report, options);
		added = options->baseline ? report.nraces : 0;
	}
	if (rc) {
		log_error("report: cannot write to standard output: %s", strerror(-rc));
		status = EXIT_TOOL;
	} else if (damaged) {
		status = EXIT_TOOL;
	} else {
		status = added ? options->exitcode : EXIT_NOTHING;
	}
out:
	report_free(&report);
	report_free(&other);
	return status;
}

int cmd_report(int argc, char **argv)
{
	struct report_options options;
	struct filter *filter = NULL;
	struct err err = {0};
	int status = options_parse_report(argc, argv, &options);

	if (status != OPTIONS_RUN)
		return status;
	options_set_log(false, options.verbose);
	if (filter_open(&filter, options.suppressions, options.baseline, &err))
		return complain(NULL, &err);
	status = run(&options, filter);
	filter_free(filter);
	return status;
}
