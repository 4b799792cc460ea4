/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "report/duration.h"
#include "report/escape.h"
#include "report/printers.h"

#define RULE "==================\n"
#define RED_BOLD "\033[1;31m"
#define BOLD "\033[1m"
#define PLAIN "\033[0m"

static const char *op_noun(enum report_op op)
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

static void print_goroutine(FILE *out, uint64_t goroutine)
{
	if (goroutine)
		fprintf(out, "goroutine %" PRIu64, goroutine);
	else
		fputs("an unknown goroutine", out);
}

/* Where the Go that built the program kept its sources says nothing: "runtime/map.go" does. */
static const char *short_file(const struct report_frame *frame, const struct text_style *style)
{
	static const char *const roots[] = {"/src/runtime/", "/src/internal/runtime/"};
	const char *found;
	size_t i;

	for (i = 0; frame->runtime && !style->verbose && i < sizeof(roots) / sizeof(roots[0]);
	     i++) {
		found = strstr(frame->file, roots[i]);
		if (found)
			return found + strlen("/src/");
	}
	return frame->file;
}

static void print_frame(FILE *out, const struct report_frame *frame, const struct text_style *style)
{
	fputs("  ", out);
	escape_text(out, frame->function && frame->function[0] ? frame->function : "?");
	fputs("()\n", out);
	if (frame->file && frame->file[0]) {
		fputs("      ", out);
		escape_text(out, short_file(frame, style));
		if (frame->line > 0)
			fprintf(out, ":%d", frame->line);
		fputc('\n', out);
	} else if (frame->pc) {
		fprintf(out, "      0x%" PRIx64 "\n", frame->pc);
	}
}

static bool has_user_frame(const struct report_access *access)
{
	size_t i;

	for (i = 0; i < access->nframes; i++)
		if (!access->frames[i].runtime)
			return true;
	return false;
}

/* The innermost frame is the map function and always shown; the runtime's other frames tell a user
 * nothing. */
static void print_stack(FILE *out, const struct report_access *access,
			const struct text_style *style)
{
	bool fold = !style->verbose && has_user_frame(access);
	size_t i;

	for (i = 0; i < access->nframes; i++)
		if (i == 0 || !fold || !access->frames[i].runtime)
			print_frame(out, &access->frames[i], style);
	if (!access->nframes)
		fputs("  [stack unknown]\n", out);
	else if (access->partial)
		fputs("  [only the innermost callers are known]\n", out);
	else if (access->truncated)
		fputs("  [outer callers are missing: the stack walk ended early]\n", out);
}

/* prefix is "" or ends with a space: "Concurrent ", "Last seen ". */
static void print_access(FILE *out, const char *prefix, const struct report_race *race,
			 const struct report_access *access, const struct text_style *style)
{
	const char *noun = op_noun(access->op);

	if (prefix[0])
		fprintf(out, "%s%s", prefix, noun);
	else
		fprintf(out, "%c%s", noun[0] - 'a' + 'A', noun + 1);
	if (race->map.addr)
		fprintf(out, " at 0x%012" PRIx64, race->map.addr);
	fputs(" by ", out);
	print_goroutine(out, access->goroutine);
	if (access->tid)
		fprintf(out, " (thread %" PRIu32 ", cpu %" PRIu32 ")", access->tid, access->cpu);
	fputs(":\n", out);
	print_stack(out, access, style);
}

static void print_creation(FILE *out, const struct report_access *access,
			   const struct text_style *style)
{
	if (!access->created_by.known)
		return;
	if (access->goroutine)
		fprintf(out, "Goroutine %" PRIu64 " created at:\n", access->goroutine);
	else
		fputs("Unknown goroutine created at:\n", out);
	print_frame(out, &access->created_by.at, style);
}

static void print_count(FILE *out, uint64_t n, const char *one, const char *many)
{
	fprintf(out, "%" PRIu64 " %s", n, n == 1 ? one : many);
}

static void print_map(FILE *out, const struct report_map *map)
{
	bool typed = map->type && map->type[0];

	if (!typed && !map->header_known && !map->on_stack)
		return;
	fputs("Map: ", out);
	if (typed)
		escape_text(out, map->type);
	else
		fputs("type unknown", out);
	if (map->header_known) {
		fputs(", ", out);
		print_count(out, map->len, "entry", "entries");
		if (map->buckets) {
			fputs(", ", out);
			if (map->swiss)
				print_count(out, map->buckets, "group", "groups");
			else
				print_count(out, map->buckets, "bucket", "buckets");
		}
		if (map->growing)
			fputs(", growing", out);
	}
	if (map->on_stack)
		fputs(", on a goroutine's stack", out);
	fputc('\n', out);
}

