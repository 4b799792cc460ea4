/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <inttypes.h>
#include <stdio.h>

#include "base/escape.h"
#include "report/text/style.h"
#include "report/text/text_snapshot.h"

static void print_named(FILE *out, uint64_t n, const char *name)
{
	if (n)
		fprintf(out, ", %" PRIu64 " %s", n, name);
}

static void print_shape(FILE *out, const struct report_map_dump *m)
{
	fprintf(out, "  %" PRIu64 " entries", m->map.len);
	if (m->entries != m->map.len)
		fprintf(out, " (%" PRIu64 " seen)", m->entries);
	if (m->capacity)
		fprintf(out, ", %" PRIu64 " slots", m->capacity);
	if (m->slots_seen && m->slots_seen < m->capacity)
		fprintf(out, " (%" PRIu64 " seen)", m->slots_seen);
	if (m->capacity)
		fprintf(out, ", load %.0f%%",
			100.0 * (double)m->entries /
				(double)(m->slots_seen ? m->slots_seen : m->capacity));
	if (m->map.swiss) {
		print_named(out, m->tables, "tables");
		print_named(out, m->tombstones, "tombstones");
	} else {
		print_named(out, m->map.buckets, "buckets");
		print_named(out, m->overflow, "overflow buckets");
		print_named(out, m->longest_chain > 1 ? m->longest_chain : 0,
			    "buckets in the longest chain");
	}
	fputc('\n', out);
	if (m->old_buckets)
		fprintf(out, "  growing: %" PRIu64 " of %" PRIu64 " old buckets are moved\n",
			m->evacuated, m->old_buckets);
}

static void print_lengths(FILE *out, const struct report_map_dump *m)
{
	size_t i, last = 0;

	for (i = 0; i < REPORT_MAP_LENGTHS; i++)
		if (m->lengths[i])
			last = i;
	if (!last)
		return;
	fputs(m->map.swiss ? "  groups looked at per entry:" : "  buckets per chain:", out);
	for (i = 0; i <= last; i++)
		if (m->lengths[i])
			fprintf(out, " %zu%s: %" PRIu64, i + 1,
				i == REPORT_MAP_LENGTHS - 1 ? "+" : "", m->lengths[i]);
	fputc('\n', out);
}

/* A cell per part of the map, from empty to full; a question mark where nobody looked. */
static void print_heat(FILE *out, const struct report_map_dump *m)
{
	static const char steps[] = " .:-=+*#%@";
	size_t i;

	if (m->nheat < 2)
		return;
	fputs("  fill [", out);
	for (i = 0; i < m->nheat; i++) {
		double part = m->heat[i] < 0 ? 0 : m->heat[i] > 1 ? 1 : m->heat[i];

		fputc(i < m->heat_seen ? steps[(size_t)(part * 9 + 0.5)] : '?', out);
	}
	fputs("]\n", out);
}

static void print_verdict(FILE *out, const struct report_map_dump *m,
			  const struct text_style *style)
{
	static const char *const words[REPORT_INTEGRITIES] = {
		[REPORT_INTACT] = "Intact",
		[REPORT_BROKEN] = "BROKEN",
		[REPORT_UNDER_WAY] = "A write is under way",
		[REPORT_PART_INTACT] = "Intact as far as it was checked",
		[REPORT_UNCHECKED] = "Not checked",
	};
	bool bad = m->integrity == REPORT_BROKEN;

	fprintf(out, "  %s%s%s", bad && style->color ? RED_BOLD : "", words[m->integrity],
		bad && style->color ? PLAIN : "");
	fprintf(out, ": %" PRIu64 " hashes computed anew", m->checked);
	if (m->unchecked)
		fprintf(out, ", %" PRIu64 " not", m->unchecked);
	if (m->reason[0]) {
		fputs("; ", out);
		escape_text(out, m->reason);
	}
	fputc('\n', out);
}

void text_print_map_dump(FILE *out, const struct report_map_dump *m, const struct text_style *style)
{
	size_t i;

	fprintf(out, "\n%sMap at 0x%012" PRIx64 ": ", style->color ? BOLD : "", m->map.addr);
	if (m->map.type[0])
		escape_text(out, m->map.type);
	else
		fputs("type unknown", out);
	fprintf(out, "%s", style->color ? PLAIN : "");
	if (!m->type_given && m->map.type[0]) {
		fputs(" (by its contents", out);
		print_named(out, m->type_others,
			    m->type_others == 1 ? "other type agrees as well"
						: "other types agree as well");
		fputc(')', out);
	}
	fputc('\n', out);
	print_shape(out, m);
	print_lengths(out, m);
	print_heat(out, m);
	print_verdict(out, m, style);
	for (i = 0; i < m->ndefects; i++) {
		fputs("    ", out);
		escape_text(out, m->defects[i].where);
		fputs(": ", out);
		escape_text(out, m->defects[i].what);
		fputc('\n', out);
	}
	if (m->all_defects > m->ndefects)
		fprintf(out, "    and %" PRIu64 " more\n", m->all_defects - m->ndefects);
	for (i = 0; i < m->nvalues; i++) {
		fputs("    ", out);
		escape_text(out, m->values[i].key);
		fputs(" = ", out);
		escape_text(out, m->values[i].value);
		fputc('\n', out);
	}
}
