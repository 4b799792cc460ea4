/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* One page with everything in it: no network, no root, a phone will do. */
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "report/words/duration.h"
#include "report/html/html_parts.h"
#include "report/printers.h"
#include "report/words/words.h"
#include "report/xml.h"

void html_words(FILE *out, void (*say)(FILE *, const struct report_race *),
		const struct report_race *race)
{
	char *text = words_of(say, race);

	xml_plain(out, text ? text : "");
	free(text);
}

void html_words_at(FILE *out, void (*say)(FILE *, const struct report_race *, size_t),
		   const struct report_race *race, size_t which)
{
	char *text = NULL;
	size_t len = 0;
	FILE *memory = open_memstream(&text, &len);

	if (!memory)
		return;
	say(memory, race, which);
	if (!fclose(memory))
		xml_plain(out, text);
	free(text);
}

static void print_when(FILE *out, int64_t unix_ns)
{
	time_t seconds = (time_t)(unix_ns / 1000000000);
	char date[64];
	struct tm tm;

	if (unix_ns > 0 && gmtime_r(&seconds, &tm) &&
	    strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S UTC", &tm))
		fprintf(out, "%s, ", date);
}

static void print_targets(FILE *out, const struct report *report)
{
	size_t i;

	fputs("<ul class=targets>\n", out);
	for (i = 0; i < report->ntargets; i++) {
		const struct report_target *t = &report->targets[i];

		fprintf(out, "<li>process %" PRIu32 ": <code>", t->pid);
		xml_text(out, t->exe);
		if (t->library && t->library[0]) {
			fputs("</code>, its library <code>", out);
			xml_text(out, t->library);
		}
		fputs("</code>, ", out);
		xml_text(out, t->go_version);
		fprintf(out, ", %s maps%s%s%s</li>\n", t->swiss ? "Swiss" : "classic",
			t->stripped ? ", stripped" : "", t->pie ? ", PIE" : "",
			t->exited ? ", has ended" : "");
	}
	fputs("</ul>\n", out);
}

static void print_hidden(FILE *out, const struct report *report)
{
	size_t i;

	for (i = 0; i < report->nhidden; i++) {
		const struct report_hidden *h = &report->hidden[i];

		fprintf(out, "<p class=note>%s: %" PRIu64 " %s, by <code>",
			h->known ? "Known before" : "Suppressed", h->races,
			h->races == 1 ? "race" : "races");
		xml_text(out, h->by);
		fputs("</code></p>\n", out);
	}
}

static void print_followed(FILE *out, const struct report *report)
{
	char *text = NULL;
	size_t len = 0;
	FILE *memory = report->followed ? open_memstream(&text, &len) : NULL;

	if (!memory)
		return;
	words_followed(memory, report->followed);
	words_not_watched(memory, report->followed);
	if (!fclose(memory)) {
		fputs("<p>", out);
		xml_plain(out, text);
		fputs("</p>\n", out);
	}
	free(text);
}

static void print_caveats(FILE *out, const struct report_stats *stats)
{
	size_t i;

	for (i = 0; i < stats->ncaveats; i++) {
		fputs("<p class=unsure>", out);
		xml_text(out, stats->caveats[i].text);
		fputs("</p>\n", out);
	}
}

static void print_head(FILE *out, const struct report *report)
{
	fprintf(out, "<header>\n<h1 class=%s>",
		report->nraces					   ? "bad"
		: report_blind(report) || report_all_blind(report) ? "unsure"
								   : "good");
	if (report->nraces)
		fprintf(out, "%zu %s found", report->nraces,
			report->nraces == 1 ? "race" : "races");
	else
		fputs("No race found", out);
	if (report->nsuspects)
		fprintf(out, ", %zu %s", report->nsuspects,
			report->nsuspects == 1 ? "suspect" : "suspects");
	words_worth(out, report);
	fputs("</h1>\n", out);
	print_caveats(out, &report->stats);
	fputs("<p>", out);
	print_when(out, report->started_unix_ns);
	fprintf(out, "watched for %s by maprace ", duration_format(report->duration_s * 1e9).s);
	xml_text(out, report->version);
	fprintf(out, "; %" PRIu32 " CPUs, kernel ", report->cpus);
	xml_text(out, report->kernel);
	fputs(", ", out);
	xml_text(out, report->arch);
	fputs("</p>\n", out);
	print_followed(out, report);
	print_targets(out, report);
	print_hidden(out, report);
	fputs("</header>\n", out);
}

static void print_index(FILE *out, const struct report_race *races, size_t n, const char *prefix)
{
	size_t i;

	for (i = 0; i < n; i++) {
		fprintf(out, "<li><a href=\"#%s%zu\">", prefix, i + 1);
		html_words(out, words_summary, &races[i]);
		fputs("</a> <small>seen ", out);
		words_count(out, races[i].count);
		fputs("</small></li>\n", out);
	}
}

static void print_file(FILE *out, const struct report_frame *frame)
{
	if (!frame->file || !frame->file[0])
		return;
	fputs("<br><small>", out);
	xml_text(out, words_file(frame));
	if (frame->line > 0)
		fprintf(out, ":%d", frame->line);
	fputs("</small>", out);
}

static void print_frame(FILE *out, const struct report_frame *frame, bool site)
{
	fprintf(out, "<li%s><code>", site ? " class=site" : frame->runtime ? " class=rt" : "");
	xml_text(out, frame->function && frame->function[0] ? frame->function : "?");
	fputs("()</code>", out);
	print_file(out, frame);
	fputs("</li>\n", out);
}

/* The runtime's frames between the map function and the program's code are folded. */
static void print_stack(FILE *out, const struct report_access *access)
{
	const struct report_frame *site = report_access_site(access);
	bool folded = false;
	size_t i;

	fputs("<ol class=stack>\n", out);
	for (i = 0; i < access->nframes; i++) {
		const struct report_frame *frame = &access->frames[i];
		bool fold = i && frame->runtime && frame != site;

		if (fold && !folded)
			fputs("<li class=fold><details><summary>runtime</summary><ol>\n", out);
		if (!fold && folded)
			fputs("</ol></details></li>\n", out);
		folded = fold;
		print_frame(out, frame, frame == site);
	}
	if (folded)
		fputs("</ol></details></li>\n", out);
	fputs("</ol>\n", out);
	if (!access->nframes)
		fputs("<p class=note>The stack is not known.</p>\n", out);
	else if (access->partial)
		fputs("<p class=note>Only the innermost callers are known.</p>\n", out);
	else if (access->truncated)
		fputs("<p class=note>Outer callers are missing.</p>\n", out);
}

void html_labels(FILE *out, const struct report_label *labels, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		fputs(i ? ", " : "", out);
		xml_text(out, labels[i].key);
		fputc('=', out);
		xml_text(out, labels[i].value);
	}
}

