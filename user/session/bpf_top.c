/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The live table of maps: `maprace bpf --top`. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/escape.h"
#include "session/bpf_watch.h"
#include "session/watch.h"

#define ROWS_SHOWN 20
#define CLEAR_SCREEN "\033[H\033[J"

struct top_row {
	const struct kernel_map *map;
	double reads, writes; /* a second */
	uint64_t conflicts;
	int writers;
};

struct top_last {
	uint32_t id;
	uint64_t reads, writes;
};

static struct top_last last[MR_BPF_ROWS];
static uint64_t last_ns;

static size_t collect(struct bpf_watch *w, struct top_row *rows, double seconds)
{
	const struct mr_bpf_row *table = map_attachment_rows(w->attachment);
	size_t i, n = 0;

	for (i = 0; i < MR_BPF_ROWS; i++) {
		struct mr_bpf_row row = table[i];
		bool same = last[i].id == row.id;

		if (!row.id || row.flags & MR_BPF_ROW_IGNORE)
			continue;
		rows[n].map = kernel_maps_get(&w->maps, row.id);
		rows[n].reads = (double)(row.reads - (same ? last[i].reads : 0)) / seconds;
		rows[n].writes = (double)(row.writes - (same ? last[i].writes : 0)) / seconds;
		rows[n].conflicts = row.conflicts;
		rows[n].writers = __builtin_popcountll(row.writers);
		last[i] = (struct top_last){row.id, row.reads, row.writes};
		n += rows[n].map != NULL;
	}
	return n;
}

static int busier(const void *a, const void *b)
{
	const struct top_row *x = a, *y = b;

	if (x->conflicts != y->conflicts)
		return x->conflicts < y->conflicts ? 1 : -1;
	if (x->writes + x->reads < y->writes + y->reads)
		return 1;
	return x->writes + x->reads > y->writes + y->reads ? -1 : 0;
}

static void print_table(const struct top_row *rows, size_t n)
{
	size_t i;

	printf(CLEAR_SCREEN "%6s  %-16s %-14s %12s %12s %8s %10s\n", "id", "name", "type",
	       "reads/s", "writes/s", "writers", "conflicts");
	for (i = 0; i < n && i < ROWS_SHOWN; i++) {
		printf("%6" PRIu32 "  ", rows[i].map->id);
		escape_text(stdout, rows[i].map->name);
		printf("%*s %-14s %12.0f %12.0f %8d %10" PRIu64 "\n",
		       16 - (int)strlen(rows[i].map->name), "", map_type_name(rows[i].map->type),
		       rows[i].reads, rows[i].writes, rows[i].writers, rows[i].conflicts);
	}
}

static int print_json(const struct top_row *rows, size_t n)
{
	json_t *list = json_array(), *line;
	size_t i;
	int r;

	for (i = 0; i < n; i++) {
		char *name = escape_utf8(rows[i].map->name);

		json_array_append_new(list,
				      json_pack("{s:i, s:s, s:s, s:f, s:f, s:i, s:I}", "id",
						(int)rows[i].map->id, "name", name ? name : "",
						"type", map_type_name(rows[i].map->type),
						"reads_per_s", rows[i].reads, "writes_per_s",
						rows[i].writes, "writers", rows[i].writers,
						"conflicts", (json_int_t)rows[i].conflicts));
		free(name);
	}
	line = json_pack("{s:s, s:o}", "type", "top", "data", list);
	r = line ? json_dumpf(line, stdout,
			      JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(12))
		 : -1;
	json_decref(line);
	putchar('\n');
	return r;
}

void bpf_print_top(struct bpf_watch *w)
{
	struct top_row *rows = calloc(MR_BPF_ROWS, sizeof(*rows));
	uint64_t now = watch_now();
	double seconds = (double)(now - (last_ns ? last_ns : w->start_ns)) / 1e9;
	size_t n;

	if (!rows)
		return;
	n = collect(w, rows, seconds);
	last_ns = now;
	qsort(rows, n, sizeof(*rows), busier);
	if (isatty(STDOUT_FILENO))
		print_table(rows, n);
	else
		w->failed |= print_json(rows, n) < 0;
	w->failed |= fflush(stdout) != 0;
	free(rows);
}