static void print_collision(FILE *out, const struct report_race *race)
{
	print_goroutine(out, race->access[0].goroutine);
	fputs(" entered while ", out);
	print_goroutine(out, race->access[1].goroutine);
	fputs(" was held inside its own operation", out);
	if (race->held_ns)
		fprintf(out, " (%s)", duration_format((double)race->held_ns).s);
}

static void print_in_flight(FILE *out, const struct report_race *race)
{
	print_goroutine(out, race->access[0].goroutine);
	fputs(" entered while the map's writing flag was set by another goroutine", out);
}

static void print_fatal(FILE *out, const struct report_race *race)
{
	fputs("the runtime threw ", out);
	if (race->message && race->message[0]) {
		fputc('`', out);
		escape_text(out, race->message);
		fputc('`', out);
	} else {
		fputs("its concurrent map fatal error", out);
	}
}

static void print_window(FILE *out, const struct report_race *race)
{
	uint64_t a = race->access[0].time_ns, b = race->access[1].time_ns;

	fputs("not proven: ", out);
	if (race->has_other && a && b)
		fprintf(out, "the two operations were %s apart",
			duration_format((double)(a > b ? a - b : b - a)).s);
	else
		fputs("the two operations were close in time", out);
	fputs(", and nothing was seen that orders them", out);
}

static void print_evidence(FILE *out, const struct report_race *race,
			   const struct text_style *style)
{
	fprintf(out, "%sEvidence:%s ", style->color ? BOLD : "", style->color ? PLAIN : "");
	switch (race->evidence) {
	case REPORT_FATAL:
		print_fatal(out, race);
		break;
	case REPORT_COLLISION:
		print_collision(out, race);
		break;
	case REPORT_IN_FLIGHT:
		print_in_flight(out, race);
		break;
	case REPORT_WINDOW:
		print_window(out, race);
		break;
	case REPORT_SEQUENCE:
	case REPORT_EVIDENCES:
		break; /* kernel BPF maps: text_bpf.c */
	}
	fputc('\n', out);
}

static void print_seen(FILE *out, const struct report_race *race, double elapsed_s)
{
	fputs("Seen ", out);
	if (race->count == 1)
		fputs("once", out);
	else
		fprintf(out, "%" PRIu64 " times", race->count);
	fprintf(out, " in %s; the process's own check has %sfired\n",
		duration_format(elapsed_s * 1e9).s, race->check_fired ? "" : "not ");
}

/* Both accesses in the order in which they happened, as far as the evidence knows it. */
static void print_accesses(FILE *out, const struct report_race *race,
			   const struct text_style *style)
{
	const struct report_access *entered = &race->access[0], *other = &race->access[1];

	if (race->evidence == REPORT_COLLISION && race->has_other) {
		print_access(out, "", race, other, style);
		print_access(out, "Concurrent ", race, entered, style);
		print_creation(out, other, style);
		print_creation(out, entered, style);
		return;
	}
	print_access(out, "", race, entered, style);
	if (race->has_other)
		print_access(out, race->evidence == REPORT_WINDOW ? "Previous " : "Last seen ",
			     race, other, style);
	else
		fputs("The other access is unknown\n", out);
	print_creation(out, entered, style);
	if (race->has_other)
		print_creation(out, other, style);
}

void text_print_race(FILE *out, const struct report_race *race, double elapsed_s,
		     const struct text_style *style)
{
	bool proven = race->evidence != REPORT_WINDOW;

	if (race->bpf) {
		text_print_bpf(out, race, elapsed_s, style);
		return;
	}
	fputs(RULE, out);
	fprintf(out, "%sWARNING: CONCURRENT MAP ACCESS (%s)%s\n", style->color ? RED_BOLD : "",
		proven ? "proven" : "suspect", style->color ? PLAIN : "");
	print_accesses(out, race, style);
	print_map(out, &race->map);
	print_evidence(out, race, style);
	print_seen(out, race, elapsed_s);
	fputs(RULE, out);
}
