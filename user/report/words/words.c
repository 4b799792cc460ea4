/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "report/words/words.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "model/evidence.h"

const char *words_op(enum report_op op)
{
	switch (op) {
	case REPORT_READ:
		return "read";
	case REPORT_WRITE:
		return "write";
	case REPORT_DELETE:
		return "delete";
	case REPORT_ITERATE:
		return "iteration";
	case REPORT_CLEAR:
		return "clear";
	case REPORT_CLONE:
		return "clone";
	}
	return "access";
}

void words_goroutine(FILE *out, uint64_t goroutine)
{
	if (goroutine)
		fprintf(out, "goroutine %" PRIu64, goroutine);
	else
		fputs("an unknown goroutine", out);
}

void words_function(FILE *out, const struct report_frame *frame)
{
	escape_text(out, frame && frame->function && frame->function[0] ? frame->function : "?");
}

void words_title(FILE *out, const struct report_race *race)
{
	const char *proof = report_proves(race) == REPORT_PROVES_NOTHING ? "suspect" : "proven";

	if (race->bpf && race->bpf->audit)
		fprintf(out, "POSSIBLE LOST UPDATE BY A BPF PROGRAM (%s: %s%s)",
			report_severity_name(race->bpf->audit->severity),
			report_kind_name(race->kind),
			race->evidence == REPORT_OVERLAP ? "; overlap confirmed" : "");
	else if (race->bpf && race->kind == REPORT_LOST_UPDATE)
		fprintf(out, "LOST UPDATE OF A BPF MAP (%s)", proof);
	else if (race->bpf)
		fputs("CONCURRENT UPDATES OF A BPF MAP (suspect)", out);
	else
		fprintf(out, "%s (%s)", race->damaged ? "DAMAGED MAP" : "CONCURRENT MAP ACCESS",
			proof);
}

/* --- who --- */

static void say_program(FILE *out, const struct report_actor *actor)
{
	if (!actor->prog_id) {
		fputs("a BPF program that is not known", out);
		return;
	}
	fputs("BPF program ", out);
	escape_text(out, actor->prog_name && actor->prog_name[0] ? actor->prog_name : "?");
	fprintf(out, " (id %" PRIu32 ", ", actor->prog_id);
	escape_text(out, actor->prog_type);
	fputs(", tag ", out);
	escape_text(out, actor->prog_tag);
	fputc(')', out);
}

/* Of which only the instructions were read. */
static void say_audited(FILE *out, const struct report_actor *actor, const struct report_audit *a)
{
	fputs("BPF program ", out);
	escape_text(out, actor->prog_name && actor->prog_name[0] ? actor->prog_name : "?");
	fputs(" (", out);
	if (actor->prog_id)
		fprintf(out, "id %" PRIu32 ", ", actor->prog_id);
	escape_text(out, actor->prog_type);
	if (actor->prog_id) {
		fputs(", tag ", out);
		escape_text(out, actor->prog_tag);
	}
	if (a->section[0]) {
		fputs(", section ", out);
		escape_text(out, a->section);
	}
	fputc(')', out);
}

static void say_actor(FILE *out, const struct report_actor *actor,
		      const struct report_access *access)
{
	if (actor->program) {
		say_program(out, actor);
		fprintf(out, " on cpu %" PRIu32, access->cpu);
		return;
	}
	fputs("process ", out);
	escape_text(out, actor->comm && actor->comm[0] ? actor->comm : "?");
	fprintf(out, " (pid %" PRIu32 ", thread %" PRIu32 ", cpu %" PRIu32 ")", actor->pid,
		access->tid, access->cpu);
}

void words_who(FILE *out, const struct report_race *race, size_t which)
{
	const struct report_access *access = &race->access[which];

	if (race->bpf && race->bpf->audit) {
		say_audited(out, &race->bpf->actor[which], race->bpf->audit);
		return;
	}
	if (race->bpf) {
		say_actor(out, &race->bpf->actor[which], access);
		return;
	}
	words_goroutine(out, access->goroutine);
	if (access->tid)
		fprintf(out, " (thread %" PRIu32 ", cpu %" PRIu32 ")", access->tid, access->cpu);
}

void words_access(FILE *out, const struct report_race *race, size_t which)
{
	const char *noun = words_op(race->access[which].op);

	if (which != report_first_access(race))
		fprintf(out, "%s %s", evidence_kind(race->evidence)->second, noun);
	else
		fprintf(out, "%c%s", toupper((unsigned char)noun[0]), noun + 1);
	if (race->map.addr)
		fprintf(out, " at 0x%012" PRIx64, race->map.addr);
	fputs(" by ", out);
	words_who(out, race, which);
}

