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
#include "detect/bpfmap/functions.h"
#include "detect/bpfmap/kernel_symbols.h"
#include "probe/feature.h"
#include "report/filter.h"
#include "session/bpf_watch.h"
#include "session/outputs.h"
#include "session/recorder.h"
#include "session/watch.h"

static int libbpf_message(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	log_vlines(level == LIBBPF_WARN ? LOG_VERBOSE : LOG_DEBUG, fmt, ap);
	return 0;
}

static bool is_number(const char *s, uint32_t *n)
{
	unsigned int value;

	if (value_integer(s, INT32_MAX, &value))
		return false;
	*n = value;
	return true;
}

static int select_id(struct bpf_watch *w, uint32_t id, const char *said, struct err *err)
{
	const struct kernel_map *map = kernel_maps_get(&w->maps, id);
	struct map_listed *grown;

	if (!map) {
		err_hint(err, "bpftool map list shows the maps there are");
		return err_set(err, -ENOENT, "there is no BPF map %s", said);
	}
	grown = realloc(w->listed, (w->nlisted + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	w->listed = grown;
	w->listed[w->nlisted++] = (struct map_listed){map->id, map->type};
	return 0;
}

static int select_one(struct bpf_watch *w, const char *said, struct err *err)
{
	uint32_t id;
	size_t i, n = 0;
	int r;

	if (is_number(said, &id))
		return select_id(w, id, said, err);
	if (strchr(said, '/')) {
		r = kernel_map_pinned(said, &id);
		return r ? err_set(err, r, "no BPF map is pinned at %s: %s", said, err_name(r))
			 : select_id(w, id, said, err);
	}
	for (i = 0; i < w->maps.n; i++) {
		/* the kernel keeps 15 characters of a name */
		if (strncmp(w->maps.list[i]->name, said, 15) != 0)
			continue;
		r = select_id(w, w->maps.list[i]->id, said, err);
		if (r)
			return r;
		n++;
	}
	return n ? 0 : select_id(w, 0, said, err);
}

/* Finds the maps of --map; 0, or negative errno with err set when there is none of some name. */
static int select_maps(struct bpf_watch *w, struct err *err)
{
	size_t i;
	int r;

	r = kernel_maps_refresh(&w->maps);
	for (i = 0; i < w->options->nmaps && !r; i++)
		r = select_one(w, w->options->maps[i], err);
	return r;
}

static int start(struct bpf_watch *w, struct err *err)
{
	const char *without = getenv("MAPRACE_WITHOUT");
	struct map_attach_opts opts = {
		.window_ns = w->options->window_ns,
		.ppm = (uint32_t)(w->options->budget_percent * PPM_OF_PERCENT + 0.5),
		.own_tgid = w->foreign ? 0 : (uint32_t)getpid(),
		.no_atomics = without && strstr(without, "bpf-atomics"),
	};
	uint64_t before = watch_now();
	int r;

	r = kernel_symbols_read(&opts.symbols);
	if (r) {
		err_hint(
			err,
			"run as root, or with CAP_BPF, CAP_PERFMON and CAP_SYSLOG; kernel.kptr_restrict must be below 2");
		return err_set(
			err, r,
			"cannot watch BPF maps: /proc/kallsyms does not show where the kernel's code is, so "
			"that programs cannot be told from system calls");
	}
	r = select_maps(w, err);
	if (r)
		return r;
	opts.listed = w->listed;
	opts.nlisted = w->nlisted;
	r = map_attachment_load(&w->attachment, &opts, err);
	if (!r)
		r = map_attachment_attach(w->attachment, err);
	if (!r)
		r = bpf_watch_programs(w);
	w->attach_ms = (double)(watch_now() - before) / 1e6;
	return r;
}

static void announce(const struct bpf_watch *w)
{
	const char *why;
	int error;
	size_t i;

	log_info("watching %s by %u functions of the kernel",
		 w->options->nmaps ? "the maps asked for" : "all BPF maps",
		 map_attachment_functions(w->attachment));
	for (i = 0; i < map_functions_n; i++)
		if (!map_attachment_watches(w->attachment, i, &why) && why &&
		    map_functions[i].without)
			log_warn("%s cannot be seen: %s (%s)", map_functions[i].without, why,
				 map_functions[i].name);
	if (w->foreign)
		log_warn(
			"processes cannot be looked at from this PID namespace: what they lose is a suspect, and their numbers are those of the host (docker run --pid=host)");
	error = map_attachment_distrusts_programs(w->attachment);
	if (error)
		log_warn(
			"updates that BPF programs lose cannot be reported: how many of their look-ups the kernel left out is not known (%s)",
			error == -ENOENT ? "__per_cpu_offset in /proc/kallsyms" : err_name(error));
}

static int run(struct bpf_watch *w)
{
	const struct output_options *o = &w->options->out;
	struct err err = {};
	int r = outputs_check(o, &err);

	if (!r)
		r = filter_open(&w->filter, o->suppressions, o->baseline, &err);
	if (!r)
		r = start(w, &err);
	/* last: it takes the place of an older recording */
	if (!r)
		r = recorder_open(&w->recorder, o, &err);
	if (r) {
		log_error("%s", err.text[0] ? err.text : err_name(r));
		if (err.hint[0])
			log_hint("%s", err.hint);
		return EXIT_TOOL;
	}
	announce(w);
	w->start_ns = watch_now();
	w->started_unix_ns = (int64_t)clock_ns(CLOCK_REALTIME);
	w->findings = findings_new(w->start_ns, &w->maps, &w->programs, w->foreign);
	if (!w->findings) {
		log_error("%s", err_name(-ENOMEM));
		return EXIT_TOOL;
	}
	findings_set_filter(w->findings, filter_hides, w->filter);
	map_attachment_activate(w->attachment, true);
	r = bpf_watch_loop(w);
	if (!r)
		r = findings_refresh(w->findings, map_attachment_findings(w->attachment));
	bpf_print_findings(w, 0);
	bpf_finish(w);
	if (r || w->failed)
		return EXIT_TOOL;
	return findings_proven(w->findings) ? w->options->exitcode : EXIT_NOTHING;
}

int cmd_bpf(int argc, char **argv)
{
	struct bpf_options options;
	struct bpf_watch w = {.options = &options};
	int status;

	if (argc > 1 && !strcmp(argv[1], "audit"))
		return cmd_bpf_audit(argc - 1, argv + 1);
	w.foreign = feature_in_pid_namespace(NULL, NULL);
	status = options_parse_bpf(argc, argv, &options);
	if (status != OPTIONS_RUN)
		goto out;
	options_set_log(options.quiet, options.verbose);
	libbpf_set_print(libbpf_message);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	status = run(&w);
	if (recorder_close(w.recorder))
		status = EXIT_TOOL;
	filter_free(w.filter);
	map_attachment_free(w.attachment);
	free(w.listed);
	findings_free(w.findings);
	kernel_maps_free(&w.maps);
	programs_free(&w.programs);
	bpf_join_free(&w.join);
out:
	bpf_options_free(&options);
	return status;
}
