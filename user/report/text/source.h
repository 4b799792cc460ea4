/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_REPORT_SOURCE_H
#define MAPRACE_REPORT_SOURCE_H

#include <stddef.h>

#include "model/model.h"

#define SOURCE_LINE 400 /* longest line that is quoted */

/*
 * A line of a Go source file, without its newline. The name comes from the watched process: only a
 * regular file whose real name ends in .go is opened, no link of /proc followed, and no more than a
 * few megabytes are read. A relative name is looked for below root, and so are the ends of one that
 * is not there (built elsewhere). root may be NULL. 0, -ENOENT, or another negative errno.
 */
int source_line(const char *file, int line, const char *root, char out[SOURCE_LINE]);

/*
 * Where in the line the map stands that op is done to, as far as one line tells: "c.items[key]",
 * "delete(c.items, key)", "range c.items". *len 0: not found.
 */
void source_mark(const char *line, enum report_op op, size_t *from, size_t *len);

#endif
