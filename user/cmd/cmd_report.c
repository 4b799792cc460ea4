/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* `maprace report`: render a JSON document again, without root, process or executable. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cmd/commands.h"
#include "cmd/options.h"
#include "report/json_read.h"
#include "report/printers.h"

static int print_text(const struct report *report, const struct report_options *options)
{
	struct text_style style = {.color = options_color(options->no_color, STDOUT_FILENO),
				   .verbose = options->verbose > 0};
	size_t i;

	for (i = 0; i < report->nraces; i++)
		text_print_race(stdout, &report->races[i], report->duration_s, &style);
	for (i = 0; i < report->nsuspects; i++)
		text_print_race(stdout, &report->suspects[i], report->duration_s, &style);
	errno = 0;
	if (fflush(stdout) || ferror(stdout))
		return errno ? -errno : -EIO;
	style.color = options_color(options->no_color, STDERR_FILENO);
	text_print_summary(stderr, report, &style);
	return 0;
}

static int print(const struct report *report, const struct report_options *options)
{
	const struct print_options how = {.text = {.verbose = options->verbose > 0},
					  .source_root = options->source_root};

	if (options->format == FORMAT_TEXT)
		return print_text(report, options);
	return format_print(stdout, report, options->format, &how);
}

int cmd_report(int argc, char **argv)
{
	struct report_options options;
	struct err err = {0};
	struct report report;
	int rc = options_parse_report(argc, argv, &options);

	if (rc != OPTIONS_RUN)
		return rc;
	options_set_log(false, options.verbose);
	if (json_read_report(options.file, &report, &err)) {
		log_error("report: %s: %s", options.file, err.text);
		if (err.hint[0])
			log_hint("%s", err.hint);
		return EXIT_TOOL;
	}
	rc = print(&report, &options);
	report_free(&report);
	if (rc) {
		log_error("report: cannot write to standard output: %s", strerror(-rc));
		return EXIT_TOOL;
	}
	return EXIT_NOTHING;
}
