/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_REPORT_HTML_GROUPS_H
#define MAPRACE_REPORT_HTML_GROUPS_H

#include <stdio.h>

#include "model/snapshot.h"

/* All of a snapshot, folded; where they are many one can look for a text in them. */
void html_groups(FILE *out, const struct report_snapshot *s);
/* Stack, creation and labels of one. */
void html_group_stack(FILE *out, const struct report_group *g);
/* The innermost frame that is not the runtime's, or the innermost; NULL: none is known. */
const struct report_frame *html_group_site(const struct report_group *g);

/* html_graph.c: who uses the map that a process has died of: goroutines, where they call from, and
 * the map; conflicts are red. Nothing where the map is not known. */
void html_graph(FILE *out, const struct report_death *d);

#endif
