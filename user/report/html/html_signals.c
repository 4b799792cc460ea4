/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Panics, goroutines and memory: what the text says of them, each in a section of its own. */
#include <stdlib.h>

#include "model/memory.h"
#include "report/html/html_parts.h"
#include "report/printers.h"
#include "report/text/style.h"
#include "report/xml.h"

static void print_memory(FILE *out, const struct report *report, const struct text_style *style)
{
	size_t i;

	if (!report->nmemory)
		fputs("No threshold was passed.\n", out);
	for (i = 0; i < report->nmemory; i++)
		text_print_memory(out, &report->memory[i], style);
}

static void print_section(FILE *out, const char *id, const char *title,
			  void (*say)(FILE *, const struct report *, const struct text_style *),
			  const struct report *report)
{
	static const struct text_style plain;
	char *text = NULL;
	size_t len = 0;
	FILE *memory = open_memstream(&text, &len);

	if (!memory)
		return;
	say(memory, report, &plain);
	if (!fclose(memory)) {
		fprintf(out, "<section id=%s>\n<h2>%s</h2>\n<pre>", id, title);
		xml_plain(out, text);
		fputs("</pre>\n</section>\n", out);
	}
	free(text);
}

void html_signals(FILE *out, const struct report *report)
{
	if (report->memory_asked)
		print_section(out, "memory", "Memory that came to an end", print_memory, report);
	if (report->panics_watched)
		print_section(out, "panics", "Where programs panicked", text_print_panics, report);
	if (report->nvitals)
		print_section(out, "goroutines", "Goroutines, scheduler and heap",
			      text_print_vitals, report);
}
