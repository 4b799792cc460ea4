/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * JUnit XML, as CI systems read it (tests/reports/junit.xsd has the form): one suite, or one
 * for each program that a command has started, one test case a race, which failed; suspects are
 * skipped cases; a run that found nothing is one case that passed, or was skipped where no race
 * could be proved.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "base/escape.h"
#include "report/junit/junit_parts.h"
#include "report/printers.h"
#include "report/words/words.h"
#include "report/xml.h"

static void print_words(FILE *out, void (*say)(FILE *, const struct report_race *),
			const struct report_race *race)
{
	char *text = words_of(say, race);

	if (text)
		xml_plain(out, text);
	free(text);
}

/* The text report, without colour. */
static int print_body(FILE *out, const struct report_race *race, double elapsed_s,
		      const struct print_options *options)
{
	struct print_options plain = *options;
	char *text = NULL;
	size_t len = 0;
	FILE *memory = open_memstream(&text, &len);

	if (!memory)
		return -ENOMEM;
	plain.text.color = false;
	text_print_race(memory, race, elapsed_s, &plain.text);
	if (!fclose(memory))
		xml_plain(out, text);
	free(text);
	return 0;
}

int junit_print_case(FILE *out, const struct report_race *race, bool suspect, double elapsed_s,
		     const struct print_options *options)
{
	int rc;

	fputs("    <testcase classname=\"maprace\" name=\"", out);
	print_words(out, words_summary, race);
	fprintf(out, " [%s]\" time=\"0\">\n", race->id);
	if (suspect)
		fputs("      <skipped message=\"", out);
	else
		fprintf(out, "      <failure type=\"%s\" message=\"", report_kind_name(race->kind));
	print_words(out, words_evidence, race);
	fputs("\">", out);
	rc = print_body(out, race, elapsed_s, options);
	fprintf(out, "</%s>\n    </testcase>\n", suspect ? "skipped" : "failure");
	return rc;
}

void junit_print_time(FILE *out, int64_t unix_ns)
{
	time_t seconds = (time_t)(unix_ns / 1000000000);
	char date[64];
	struct tm tm;

	if (unix_ns <= 0 || !gmtime_r(&seconds, &tm) ||
	    !strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm))
		return;
	fprintf(out, " timestamp=\"%s\"", date);
}

static bool says_something(const struct report *report)
{
	return report->stats.ncaveats || report->stats.unwatched > 0.005;
}

/* In how far that is worth something. */
static void print_worth(FILE *out, const struct report *report)
{
	char *text = NULL;
	size_t len = 0, i;
	FILE *memory = open_memstream(&text, &len);

	if (!memory)
		return;
	fputs("No race found", memory);
	words_worth(memory, report);
	for (i = 0; i < report->stats.ncaveats; i++) {
		fputc('\n', memory);
		escape_text(memory, report->stats.caveats[i].text);
	}
	if (!fclose(memory))
		xml_plain(out, text);
	free(text);
}

/* One case: passed, or skipped where there was nothing that could have failed. */
void junit_print_nothing(FILE *out, const struct report *report, bool blind, double seconds)
{
	fprintf(out, "    <testcase classname=\"maprace\" name=\"no race found\" time=\"%.3f\"",
		seconds);
	if (!says_something(report)) {
		fputs("/>\n", out);
		return;
	}
	fputs(blind ? ">\n      <skipped message=\"none could be proved\">"
		    : ">\n      <system-out>",
	      out);
	print_worth(out, report);
	fprintf(out, "</%s>\n    </testcase>\n", blind ? "skipped" : "system-out");
}

static int print_whole(FILE *out, const struct report *report, const struct print_options *options)
{
	size_t cases = report->nraces + report->nsuspects, i;
	bool blind = report_all_blind(report);
	int rc = 0;

	fprintf(out,
		"  <testsuite name=\"maprace\" tests=\"%zu\" failures=\"%zu\" errors=\"0\""
		" skipped=\"%zu\" time=\"%.3f\"",
		cases ? cases : 1, report->nraces, cases ? report->nsuspects : blind,
		report->duration_s);
	junit_print_time(out, report->started_unix_ns);
	fputs(">\n", out);
	for (i = 0; i < report->nraces && !rc; i++)
		rc = junit_print_case(out, &report->races[i], false, report->duration_s, options);
	for (i = 0; i < report->nsuspects && !rc; i++)
		rc = junit_print_case(out, &report->suspects[i], true, report->duration_s, options);
	if (!cases)
		junit_print_nothing(out, report, blind, report->duration_s);
	fputs("  </testsuite>\n", out);
	return rc;
}

int junit_print_report(FILE *out, const struct report *report, const struct print_options *options)
{
	int rc;

	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n", out);
	if (junit_has_programs(report))
		rc = junit_print_programs(out, report, options);
	else
		rc = print_whole(out, report, options);
	fputs("</testsuites>\n", out);
	return rc ? rc : print_finish(out);
}
