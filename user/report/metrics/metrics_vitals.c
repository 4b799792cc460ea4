/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Goroutines, schedulers and heaps of the processes that are there now, summed up by program. */
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "model/vitals.h"
#include "report/metrics/metrics_parts.h"

#define MAX_PROGRAMS 500
#define MAX_GROWING 500

struct program {
	const char *exe, *unit, *module;
	uint64_t states[REPORT_GOROUTINE_STATES];
	uint64_t ps, ms, gc_cycles, heap_live, heap_goal, memory_limit;
	double oldest_wait_s;
	bool any_ps, any_ms, any_gc, any_heap, any_goal, any_limit;
};

struct growing {
	const struct program *program;
	const char *site;
	uint64_t goroutines;
};

struct table {
	struct program *programs;
	size_t nprograms;
	struct growing *growing;
	size_t ngrowing;
	uint64_t unlisted; /* processes */
};

static const char *unit_of(const struct report *report, const struct report_vitals *v)
{
	const struct report_process *p =
		report_process_find(report->processes, report->nprocesses, v->pid, v->at_s);

	return p && p->unit ? p->unit : "";
}

/* Of the program that the process runs now. */
static const char *module_of(const struct report *report, const struct report_vitals *v)
{
	size_t i;

	for (i = report->ntargets; i--;)
		if (report->targets[i].pid == v->pid)
			return report->targets[i].module ? report->targets[i].module : "";
	return "";
}

static struct program *program_of(struct table *t, const char *exe, const char *unit,
				  const char *module)
{
	size_t i;

	for (i = 0; i < t->nprograms; i++)
		if (!strcmp(t->programs[i].exe, exe) && !strcmp(t->programs[i].unit, unit) &&
		    !strcmp(t->programs[i].module, module))
			return &t->programs[i];
	if (t->nprograms == MAX_PROGRAMS)
		return NULL;
	t->programs[t->nprograms] = (struct program){.exe = exe, .unit = unit, .module = module};
	return &t->programs[t->nprograms++];
}

static void add_growing(struct table *t, const struct program *p, const struct report_maker *m)
{
	size_t i;

	for (i = 0; i < t->ngrowing; i++)
		if (t->growing[i].program == p && !strcmp(t->growing[i].site, m->at.function))
			break;
	if (i == MAX_GROWING)
		return;
	if (i == t->ngrowing)
		t->growing[t->ngrowing++] = (struct growing){p, m->at.function, 0};
	t->growing[i].goroutines += m->goroutines;
}

static void add(struct table *t, const struct report *report, const struct report_vitals *v)
{
	struct program *p = program_of(t, v->exe, unit_of(report, v), module_of(report, v));
	size_t i;

	if (!p) {
		t->unlisted++;
		return;
	}
	for (i = 0; i < REPORT_GOROUTINE_STATES; i++)
		p->states[i] += v->states[i];
	if (v->oldest_wait_s > p->oldest_wait_s)
		p->oldest_wait_s = v->oldest_wait_s;
	p->any_ps |= v->ps_known;
	p->ps += v->ps_known ? v->ps : 0;
	p->any_ms |= v->ms_known;
	p->ms += v->ms_known ? v->ms : 0;
	p->any_gc |= v->gc_known;
	p->gc_cycles += v->gc_known ? v->gc_cycles : 0;
	p->any_heap |= v->heap_known;
	p->heap_live += v->heap_known ? v->heap_live : 0;
	if (v->heap_known && v->heap_goal != UINT64_MAX) {
		p->any_goal = true;
		p->heap_goal += v->heap_goal;
	}
	if (v->heap_known && v->memory_limit != INT64_MAX) {
		p->any_limit = true;
		p->memory_limit += (uint64_t)v->memory_limit;
	}
	for (i = 0; i < v->nmakers; i++)
		if (v->makers[i].named && v->makers[i].grows)
			add_growing(t, p, &v->makers[i]);
}

static void print_states(FILE *out, const struct table *t)
{
	size_t i, state;

	metrics_head(
		out, "goroutines", "gauge",
		"Goroutines of the program's own, by what they do: running, runnable, syscall, "
		"network (wait for it), waiting (for anything else), other.");
	for (i = 0; t->programs && i < t->nprograms; i++)
		for (state = 0; state < REPORT_GOROUTINE_STATES; state++) {
			const struct program *p = &t->programs[i];

			fprintf(out, "maprace_goroutines{state=\"%s\",",
				report_goroutine_state_name((enum report_goroutine_state)state));
			metrics_of_program(out, p->exe, p->unit, p->module, p->states[state]);
		}
}

/* A gauge that a program may not have. */
static void print_one(FILE *out, const char *name, const struct program *p, bool known, uint64_t n)
{
	if (!known)
		return;
	fprintf(out, "maprace_%s{", name);
	metrics_of_program(out, p->exe, p->unit, p->module, n);
}

