/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_REPORT_TEXT_SNAPSHOT_H
#define MAPRACE_REPORT_TEXT_SNAPSHOT_H

#include "model/snapshot.h"
#include "report/printers.h"

/* A map, and what the check of it found. */
void text_print_map_dump(FILE *out, const struct report_map_dump *m,
			 const struct text_style *style);

/* Of how many goroutines it says something, what is missing, and all of them with style->verbose. */
void text_print_goroutines(FILE *out, const struct report_snapshot *s,
			   const struct text_style *style);

#endif
