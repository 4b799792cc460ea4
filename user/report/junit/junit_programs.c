/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <inttypes.h>
#include <string.h>

#include "report/junit/junit_parts.h"
#include "report/xml.h"

bool junit_has_programs(const struct report *report)
{
	return report->followed && !report->followed->host && report->nprocesses;
}

struct suite {
	const struct report *report;
	const char *exe;
	size_t races, suspects, unwatched;
	double seconds;
	bool blind; /* in none of its processes a race could be proved */
};

static bool is_of(const struct suite *s, const struct report_process *p)
{
	return !strcmp(p->exe, s->exe);
}

static bool has(const struct suite *s, const struct report_race *race)
{
	const struct report_process *p = report_process_find(
		s->report->processes, s->report->nprocesses, race->pid, race->first_seen_s);

	return p && is_of(s, p);
}

/* In none of the runtimes that were watched in its processes. */
static bool is_blind(const struct suite *s)
{
	const struct report *r = s->report;
	size_t i, watched = 0, blind = 0;

	for (i = 0; i < r->ntargets; i++) {
		if (strcmp(r->targets[i].exe, s->exe) != 0)
			continue;
		watched++;
		blind += report_target_is_blind(r, i);
	}
	return watched && blind == watched;
}

static void look(struct suite *s)
{
	const struct report *r = s->report;
	size_t i;

	for (i = 0; i < r->nraces; i++)
		s->races += has(s, &r->races[i]);
	for (i = 0; i < r->nsuspects; i++)
		s->suspects += has(s, &r->suspects[i]);
	for (i = 0; i < r->nprocesses; i++) {
		const struct report_process *p = &r->processes[i];

		if (!is_of(s, p))
			continue;
		s->unwatched += p->why != NULL;
		s->seconds += p->why ? 0 : (p->to_s < 0 ? r->duration_s : p->to_s) - p->from_s;
	}
	s->blind = is_blind(s);
}

static const char *name_of(const char *exe)
{
	const char *slash = strrchr(exe, '/');

	return slash && slash[1] ? slash + 1 : *exe ? exe : "?";
}

static void print_begin(FILE *out, const struct suite *s, bool nothing)
{
	fputs("  <testsuite name=\"", out);
	xml_text(out, name_of(s->exe));
	fprintf(out, "\" tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"%zu\" time=\"%.3f\"",
		s->races + s->suspects + s->unwatched + nothing, s->races,
		s->suspects + s->unwatched + (nothing && s->blind), s->seconds);
	junit_print_time(out, s->report->started_unix_ns);
	fputs(">\n", out);
}

static void print_unwatched(FILE *out, const struct suite *s)
{
	size_t i;

	for (i = 0; i < s->report->nprocesses; i++) {
		const struct report_process *p = &s->report->processes[i];

		if (!p->why || !is_of(s, p))
			continue;
		fprintf(out,
			"    <testcase classname=\"maprace\" name=\"process %" PRIu32
			" was not watched\" time=\"0\">\n      <skipped message=\"",
			p->pid);
		xml_text(out, p->why);
		fputs("\"></skipped>\n    </testcase>\n", out);
	}
}

static int print_suite(FILE *out, const struct suite *s, const struct print_options *options)
{
	const struct report *r = s->report;
	bool nothing = !s->races && !s->suspects && !s->unwatched;
	size_t i;
	int rc = 0;

	print_begin(out, s, nothing);
	for (i = 0; i < r->nraces && !rc; i++)
		if (has(s, &r->races[i]))
			rc = junit_print_case(out, &r->races[i], false, r->duration_s, options);
	for (i = 0; i < r->nsuspects && !rc; i++)
		if (has(s, &r->suspects[i]))
			rc = junit_print_case(out, &r->suspects[i], true, r->duration_s, options);
	print_unwatched(out, s);
	if (nothing)
		junit_print_nothing(out, r, s->blind, s->seconds);
	fputs("  </testsuite>\n", out);
	return rc;
}

static bool is_first(const struct report *r, size_t i)
{
	size_t k;

	for (k = 0; k < i; k++)
		if (!strcmp(r->processes[k].exe, r->processes[i].exe))
			return false;
	return true;
}

int junit_print_programs(FILE *out, const struct report *report,
			 const struct print_options *options)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < report->nprocesses && !rc; i++) {
		struct suite s = {.report = report, .exe = report->processes[i].exe};

		if (!is_first(report, i))
			continue;
		look(&s);
		rc = print_suite(out, &s, options);
	}
	return rc;
}
