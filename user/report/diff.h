/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_REPORT_DIFF_H
#define MAPRACE_REPORT_DIFF_H

#include <stdio.h>

#include "model/model.h"
#include "report/printers.h"

/*
 * Compares two reports by the ids of their races: a line for each that is new (+), gone (-) or in
 * both (=), then the new ones in full. 0 or a negative errno; *added is how many are new.
 */
int diff_print(FILE *out, const struct report *before, const struct report *after,
	       const struct text_style *style, size_t *added);

#endif
