/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <bpf/libbpf.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "cmd/commands.h"
#include "cmd/options.h"
#include "detect/audit/audit.h"
#include "report/filter.h"
#include "report/printers.h"
#include "session/host.h"
#include "session/outputs.h"

static volatile sig_atomic_t stopped;

static void on_stop(int sig)
{
	(void)sig;
	stopped = 1;
}

static int libbpf_message(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	log_vlines(level == LIBBPF_WARN ? LOG_VERBOSE : LOG_DEBUG, fmt, ap);
	return 0;
}

static int read_all(struct audit *audit, const struct audit_options *o, struct err *err)
{
	size_t i;
	int r = 0;

	for (i = 0; i < o->nobjects && !r; i++)
		r = audit_file(audit, o->objects[i], err);
	for (i = 0; i < o->nprograms && !r; i++)
		r = audit_loaded(audit, o->programs[i], err);
	if (!r && !o->nobjects && !o->nprograms)
		r = audit_loaded(audit, NULL, err);
	return r;
}

static int fill_report(struct report *report, struct audit *audit, const struct audit_options *o,
		       struct err *err)
{
	uint64_t started = clock_ns(CLOCK_MONOTONIC);
	int r = host_fill(report);

	if (r)
		return r;
	report->started_unix_ns = (int64_t)clock_ns(CLOCK_REALTIME);
	report->stats.cost_percent = -1;
	r = read_all(audit, o, err);
	if (!r)
		r = audit_finish(audit, report);
	if (!r && o->live)
		r = audit_live(audit, report, o->duration_ns, &stopped);
	report->duration_s = (double)(clock_ns(CLOCK_MONOTONIC) - started) / 1e9;
	return r;
}

static int print_findings(const struct report *report, const struct audit_options *o,
			  const struct print_options *how)
{
	size_t i;
	int r = 0;

	for (i = 0; i < report->nsuspects && !r; i++) {
		if (o->json)
			r = jsonl_print_race(stdout, &report->suspects[i], true);
		else
			text_print_race(stdout, &report->suspects[i], 0, &how->text);
	}
	if (!r && o->json)
		r = jsonl_print_stats(stdout, &report->stats);
	if (!r && fflush(stdout))
		r = errno ? -errno : -EIO;
	if (r)
		log_error("cannot write to standard output: %s", err_name(r));
	return r;
}

static int write_files(const struct report *report, const struct audit_options *o,
		       const struct print_options *how)
{
	int r = 0, one;
	size_t i;

	for (i = 0; i < o->out.n; i++) {
		one = format_write(o->out.paths[i], report, output_format(&o->out, o->out.paths[i]),
				   how);
		if (!one)
			continue;
		log_error("cannot write %s: %s", o->out.paths[i], err_name(one));
		r = one;
	}
	return r;
}

static int show(const struct report *report, const struct audit_options *o)
{
	struct print_options how = {
		.text = {.color = options_color(o->no_color, STDOUT_FILENO),
			 .verbose = o->verbose > 0,
			 .quote = o->source_root || isatty(STDOUT_FILENO),
			 .source_root = o->source_root},
		.source_root = o->source_root,
	};
	int r = print_findings(report, o, &how);

	how.text.color = false;
	if (write_files(report, o, &how))
		r = -EIO;
	if (!o->quiet) {
		how.text.color = options_color(o->no_color, STDERR_FILENO);
		text_print_audited(stderr, report, &how.text);
	}
	return r;
}

static int run(struct audit *audit, const struct audit_options *o, struct filter **filter)
{
	struct report report = {};
	struct err err = {};
	int r = outputs_check(&o->out, &err), status;

	if (!r)
		r = filter_open(filter, o->out.suppressions, o->out.baseline, &err);
	if (!r)
		r = audit ? fill_report(&report, audit, o, &err) : -ENOMEM;
	if (!r)
		r = filter_apply(*filter, &report);
	if (r) {
		log_error("%s", err.text[0] ? err.text : err_name(r));
		if (err.hint[0])
			log_hint("%s", err.hint);
		report_free(&report);
		return EXIT_TOOL;
	}
	status = show(&report, o)		 ? EXIT_TOOL
		 : o->strict && report.nsuspects ? o->exitcode
						 : EXIT_NOTHING;
	report_free(&report);
	return status;
}

int cmd_bpf_audit(int argc, char **argv)
{
	struct audit_options options;
	struct filter *filter = NULL;
	struct audit *audit;
	int status = options_parse_audit(argc, argv, &options);

	if (status == OPTIONS_RUN) {
		options_set_log(options.quiet, options.verbose);
		libbpf_set_print(libbpf_message);
		signal(SIGPIPE, SIG_IGN);
		signal(SIGXFSZ, SIG_IGN);
		if (options.live) { /* what was seen until then is told */
			signal(SIGINT, on_stop);
			signal(SIGTERM, on_stop);
		}
		audit = audit_new();
		status = run(audit, &options, &filter);
		audit_free(audit);
		filter_free(filter);
	}
	audit_options_free(&options);
	return status;
}
