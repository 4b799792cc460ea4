/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <inttypes.h>
#include <stdio.h>

#include "base/escape.h"
#include "model/memory.h"
#include "report/printers.h"
#include "report/text/style.h"
#include "report/text/text_snapshot.h"
#include "report/words/duration.h"
#include "report/words/words.h"

#define SITES_SHOWN 5
#define MB 1e6

static const char *limit_words(enum report_limit kind)
{
	static const char *const words[REPORT_LIMITS] = {
		[REPORT_LIMIT_CGROUP2] = "the limit of control group ",
		[REPORT_LIMIT_CGROUP1] = "the limit of control group (version 1) ",
		[REPORT_LIMIT_ADDRESS_SPACE] = "the limit of its address space (RLIMIT_AS)",
		[REPORT_LIMIT_DATA] = "the limit of its data (RLIMIT_DATA)",
		[REPORT_LIMIT_GO] = "GOMEMLIMIT, at which Go collects more often",
		[REPORT_LIMIT_GIVEN] = "--memory-limit",
	};

	return kind < REPORT_LIMITS ? words[kind] : "its limit";
}

static void print_use(FILE *out, const struct report_memory *m)
{
	fprintf(out, "%.1f of %.1f MB, ", (double)m->used / MB, (double)m->limit / MB);
	fputs(limit_words(m->kind), out);
	escape_text(out, m->where);
}

static void print_site(FILE *out, const struct report_heap_site *s, int64_t all)
{
	fprintf(out, "  %9.1f MB %5.1f%%  ", (double)s->use.inuse_bytes / MB,
		all > 0 ? 100 * (double)s->use.inuse_bytes / (double)all : 0);
	words_function(out, &s->at);
	if (s->at.file[0]) {
		fputs("() ", out);
		escape_text(out, words_file(&s->at));
		fprintf(out, ":%d", s->at.line);
	}
	fputc('\n', out);
}

static void print_heap(FILE *out, const struct report_memory *m)
{
	size_t i;

	if (!m->heap_known) {
		fputs("No profile of its heap: ", out);
		escape_text(out, m->heap_missing);
		fputc('\n', out);
		return;
	}
	fprintf(out,
		m->heap_with_recent
			? "Its heap held %.1f MB, by the runtime's own profile, with what was "
			  "allocated since garbage was collected last"
			: "Its heap kept %.1f MB, by the runtime's own profile",
		(double)m->heap.inuse_bytes / MB);
	if (m->heap_file[0]) {
		fputs(" (", out);
		escape_text(out, m->heap_file);
		fputc(')', out);
	}
	fputs(":\n", out);
	for (i = 0; i < m->nsites && i < SITES_SHOWN; i++)
		print_site(out, &m->sites[i], m->heap.inuse_bytes);
	if (m->heap_missing[0]) {
		fputs("Note: ", out);
		escape_text(out, m->heap_missing);
		fputc('\n', out);
	}
}

static void print_killed(FILE *out, const struct report_memory *m)
{
	fputs(m->alone ? "WAS KILLED, most likely by the kernel's OOM killer ("
		       : "WAS KILLED as the kernel's OOM killer was in its control group (",
	      out);
	escape_text(out, m->exe);
	fputc(')', out);
	if (m->limit) {
		fputs(": at the last look ", out);
		print_use(out, m);
	}
}

void text_print_memory(FILE *out, const struct report_memory *m, const struct text_style *style)
{
	fputs(RULE, out);
	fprintf(out, "%sPROCESS %" PRIu32 " ", style->color ? RED_BOLD : "", m->pid);
	if (m->percent > 0) {
		fprintf(out, "HAS USED %g%% OF ITS MEMORY (", m->percent);
		escape_text(out, m->exe);
		fputs("): ", out);
		print_use(out, m);
		if (m->jumped)
			fputs("; that was between two looks", out);
	} else {
		print_killed(out, m);
	}
	fprintf(out, "%s\n", style->color ? PLAIN : "");
	if (m->heap_asked)
		print_heap(out, m);
	if (m->has_snapshot) {
		if (m->seen.freeze_ns)
			fprintf(out, "Stood still for %s",
				duration_format((double)m->seen.freeze_ns).s);
		else
			fputs("Was not stopped", out);
		text_print_goroutines(out, &m->seen, style);
	}
	fputs(RULE, out);
}
