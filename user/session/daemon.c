/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "session/daemon.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/notify.h"
#include "report/filter.h"
#include "report/metrics/metrics.h"
#include "report/printers.h"
#include "session/death_cause.h"
#include "session/programbook.h"
#include "session/httpd.h"
#include "session/leakbook.h"
#include "session/linelog.h"
#include "session/racebook.h"

#define LOOK_NS 2000000000ull /* at the log: somebody may have rotated it away */

struct daemon {
	struct watch *watch;
	struct watch_options *options;	    /* of the watch: what is read again is put there */
	struct daemon_options now, earlier; /* read again, and before that: strings are in use */
	int (*reread)(void *ctx, struct daemon_options *options);
	void *ctx;
	struct linelog *log;
	struct racebook *book;
	struct programbook deaths, panics;
	struct programbook places; /* of panics, that are in the log; its units are places */
	struct leakbook leaks;
	struct httpd *httpd;
	const char *listen;
	uint64_t looked_ns, watchdog_ns, beat_ns;
	uint64_t reloads, failed_reloads;
	bool ready;
};

/* ---- races ---- */

static const struct report_process *process_at(const struct daemon *d, uint32_t pid, double at_s)
{
	static const struct report_process nobody = {.exe = (char *)"", .to_s = -1};
	const struct report_process *p = roster_find(watch_roster(d->watch), pid, at_s);

	return p ? p : &nobody;
}

/* Of the program that has the race: its process may run another one by now. */
static const char *module_of(const struct daemon *d, const struct report_race *race)
{
	const struct watch *w = d->watch;
	size_t i;

	for (i = 0; i < w->ntargets; i++)
		if (&w->targets[i]->source == race->target)
			return watched_module(w->targets[i]);
	return "";
}

/* A line of the log, while it is printed. */
struct line {
	FILE *out;
	char *text;
	size_t len;
};

static bool line_begin(struct line *l)
{
	*l = (struct line){};
	l->out = open_memstream(&l->text, &l->len);
	return l->out;
}

/* r: what the printer said. */
static void line_end(struct daemon *d, struct line *l, int r)
{
	if (!fclose(l->out) && !r)
		linelog_write(d->log, l->text, l->len);
	free(l->text);
}

static void on_race(void *ctx, const struct report_race *race)
{
	struct daemon *d = ctx;
	const struct report_process *p = process_at(d, race->pid, race->first_seen_s);
	struct racebook_program of;
	struct line line;

	of = (struct racebook_program){p->exe, module_of(d, race)};
	if (!racebook_note(d->book, race, &of, p->unit ? p->unit : ""))
		return;
	log_info("a race was proved in process %u (%s)", race->pid, p->exe);
	if (line_begin(&line))
		line_end(d, &line,
			 jsonl_print_race_of(line.out, race, p, (int64_t)clock_ns(CLOCK_REALTIME)));
}

/* ---- deaths ---- */

static void log_death(struct daemon *d, const struct death_cause *cause,
		      const struct report_access *at, const struct report_process *p)
{
	struct line line;

	if (line_begin(&line))
		line_end(d, &line,
			 jsonl_print_ending(line.out, cause->cause, cause->message, at, p,
					    (int64_t)clock_ns(CLOCK_REALTIME)));
}

static void on_death(void *ctx, struct watched *t, const struct mr_event_fatal *e)
{
	struct daemon *d = ctx;
	const struct watch *w = d->watch;
	double at_s = e->header.time_ns > w->start_ns
			      ? (double)(e->header.time_ns - w->start_ns) / 1e9
			      : 0;
	const struct report_process *p = process_at(d, (uint32_t)t->process.pid, at_s);
	struct report_access at = {};
	struct death_cause cause;

	death_cause_find(&cause, &t->source.resolver, e);
	if (!programbook_is_worth_a_line(programbook_note(
		    &d->deaths, &(struct metrics_row){.what = report_death_cause_name(cause.cause),
						      .and = "",
						      .exe = t->process.exe,
						      .unit = p->unit ? p->unit : "",
						      .module = watched_module(t),
						      .n = 1})))
		return;
	log_info("process %d (%s) has died: %s", (int)t->process.pid, t->process.exe,
		 report_death_cause_name(cause.cause));
	if (!resolve_access(&t->source.resolver, &e->access, &at))
		log_death(d, &cause, &at, p);
	report_access_free(&at);
}

/* ---- panics ---- */

/* Of a process that has gone its row of the report knows more than it does itself. */
static const char *exe_of(const struct watched *t, const struct report_process *p)
{
	return t->past ? t->past->report.targets[0].exe : p->exe[0] ? p->exe : t->process.exe;
}

