/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "report/metrics/metrics.h"

#include <inttypes.h>
#include <string.h>

#include "report/metrics/metrics_parts.h"

void metrics_head(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP maprace_%s %s\n# TYPE maprace_%s %s\n", name, help, name, type);
}

/* A label's value: backslash, quote and end of line are escaped; what is no UTF-8 becomes '?'. */
void metrics_value(FILE *out, const char *text)
{
	const unsigned char *s = (const unsigned char *)(text ? text : "");
	size_t n, i;

	for (; *s; s += n) {
		n = *s < 0x80 ? 1 : *s >= 0xf0 && *s < 0xf5 ? 4 : *s >= 0xe0 ? 3 : 2;
		if (*s >= 0x80 && (*s < 0xc2 || *s >= 0xf5))
			n = 0;
		for (i = 1; i < n; i++)
			if ((s[i] & 0xc0) != 0x80)
				n = 0;
		if (*s == '\n')
			fputs("\\n", out);
		else if (*s == '"' || *s == '\\')
			fprintf(out, "\\%c", *s);
		else if (!n)
			fputc('?', out);
		else
			fwrite(s, 1, n, out);
		n += !n;
	}
}

static void count(FILE *out, const char *name, const char *help, uint64_t n)
{
	metrics_head(out, name, "counter", help);
	fprintf(out, "maprace_%s %" PRIu64 "\n", name, n);
}

static void gauge(FILE *out, const char *name, const char *help, double n)
{
	metrics_head(out, name, "gauge", help);
	fprintf(out, "maprace_%s %.9g\n", name, n);
}

static void labelled(FILE *out, const char *name, const char *label, const char *text, uint64_t n)
{
	fprintf(out, "maprace_%s{%s=\"", name, label);
	metrics_value(out, text);
	fprintf(out, "\"} %" PRIu64 "\n", n);
}

static void print_processes(FILE *out, const struct report *report)
{
	const struct report_followed *f = report->followed;
	size_t i, now = 0;

	for (i = 0; i < report->nprocesses; i++)
		now += !report->processes[i].why && report->processes[i].to_s < 0;
	gauge(out, "watched_processes", "Go processes that are watched now.", (double)now);
	if (!f)
		return;
	count(out, "executions_total",
	      "Programs that were executed on the host, and processes that were there.",
	      f->processes);
	count(out, "go_processes_total", "Go processes that were found.", f->go);
	count(out, "go_processes_watched_total", "Go processes that were watched.", f->watched);
	count(out, "go_processes_unknown_total",
	      "Further ones, that ended before it was known whether they are meant.", f->unknown);
	metrics_head(out, "go_processes_unwatched_total", "counter",
		     "Go processes that were not watched, by reason.");
	for (i = 0; i < f->nreasons; i++)
		labelled(out, "go_processes_unwatched_total", "reason", f->reasons[i].why,
			 f->reasons[i].processes);
}

static void print_work(FILE *out, const struct report_stats *s)
{
	size_t i;

	metrics_head(out, "map_operations_total", "counter",
		     "Operations on maps that were seen, by kind.");
	labelled(out, "map_operations_total", "op", "read", s->reads);
	labelled(out, "map_operations_total", "op", "write", s->writes);
	labelled(out, "map_operations_total", "op", "delete", s->deletes);
	labelled(out, "map_operations_total", "op", "iterate", s->iterations + s->clones);
	labelled(out, "map_operations_total", "op", "clear", s->clears);
	count(out, "holds_total", "Operations that were held.", s->holds);
	metrics_head(out, "hold_seconds_total", "counter", "How long they were held in all.");
	fprintf(out, "maprace_hold_seconds_total %.9g\n", (double)s->hold_ns / 1e9);
	gauge(out, "cost_cpus", "What watching has cost since the start, of one CPU.",
	      s->cost_percent < 0 ? 0 : s->cost_percent / 100);
	gauge(out, "budget_ratio", "Share of its CPU time that watching may cost a process.",
	      s->budget_percent / 100);
	gauge(out, "unseen_operations_ratio",
	      "Part of the operations that went by while probes were away: an estimate.",
	      s->unwatched);
	metrics_head(out, "losses_total", "counter", "What went by unseen, by name.");
	for (i = 0; i < s->nlosses; i++)
		labelled(out, "losses_total", "name", s->losses[i].name, s->losses[i].value);
}

static void program_labels(FILE *out, const char *exe, const char *unit, const char *module)
{
	fputs("exe=\"", out);
	metrics_value(out, exe);
	fputs("\",unit=\"", out);
	metrics_value(out, unit);
	fputs("\",module=\"", out);
	metrics_value(out, module);
	fputs("\"} ", out);
}

/* After its own labels, those of its program. */
void metrics_of_program(FILE *out, const char *exe, const char *unit, const char *module,
			uint64_t n)
{
	program_labels(out, exe, unit, module);
	fprintf(out, "%" PRIu64 "\n", n);
}

static void print_race(FILE *out, const char *name, const struct metrics_race *race, uint64_t n)
{
	fprintf(out, "maprace_%s{id=\"%s\",kind=\"%s\",", name, race->id,
		report_kind_name(race->kind));
	metrics_of_program(out, race->exe, race->unit, race->module, n);
}

