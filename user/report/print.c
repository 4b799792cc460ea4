/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <errno.h>
#include <stdio.h>

#include "report/printers.h"

int print_finish(FILE *out)
{
	errno = 0;
	if (fflush(out) || ferror(out))
		return errno ? -errno : -EIO;
	return 0;
}

int text_print_report(FILE *out, const struct report *report, const struct print_options *options)
{
	size_t i;

	for (i = 0; i < report->nraces; i++)
		text_print_race(out, &report->races[i], report->duration_s, &options->text);
	for (i = 0; i < report->nsuspects; i++)
		text_print_race(out, &report->suspects[i], report->duration_s, &options->text);
	text_print_growths(out, report, &options->text);
	text_print_summary(out, report, &options->text);
	return print_finish(out);
}

int jsonl_print_report(FILE *out, const struct report *report)
{
	int rc = 0;
	size_t i;

	for (i = 0; i < report->ntargets && !rc; i++)
		rc = jsonl_print_target(out, &report->targets[i]);
	for (i = 0; i < report->nraces && !rc; i++)
		rc = jsonl_print_race(out, &report->races[i], false);
	for (i = 0; i < report->nsuspects && !rc; i++)
		rc = jsonl_print_race(out, &report->suspects[i], true);
	for (i = 0; i < report->ngrowths && !rc; i++)
		rc = jsonl_print_growth(out, &report->growths[i]);
	return rc ? rc : jsonl_print_stats(out, &report->stats);
}
