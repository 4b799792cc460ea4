/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* `maprace snapshot`: a live process frozen for a moment, and what was seen of it. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "cmd/commands.h"
#include "cmd/options.h"
#include "go/go_binary.h"
#include "process/process.h"
#include "report/printers.h"
#include "report/words/duration.h"
#include "session/host.h"
#include "session/outputs.h"
#include "session/refusal.h"
#include "snapshot/core.h"
#include "snapshot/snapshot.h"

static int fill_target(struct report *report, const struct process *p, const struct go_binary *bin)
{
	const struct elf_file *elf = go_binary_elf(bin);
	struct report_target *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	report->targets = t;
	report->ntargets = 1;
	*t = (struct report_target){
		.pid = (uint32_t)p->pid,
		.exe = strdup(p->exe),
		.build_id = strdup(elf_file_build_id(elf)),
		.go_version = strdup(go_binary_version(bin)),
		.module = strdup(go_binary_module(bin)),
		.library = strdup(""),
		.swiss = go_binary_layout(bin)->map_impl == GO_MAP_SWISS,
		.stripped = !elf_file_has_symtab(elf),
		.pie = elf_file_is_pie(elf),
		.cgo = go_binary_is_cgo(bin),
		.exit_status = -1,
	};
	return t->exe && t->build_id && t->go_version && t->module && t->library ? 0 : -ENOMEM;
}

static int take(struct report *report, const struct process *p, const struct go_binary *bin,
		const struct snapshot_cmd_options *o, struct core *core, struct err *err)
{
	struct snapshot_program program = {};
	const struct snapshot_options options = {.max_freeze_ns = o->max_freeze_ns,
						 .program = &program,
						 .maps = o->maps,
						 .nmaps = o->nmaps,
						 .core = core,
						 .values = o->values};
	uint64_t started = clock_ns(CLOCK_MONOTONIC);
	int r = host_fill(report);

	report->started_unix_ns = (int64_t)clock_ns(CLOCK_REALTIME);
	report->stats.cost_percent = -1;
	if (!r)
		r = fill_target(report, p, bin);
	if (r)
		return r;
	report->snapshots = calloc(1, sizeof(*report->snapshots));
	if (!report->snapshots)
		return -ENOMEM;
	report->nsnapshots = 1;
	r = snapshot_take(report->snapshots, p, bin, &options, err);
	snapshot_program_free(&program);
	report->duration_s = (double)(clock_ns(CLOCK_MONOTONIC) - started) / 1e9;
	return r;
}

static int show(const struct report *report, const struct snapshot_cmd_options *o)
{
	struct print_options how = {
		.text = {.color = options_color(o->no_color, STDOUT_FILENO),
			 .verbose = o->verbose > 0,
			 .quote = isatty(STDOUT_FILENO)},
	};
	bool other = o->out.format_given && !o->out.n && o->out.format != FORMAT_TEXT;
	int r = 0;

	if (other)
		r = format_print(stdout, report, o->out.format, &how);
	else if (!o->quiet || !o->out.n)
		text_print_snapshots(stdout, report, &how.text);
	if (!r)
		r = print_finish(stdout);
	if (r)
		log_error("cannot write to standard output: %s", err_name(r));
	how.text.color = how.text.quote = false;
	if (outputs_write(&o->out, report, &how))
		r = -EIO;
	return r;
}

static int run(const struct snapshot_cmd_options *o, struct process *p, struct go_binary **bin,
	       struct report *report, struct core **core, struct err *err)
{
	int r = outputs_check(&o->out, err);

	if (!r && o->core)
		r = outputs_check_core(o->core, err);
	if (!r)
		r = process_open(p, (pid_t)o->pid, err);
	if (r)
		return r;
	r = go_binary_open(bin, p->exe_path, err);
	if (r) {
		refusal_explain(err, r, p);
		return r;
	}
	if (o->core)
		r = core_prepare(core, p, o->max_freeze_ns, CORE_ROOM_NOW, err);
	return r ? r : take(report, p, *bin, o, *core, err);
}

/* The rest is of use without it. */
static int write_core(struct core *core, const char *path, struct report *report)
{
	struct err err = {};
	int r = core ? core_write(core, path, report->snapshots, &err) : 0;

	if (r)
		log_error("%s", err.text[0] ? err.text : err_name(r));
	if (err.hint[0])
		log_hint("%s", err.hint);
	return r;
}

int cmd_snapshot(int argc, char **argv)
{
	struct snapshot_cmd_options options;
	struct process process = {.pidfd = -1};
	struct report report = {};
	struct go_binary *bin = NULL;
	struct core *core = NULL;
	struct err err = {};
	int r, status = options_parse_snapshot(argc, argv, &options);

	if (status == OPTIONS_RUN) {
		options_set_log(options.quiet, options.verbose);
		signal(SIGPIPE, SIG_IGN);
		signal(SIGXFSZ, SIG_IGN);
		r = run(&options, &process, &bin, &report, &core, &err);
		if (r) {
			log_error("%s", err.text[0] ? err.text : err_name(r));
			if (err.hint[0])
				log_hint("%s", err.hint);
			if (r == -ECANCELED)
				_exit(EXIT_TOOL);
			status = EXIT_TOOL;
		} else {
			status = report_snapshot_broken(report.snapshots) ? options.exitcode
									  : EXIT_NOTHING;
			if (write_core(core, options.core, &report))
				status = EXIT_TOOL;
			if (show(&report, &options))
				status = EXIT_TOOL;
		}
		core_free(core);
		report_free(&report);
		if (bin)
			go_binary_close(bin);
		process_close(&process);
	}
	snapshot_options_free(&options);
	return status;
}