static void count_panics(struct daemon *d, const struct watched *t, const struct report_process *p,
			 const struct report_panic *panic, const struct panics_news *news)
{
	struct metrics_row row = {.what = report_panic_kind_name(panic->kind),
				  .exe = exe_of(t, p),
				  .unit = p->unit ? p->unit : "",
				  .module = watched_module(t)};
	size_t i;

	for (i = 0; i <= REPORT_PANIC_OUTCOMES; i++) {
		row.n = i < REPORT_PANIC_OUTCOMES ? news->outcomes[i] : news->unknown;
		row.and = i < REPORT_PANIC_OUTCOMES
				  ? report_panic_outcome_name((enum report_panic_outcome)i)
				  : "unknown";
		if (row.n)
			(void)programbook_note(&d->panics, &row);
	}
}

/* The same place in another process of the program, or after a restart of it, is no news. */
static bool is_logged(struct daemon *d, const struct watched *t, const struct report_process *p,
		      const struct report_panic *panic)
{
	const struct report_frame *site = report_access_site(&panic->access);
	char line[24] = "", *place = NULL;
	bool known;

	if (site)
		snprintf(line, sizeof(line), "%d", site->line);
	if (asprintf(&place, "%s %s:%s %s", report_panic_kind_name(panic->kind),
		     site ? site->function : "?", line, panic->type) < 0)
		return false;
	known = programbook_note(&d->places, &(struct metrics_row){.what = "",
								   .and = "",
								   .exe = exe_of(t, p),
								   .unit = place,
								   .module = watched_module(t),
								   .n = 1}) > 1;
	free(place);
	return known;
}

static void on_panic(void *ctx, const struct watched *t, const struct report_panic *panic,
		     const struct panics_news *news)
{
	struct daemon *d = ctx;
	const struct report_process *p = process_at(d, panic->pid, panic->first_seen_s);
	struct line line;

	count_panics(d, t, p, panic, news);
	if (!news->first || is_logged(d, t, p, panic))
		return;
	if (line_begin(&line))
		line_end(d, &line,
			 jsonl_print_panic_of(line.out, panic, p,
					      (int64_t)clock_ns(CLOCK_REALTIME)));
}

/* ---- memory ---- */

static void on_memory(void *ctx, struct watched *t, const struct report_memory *m)
{
	struct daemon *d = ctx;
	const struct report_process *p = process_at(d, m->pid, m->at_s);
	struct line line;

	if (m->percent > 0)
		log_info("process %u (%s) has used %g%% of its memory", m->pid, t->process.exe,
			 m->percent);
	else
		log_info("process %u (%s) was killed as the kernel's OOM killer was in its control "
			 "group",
			 m->pid, t->process.exe);
	if (line_begin(&line))
		line_end(d, &line,
			 jsonl_print_memory(line.out, m, p, (int64_t)clock_ns(CLOCK_REALTIME)));
}

/* ---- goroutines ---- */

/* Those that this look has named, each once for its program. */
static void on_leak(void *ctx, struct watched *t, const struct report_vitals *v)
{
	struct daemon *d = ctx;
	const struct report_process *p = process_at(d, v->pid, v->at_s);
	struct line line;
	size_t i;

	for (i = 0; i < v->nmakers; i++) {
		const struct report_maker *m = &v->makers[i];

		if (!m->named || m->named_s < v->at_s)
			continue;
		if (!leakbook_note(&d->leaks, &(struct metrics_leak){.exe = t->process.exe,
								     .unit = p->unit ? p->unit : "",
								     .module = watched_module(t),
								     .site = m->at.function}))
			continue;
		log_info("process %u (%s): perhaps a leak of goroutines, made by %s", v->pid,
			 t->process.exe, m->at.function);
		if (line_begin(&line))
			line_end(d, &line,
				 jsonl_print_leak(line.out, m, p,
						  (int64_t)clock_ns(CLOCK_REALTIME)));
	}
}

static void on_retire(void *ctx, const struct report_race *race, const struct report_target *of)
{
	struct daemon *d = ctx;

	racebook_retire(d->book, race, &(struct racebook_program){of->exe, of->module});
}

/* ---- pages ---- */