static void say_site(FILE *out, const struct report_race *race, size_t which)
{
	const struct report_frame *frame = report_access_site(&race->access[which]);

	fputs(words_op(race->access[which].op), out);
	if (race->bpf) {
		fputs(" by ", out);
		say_actor(out, &race->bpf->actor[which], &race->access[which]);
	} else {
		fputs(" in ", out);
		words_function(out, frame);
	}
}

static void say_field(FILE *out, const struct report_bpf *b)
{
	if (b->audit->field[0]) {
		escape_text(out, b->audit->field);
		fputs(" of ", out);
	}
	fputs("BPF map ", out);
	escape_text(out, b->map_name && b->map_name[0] ? b->map_name : "(no name)");
}

void words_summary(FILE *out, const struct report_race *race)
{
	size_t first = report_first_access(race);

	if (race->bpf && race->bpf->audit) {
		fprintf(out, "%s of ", report_kind_name(race->kind));
		say_field(out, race->bpf);
		fputs(" by ", out);
		say_audited(out, &race->bpf->actor[0], race->bpf->audit);
		return;
	}
	say_site(out, race, first);
	if (race->has_other || race->bpf) {
		fputs(" and ", out);
		say_site(out, race, first ^ 1);
	} else {
		fputs(" and an access that is not known", out);
	}
	if (race->bpf) {
		fputs(" on BPF map ", out);
		escape_text(out, race->bpf->map_name);
	} else if (race->map.type && race->map.type[0]) {
		fputs(" on ", out);
		escape_text(out, race->map.type);
	}
}

/* --- the map --- */

static void say_amount(FILE *out, uint64_t n, const char *one, const char *many)
{
	fprintf(out, ", %" PRIu64 " %s", n, n == 1 ? one : many);
}

static void say_bytes(FILE *out, const char *what, const char *bytes, const char *typed)
{
	fputs(what, out);
	escape_text(out, bytes);
	if (typed && typed[0]) {
		fputs(" = ", out);
		escape_text(out, typed);
	}
}

static void say_bpf_map(FILE *out, const struct report_bpf *b)
{
	escape_text(out, b->map_name && b->map_name[0] ? b->map_name : "(no name)");
	fputs(" (", out);
	if (b->map_id)
		fprintf(out, "id %" PRIu32 ", ", b->map_id);
	escape_text(out, b->map_type);
	fputs(")", out);
	if (b->audit) {
		if (b->audit->field[0]) {
			fputs(", field ", out);
			escape_text(out, b->audit->field);
		}
		return;
	}
	say_bytes(out, ", key ", b->key, b->key_typed);
}

void words_value(FILE *out, const struct report_race *race)
{
	say_bytes(out, "", race->bpf->value, race->bpf->value_typed);
}

void words_map(FILE *out, const struct report_race *race)
{
	const struct report_map *map = &race->map;
	bool typed = map->type && map->type[0];

	if (race->bpf) {
		say_bpf_map(out, race->bpf);
		return;
	}
	if (!typed && !map->header_known && !map->on_stack && !map->global)
		return;
	if (typed)
		escape_text(out, map->type);
	else
		fputs("type unknown", out);
	if (map->header_known) {
		say_amount(out, map->len, "entry", "entries");
		if (map->buckets && map->swiss)
			say_amount(out, map->buckets, "group", "groups");
		else if (map->buckets)
			say_amount(out, map->buckets, "bucket", "buckets");
		if (map->growing)
			fputs(", growing", out);
		if (map->writing)
			fputs(", being written", out);
	}
	if (map->on_stack)
		fputs(", on a goroutine's stack", out);
	if (map->global && map->global[0]) {
		fputs(", global variable ", out);
		escape_text(out, map->global);
	}
}

void words_count(FILE *out, uint64_t count)
{
	if (count == 1)
		fputs("once", out);
	else
		fprintf(out, "%" PRIu64 " times", count);
}

void words_worth(FILE *out, const struct report *report)
{
	double percent = 100 * (1 - report->stats.unwatched);
	size_t blind = report_blind(report);

	if (!report->nraces && report_all_blind(report))
		fputs(": none could be proved", out);
	else if (!report->nraces && blind)
		fprintf(out, ": none could be proved in %zu of %zu processes", blind,
			report->ntargets);
	if (percent < 1)
		fputs("; less than 1% of the operations were watched", out);
	else if (percent < 99.5)
		fprintf(out, "; about %.0f%% of the operations were watched", percent);
}

char *words_of(void (*say)(FILE *, const struct report_race *), const struct report_race *race)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	say(out, race);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

const char *words_file(const struct report_frame *frame)
{
	static const char *const roots[] = {"/src/runtime/", "/src/internal/runtime/"};
	const char *found;
	size_t i;

	for (i = 0; frame->runtime && i < sizeof(roots) / sizeof(roots[0]); i++) {
		found = strstr(frame->file, roots[i]);
		if (found)
			return found + strlen("/src/");
	}
	return frame->file;
}
