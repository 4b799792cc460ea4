/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/json/json_read.h"
#include "report/printers.h"

static char *print(const struct report *report)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (!out || json_print_report(out, report, NULL) || fclose(out))
		abort();
	return text;
}

/*
 * Whatever the reader takes must be printable, in text without a control byte, and in JSON such
 * that reading it again gives the same document.
 */
static void check(const struct report *report)
{
	const struct text_style style = {.verbose = true};
	struct report again;
	struct err err = {0};
	char *first = print(report), *second, *text = NULL, *p;
	size_t len = 0, i;
	FILE *out;

	if (json_read_buffer(first, strlen(first), &again, &err)) {
		fprintf(stderr, "not read again: %s\n", err.text);
		abort();
	}
	second = print(&again);
	if (strcmp(first, second) != 0)
		abort();
	free(first);
	free(second);
	report_free(&again);
	out = open_memstream(&text, &len);
	if (!out)
		abort();
	for (i = 0; i < report->nraces; i++)
		text_print_race(out, &report->races[i], report->duration_s, &style);
	text_print_growths(out, report, &style);
	text_print_summary(out, report, &style);
	if (fclose(out))
		abort();
	for (p = text; p < text + len; p++)
		if ((*p >= 0 && *p < 0x20 && *p != '\n') || *p == 0x7f)
			abort();
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct report report;
	struct err err = {0};

	if (!json_read_buffer((const char *)data, size, &report, &err)) {
		check(&report);
		report_free(&report);
	} else if (!err.text[0]) {
		abort();
	}
	return 0;
}