static uint64_t resident_bytes(void)
{
	unsigned long long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (f && fscanf(f, "%*u %llu", &pages) != 1)
		pages = 0;
	if (f)
		fclose(f);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static int print_metrics(void *ctx, FILE *out)
{
	struct daemon *d = ctx;
	struct linelog_counts log;
	struct report report;
	struct metrics_daemon m = {
		.reloads = d->reloads,
		.failed_reloads = d->failed_reloads,
		.resident_bytes = resident_bytes(),
		.clients_busy = httpd_busy(d->httpd),
		.cpu_seconds = (double)clock_ns(CLOCK_PROCESS_CPUTIME_ID) / 1e9,
		.races_unlisted = racebook_unlisted(d->book),
	};
	struct metrics_memory memory[MEMORY_PROGRAMS];
	int status = 500;

	linelog_count(d->log, &log);
	m.log_lines = log.lines;
	m.log_lost = log.lost;
	m.log_rotations = log.rotations;
	m.deaths = d->deaths.list;
	m.ndeaths = d->deaths.n;
	m.deaths_unlisted = d->deaths.unlisted;
	memory_watch_count(d->watch, memory, &m.memory);
	m.leaks = d->leaks.list;
	m.nleaks = d->leaks.n;
	m.leaks_unlisted = d->leaks.unlisted;
	m.goroutine_looks = d->watch->vitals.looks;
	m.goroutine_looks_failed = d->watch->vitals.failed;
	m.goroutine_cpu_seconds = (double)d->watch->vitals.cpu_ns / 1e9;
	if (!watch_fill_report(d->watch, &report)) {
		m.panics = d->panics.list; /* as it is behind what was told just now */
		m.npanics = d->panics.n;
		m.panics_unlisted = d->panics.unlisted;
		m.races = racebook_list(d->book, &report, &m.nraces);
		metrics_print(out, &report, &m);
		status = 200;
	}
	watch_drop_report(&report);
	return status;
}

static int print_races(void *ctx, FILE *out)
{
	static const struct print_options plain = {};
	struct daemon *d = ctx;
	struct report report;
	int status = 500;

	if (!watch_fill_report(d->watch, &report) && !json_print_report(out, &report, &plain))
		status = 200;
	watch_drop_report(&report);
	return status;
}

/* What stands in the way of its work, if anything. */
static int print_health(void *ctx, FILE *out)
{
	const struct daemon *d = ctx;

	if (d->watch->failed || census_fd(d->watch->census) < 0) {
		fputs(d->watch->failed ? "failed\n"
				       : "degraded: the kernel does not tell of new processes\n",
		      out);
		return 503;
	}
	fputs("ok\n", out);
	return 200;
}

static const struct httpd_page pages[] = {
	{"/metrics", "text/plain; version=0.0.4; charset=utf-8", print_metrics},
	{"/healthz", "text/plain; charset=utf-8", print_health},
	{"/races", "application/json", print_races},
	{},
};

/* ---- the loop ---- */

static int on_begin(void *ctx, struct event_base *base)
{
	struct daemon *d = ctx;
	struct err err = {};
	int r = d->listen ? httpd_open(&d->httpd, base, d->listen, pages, d, &err) : 0;

	if (r)
		log_error("%s", err.text[0] ? err.text : err_name(r));
	return r;
}

static void on_tick(void *ctx)
{
	struct daemon *d = ctx;
	uint64_t now = watch_now();

	if (!d->ready)
		notify_manager("READY=1\nSTATUS=watching");
	d->ready = true;
	if (now - d->looked_ns > LOOK_NS) {
		d->looked_ns = now;
		linelog_look(d->log);
	}
	if (d->watchdog_ns && now - d->beat_ns > d->watchdog_ns / 3) {
		d->beat_ns = now;
		notify_manager("WATCHDOG=1");
	}
}

static void on_end(void *ctx)
{
	struct daemon *d = ctx;

	notify_manager("STOPPING=1");
	httpd_close(d->httpd);
	d->httpd = NULL;
}

/* ---- SIGHUP ---- */

static bool differ(const char *a, const char *b)
{
	return (a || b) && (!a || !b || strcmp(a, b) != 0);
}

/* What is taken over by one that is accepted as a whole. */
struct change {
	struct filter *filter; /* of those that come from now on */
	struct linelog *log;   /* NULL: it stays */
};

static int prepare(const struct daemon *d, const struct daemon_options *o, struct change *c,
		   struct err *err)
{
	int r = filter_open(&c->filter, o->watch.out.suppressions, o->watch.out.baseline, err);

	if (!r && (differ(o->log, d->now.log) || o->log_size != d->now.log_size ||
		   o->log_files != d->now.log_files))
		r = linelog_open(&c->log, o->log, o->log_size, o->log_files, err);
	if (r)
		filter_free(c->filter);
	return r;
}

static void take_over(struct daemon *d, const struct change *c)
{
	tracker_set_filter(d->watch->tracker, filter_hides, c->filter);
	filter_free(d->watch->filter);
	d->watch->filter = c->filter;
	if (c->log) {
		linelog_close(d->log);
		d->log = c->log;
	} else {
		linelog_look(d->log);
	}
}

static bool memory_differs(const struct memory_options *a, const struct memory_options *b)
{
	bool same = a->on == b->on && a->limit == b->limit && !differ(a->dir, b->dir);
	size_t i;

	for (i = 0; i < sizeof(a->at) / sizeof(a->at[0]); i++)
		same = same && a->at[i] == b->at[i];
	return !same;
}

/* What was chosen for good when the programs were loaded, the socket was bound and the looks at
 * memory began. */
static void tell_fixed(const struct daemon *d, const struct daemon_options *o)
{
	if (differ(o->listen, d->now.listen) || differ(o->state, d->now.state) ||
	    o->watch.budget_percent != d->now.watch.budget_percent ||
	    o->watch.max_hold_ns != d->now.watch.max_hold_ns ||
	    o->watch.panics != d->now.watch.panics ||
	    o->watch.panic_values != d->now.watch.panic_values ||
	    o->no_goroutines != d->now.no_goroutines ||
	    memory_differs(&o->watch.memory, &d->now.watch.memory))
		log_warn(
			"listen, state, budget, max-hold, panics, panic-values, no-goroutines and those of memory are changed by a restart only");
}

static int reload(struct daemon *d)
{
	struct daemon_options o;
	struct change change = {};
	struct err err = {};
	int r = d->reread(d->ctx, &o);

	if (!r)
		r = prepare(d, &o, &change, &err);
	if (r) {
		log_error("the configuration is not taken over: %s",
			  err.text[0] ? err.text : "see above");
		daemon_options_free(&o);
		return r;
	}
	take_over(d, &change);
	tell_fixed(d, &o);
	d->options->host = o.watch.host;
	if (d->options->host.most > d->now.watch.host.most)
		d->options->host.most = d->now.watch.host.most; /* there is room for so many */
	census_change(d->watch->census, &o.watch.host);
	/* what the watch goes on with points into those of before the last time */
	o.listen = d->now.listen;
	o.state = d->now.state;
	o.watch.host.most = d->now.watch.host.most;
	o.watch.memory = d->now.watch.memory;
	daemon_options_free(&d->earlier);
	d->earlier = d->now;
	d->now = o;
	return 0;
}

static void on_reload(void *ctx)
{
	struct daemon *d = ctx;
	char text[64];

	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%llu",
		 (unsigned long long)(watch_now() / 1000));
	notify_manager(text);
	d->reloads++;
	if (reload(d))
		d->failed_reloads++;
	else
		log_info("the configuration was read again");
	notify_manager("READY=1");
}