static void print_deaths(FILE *out, const struct metrics_daemon *d)
{
	size_t i;

	metrics_head(
		out, "deaths_total", "counter",
		"Processes that died by the Go runtime's hand, by cause: conflict (on a map), panic "
		"(that nobody recovered from), fatal, throw.");
	for (i = 0; i < d->ndeaths; i++) {
		fprintf(out, "maprace_deaths_total{cause=\"%s\",", d->deaths[i].what);
		metrics_of_program(out, d->deaths[i].exe, d->deaths[i].unit, d->deaths[i].module,
				   d->deaths[i].n);
	}
	count(out, "deaths_unlisted_total",
	      "Those of rows that were given up, as there are too many programs.",
	      d->deaths_unlisted);
}

static void print_panics(FILE *out, const struct metrics_daemon *d)
{
	size_t i;

	metrics_head(
		out, "panics_total", "counter",
		"Panics that are over, by kind (explicit, runtime, fault; goexit: no panic, "
		"runtime.Goexit) and outcome (recovered, repanicked, replaced, goexit, died, unknown).");
	for (i = 0; i < d->npanics; i++) {
		const struct metrics_row *p = &d->panics[i];

		fprintf(out, "maprace_panics_total{kind=\"%s\",outcome=\"%s\",", p->what, p->and);
		metrics_of_program(out, p->exe, p->unit, p->module, p->n);
	}
	count(out, "panics_unlisted_total",
	      "Those of rows that were given up, as there are too many programs.",
	      d->panics_unlisted);
}

static void print_memory(FILE *out, const struct metrics_memory_sum *m)
{
	char percent[32];
	size_t i;

	if (!(m->at[0] > 0))
		return;
	metrics_head(out, "memory_thresholds_total", "counter",
		     "How often a process has passed a threshold of its memory, in percent.");
	for (i = 0; i < 3; i++) {
		snprintf(percent, sizeof(percent), "%g", m->at[i]);
		labelled(out, "memory_thresholds_total", "threshold", percent, m->passed[i]);
	}
	count(out, "memory_oom_kills_total",
	      "Processes that ended by SIGKILL as the kernel's OOM killer was in their control "
	      "group.",
	      m->oom_kills);
	count(out, "memory_profiles_total", "Profiles of heaps that were read.", m->profiles);
	count(out, "memory_profiles_failed_total", "Those that could not be.", m->profiles_failed);
	metrics_head(out, "memory_used_ratio", "gauge",
		     "Part of its limit that the fullest process of a program uses.");
	for (i = 0; i < m->nprograms; i++) {
		const struct metrics_memory *p = &m->programs[i];

		fputs("maprace_memory_used_ratio{", out);
		program_labels(out, p->exe, p->unit, p->module);
		fprintf(out, "%.6g\n", (double)p->used / (double)p->limit);
	}
	metrics_head(out, "memory_limit_bytes", "gauge", "The limit that it is a part of.");
	for (i = 0; i < m->nprograms; i++) {
		const struct metrics_memory *p = &m->programs[i];

		fputs("maprace_memory_limit_bytes{", out);
		metrics_of_program(out, p->exe, p->unit, p->module, p->limit);
	}
}

static void print_races(FILE *out, const struct metrics_daemon *d)
{
	size_t i;

	count(out, "races_found_total", "Different races that were proved, by program.",
	      d->nraces + d->races_unlisted);
	metrics_head(out, "race_sightings_total", "counter", "How often a race was seen.");
	for (i = 0; i < d->nraces; i++)
		print_race(out, "race_sightings_total", &d->races[i], d->races[i].sightings);
	metrics_head(out, "race_processes_total", "counter",
		     "In how many processes a race was seen.");
	for (i = 0; i < d->nraces; i++)
		print_race(out, "race_processes_total", &d->races[i], d->races[i].processes);
}

static void print_daemon(FILE *out, const struct metrics_daemon *d)
{
	count(out, "log_lines_total", "Lines written to the log.", d->log_lines);
	count(out, "log_lines_lost_total", "Lines that could not be written.", d->log_lost);
	count(out, "log_rotations_total", "How often the log was rotated by maprace.",
	      d->log_rotations);
	count(out, "reloads_total", "How often the configuration was read again.", d->reloads);
	count(out, "failed_reloads_total", "Of these, how often it was refused.",
	      d->failed_reloads);
	count(out, "http_busy_total",
	      "How often there were too many connections, so that others waited.", d->clients_busy);
	gauge(out, "resident_memory_bytes", "Memory of maprace's own.", (double)d->resident_bytes);
	metrics_head(out, "cpu_seconds_total", "counter", "CPU time that maprace has used itself.");
	fprintf(out, "maprace_cpu_seconds_total %.9g\n", d->cpu_seconds);
}

void metrics_print(FILE *out, const struct report *report, const struct metrics_daemon *daemon)
{
	metrics_head(out, "build_info", "gauge", "The version that runs.");
	labelled(out, "build_info", "version", report->version, 1);
	gauge(out, "start_time_seconds", "When the watch began, since 1970.",
	      (double)report->started_unix_ns / 1e9);
	print_processes(out, report);
	print_work(out, &report->stats);
	print_races(out, daemon);
	print_deaths(out, daemon);
	print_panics(out, daemon);
	print_memory(out, &daemon->memory);
	metrics_print_vitals(out, report, daemon);
	print_daemon(out, daemon);
}
