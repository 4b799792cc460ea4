/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "report/printers.h"

int html_print_report(FILE *out, const struct report *report, const struct print_options *options)
{
	fprintf(out, "<!doctype html><title>maprace</title>%zu races", report->nraces);
	(void)options;
	return print_finish(out);
}