static void print_programs(FILE *out, const struct table *t)
{
	static const struct {
		const char *name, *help;
		size_t known, value;
	} rows[] = {
#define ROW(known, value) offsetof(struct program, known), offsetof(struct program, value)
		{"go_processors", "Ps of the Go scheduler (GOMAXPROCS).", ROW(any_ps, ps)},
		{"go_threads", "Ms of the Go scheduler: its threads.", ROW(any_ms, ms)},
		{"go_gc_cycles", "Collections of garbage of the processes that are there now.",
		 ROW(any_gc, gc_cycles)},
		{"go_heap_live_bytes",
		 "What was alive at the last collection, and was allocated since.",
		 ROW(any_heap, heap_live)},
		{"go_heap_goal_bytes",
		 "At which size of the heap the next collection is to end, by GOGC.",
		 ROW(any_goal, heap_goal)},
		{"go_memory_limit_bytes", "GOMEMLIMIT, where it is set.",
		 ROW(any_limit, memory_limit)},
#undef ROW
	};
	size_t i, k;

	for (k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		metrics_head(out, rows[k].name, "gauge", rows[k].help);
		for (i = 0; t->programs && i < t->nprograms; i++) {
			const char *p = (const char *)&t->programs[i];

			print_one(out, rows[k].name, &t->programs[i],
				  *(const bool *)(p + rows[k].known),
				  *(const uint64_t *)(p + rows[k].value));
		}
	}
	metrics_head(out, "goroutine_oldest_wait_seconds", "gauge",
		     "For how long at least a goroutine of the program's own has waited.");
	for (i = 0; t->programs && i < t->nprograms; i++)
		print_one(out, "goroutine_oldest_wait_seconds", &t->programs[i], true,
			  t->programs[i].oldest_wait_s > 0 ? (uint64_t)t->programs[i].oldest_wait_s
							   : 0);
}

static void print_site(FILE *out, const char *name, const char *site)
{
	fprintf(out, "maprace_%s{site=\"", name);
	metrics_value(out, site);
	fputs("\",", out);
}

static void print_growing(FILE *out, const struct table *t, const struct metrics_daemon *d)
{
	size_t i;

	metrics_head(out, "goroutines_growing", "gauge",
		     "Goroutines that were made at a place whose goroutines do not end, and become "
		     "more: perhaps a leak.");
	for (i = 0; i < t->ngrowing; i++) {
		const struct program *p = t->growing[i].program;

		print_site(out, "goroutines_growing", t->growing[i].site);
		metrics_of_program(out, p->exe, p->unit, p->module, t->growing[i].goroutines);
	}
	metrics_head(out, "goroutine_leaks_total", "counter",
		     "In how many processes a place was named as one whose goroutines do not end, "
		     "and become more.");
	for (i = 0; i < d->nleaks; i++) {
		print_site(out, "goroutine_leaks_total", d->leaks[i].site);
		metrics_of_program(out, d->leaks[i].exe, d->leaks[i].unit, d->leaks[i].module,
				   d->leaks[i].n);
	}
}

static void print_figure(FILE *out, const char *name, const char *type, const char *help, double n)
{
	metrics_head(out, name, type, help);
	fprintf(out, "maprace_%s %.9g\n", name, n);
}

void metrics_print_vitals(FILE *out, const struct report *report, const struct metrics_daemon *d)
{
	struct table t = {.programs = calloc(MAX_PROGRAMS, sizeof(*t.programs)),
			  .growing = calloc(MAX_GROWING, sizeof(*t.growing))};
	size_t i;

	for (i = 0; t.programs && t.growing && i < report->nvitals; i++)
		if (!report->vitals[i].ended)
			add(&t, report, &report->vitals[i]);
	print_states(out, &t);
	print_programs(out, &t);
	print_growing(out, &t, d);
	print_figure(out, "goroutine_leaks_unlisted_total", "counter",
		     "Those that have no row, as there are too many places.",
		     (double)d->leaks_unlisted);
	print_figure(out, "goroutines_unlisted_processes", "gauge",
		     "Processes whose goroutines are in no row, as there are too many programs.",
		     (double)t.unlisted);
	print_figure(out, "goroutine_looks_total", "counter",
		     "How often goroutines of a process were looked at.",
		     (double)d->goroutine_looks);
	print_figure(out, "goroutine_looks_failed_total", "counter",
		     "How often that failed: they are not found yet, or the process went.",
		     (double)d->goroutine_looks_failed);
	print_figure(out, "goroutine_cpu_seconds_total", "counter",
		     "CPU time that these looks took.", d->goroutine_cpu_seconds);
	free(t.programs);
	free(t.growing);
}