static void print_access(FILE *out, const struct report_race *race, size_t which)
{
	const struct report_access *access = &race->access[which];

	fprintf(out, "<section class=\"access %s\">\n<h3>",
		which == report_first_access(race) ? "a" : "b");
	html_words_at(out, words_access, race, which);
	fputs("</h3>\n", out);
	if (!race->bpf || race->bpf->audit)
		print_stack(out, access);
	if (access->nlabels) {
		fputs("<p>Labels ", out);
		html_labels(out, access->labels, access->nlabels);
		fputs("</p>\n", out);
	}
	if (access->created_by.known) {
		fputs("<p>The goroutine was created at</p>\n<ol class=stack>\n", out);
		print_frame(out, &access->created_by.at, false);
		fputs("</ol>\n", out);
	}
	fputs("</section>\n", out);
}

static void print_facts(FILE *out, const struct report_race *race)
{
	fputs("<dl>\n<dt>Map</dt><dd>", out);
	html_words(out, words_map, race);
	fputs("</dd>\n<dt>Evidence</dt><dd>", out);
	html_words(out, words_evidence, race);
	if (race->caveat) {
		fputs("</dd>\n<dt>Caveat</dt><dd>", out);
		xml_text(out, race->caveat);
	}
	if (race->bpf && race->bpf->audit) {
		fputs("</dd>\n<dt>What is lost</dt><dd>", out);
		xml_text(out, race->bpf->audit->lost);
		fputs("</dd>\n<dt>Fix</dt><dd>", out);
		xml_text(out, race->bpf->audit->fix);
		if (race->bpf->audit->live) {
			fputs("</dd>\n<dt>Live</dt><dd>", out);
			html_words(out, words_live, race);
		}
	}
	fputs("</dd>\n<dt>Seen</dt><dd>", out);
	words_count(out, race->count);
	fprintf(out, ", first after %s", duration_format(race->first_seen_s * 1e9).s);
	if (race->count > 1)
		fprintf(out, ", last after %s", duration_format(race->last_seen_s * 1e9).s);
	if (!race->bpf) {
		fputs("; ", out);
		html_words(out, words_fired, race);
	}
	fprintf(out,
		"</dd>\n<dt>Process</dt><dd>%" PRIu32 "</dd>\n<dt>Id</dt><dd><code>%s</code></dd>\n"
		"</dl>\n",
		race->pid, race->id);
}

static void print_race(FILE *out, const struct report_race *race, const char *prefix, size_t n,
		       double duration_s)
{
	size_t first = report_first_access(race);

	fprintf(out, "<article id=%s%zu data-id=%s>\n<h2>", prefix, n + 1, race->id);
	html_words(out, words_title, race);
	fputs("</h2>\n<p class=lead>", out);
	html_words(out, words_summary, race);
	fputs("</p>\n", out);
	html_moment(out, race);
	fputs("<div class=pair>\n", out);
	print_access(out, race, first);
	if (race->has_other || race->bpf)
		print_access(out, race, first ^ 1);
	else
		fputs("<section class=\"access b\"><h3>The other access is unknown</h3></section>\n",
		      out);
	fputs("</div>\n", out);
	print_facts(out, race);
	html_run(out, race, duration_s);
	fputs("</article>\n", out);
}

int html_print_report(FILE *out, const struct report *report, const struct print_options *options)
{
	size_t i;

	(void)options;
	html_begin(out);
	print_head(out, report);
	if (report->nraces + report->nsuspects > 1) {
		fputs("<nav><ol>\n", out);
		print_index(out, report->races, report->nraces, "race-");
		print_index(out, report->suspects, report->nsuspects, "suspect-");
		fputs("</ol></nav>\n", out);
	}
	html_deaths(out, report);
	html_signals(out, report);
	for (i = 0; i < report->nraces; i++)
		print_race(out, &report->races[i], "race-", i, report->duration_s);
	for (i = 0; i < report->nsuspects; i++)
		print_race(out, &report->suspects[i], "suspect-", i, report->duration_s);
	html_maps(out, report);
	html_growths(out, report);
	html_distances(out, report);
	html_cost(out, report);
	html_end(out);
	return print_finish(out);
}