static const struct watch_hooks hooks = {
	.begin = on_begin,
	.race = on_race,
	.death = on_death,
	.panic = on_panic,
	.memory = on_memory,
	.leak = on_leak,
	.retire = on_retire,
	.tick = on_tick,
	.reload = on_reload,
	.end = on_end,
};

void daemon_options_free(struct daemon_options *o)
{
	while (o->nstrings)
		free(o->strings[--o->nstrings]);
	free(o->strings);
	o->strings = NULL;
}

int daemon_open(struct daemon **out, struct watch *w, struct daemon_options *options,
		int (*reread)(void *ctx, struct daemon_options *options), void *ctx,
		struct err *err)
{
	struct daemon *d = calloc(1, sizeof(*d));
	int r;

	if (!d)
		return -ENOMEM;
	d->watch = w;
	d->now = *options;
	d->now.strings = NULL;
	d->now.nstrings = 0; /* they are the caller's */
	d->options = &options->watch;
	d->reread = reread;
	d->ctx = ctx;
	d->listen = options->listen;
	d->watchdog_ns = notify_watchdog_ns();
	r = racebook_open(&d->book, options->state, err);
	if (!r)
		r = linelog_open(&d->log, options->log, options->log_size, options->log_files, err);
	if (r) {
		daemon_close(d);
		return r;
	}
	w->hooks = &hooks;
	w->hooks_ctx = d;
	*out = d;
	return 0;
}

void daemon_close(struct daemon *d)
{
	if (!d)
		return;
	httpd_close(d->httpd);
	racebook_close(d->book);
	programbook_free(&d->deaths);
	programbook_free(&d->panics);
	programbook_free(&d->places);
	leakbook_free(&d->leaks);
	linelog_close(d->log);
	daemon_options_free(&d->now);
	daemon_options_free(&d->earlier);
	free(d);
}
