/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_REPORT_WORDS_H
#define MAPRACE_REPORT_WORDS_H

#include <stdint.h>
#include <stdio.h>

#include "model/model.h"
#include "model/snapshot.h"

/*
 * The wording that all printers share. Everything written here is safe on a terminal (names of the
 * target went through escape_text()); a printer of markup escapes it once more for its own syntax.
 */

/* "read", "iteration", … */
const char *words_op(enum report_op op);
/* "goroutine 18", "an unknown goroutine" */
void words_goroutine(FILE *out, uint64_t goroutine);
/* "CONCURRENT MAP ACCESS (proven)", "LOST UPDATE OF A BPF MAP (proven)", … */
void words_title(FILE *out, const struct report_race *race);
/* One line: "write in main.(*cache).put and read in main.(*cache).get on map[string]int" */
void words_summary(FILE *out, const struct report_race *race);
/* "map[string]int, 1024 entries, 128 buckets, growing"; nothing when nothing is known */
void words_map(FILE *out, const struct report_race *race);
/* "goroutine 19 entered while goroutine 18 was held inside its own operation (36.5us)" */
void words_evidence(FILE *out, const struct report_race *race);
/* "the process's own check has fired" */
void words_fired(FILE *out, const struct report_race *race);
/* What was seen of a BPF program while it ran; only where bpf->audit->live is there. */
void words_live(FILE *out, const struct report_race *race);
/* Why a lost update of a BPF map is not proven; only where there is a doubt. */
void words_doubt(FILE *out, const struct report_race *race);
/* "12 times", "once" */
void words_count(FILE *out, uint64_t count);
/* Who made access[which]: "goroutine 18 (thread 4215, cpu 0)", "process x (pid …)" */
void words_who(FILE *out, const struct report_race *race, size_t which);
/* "write at 0x00c000094480 by goroutine 18 (thread 4215, cpu 0)" with the prefix that the
 * evidence gives it ("Concurrent ", "Last seen ", …), beginning with a capital */
void words_access(FILE *out, const struct report_race *race, size_t which);
/* What was written to a key of a kernel BPF map: bytes, and by the map's type information. */
void words_value(FILE *out, const struct report_race *race);
/* "main.(*cache).put", "?" when not known */
void words_function(FILE *out, const struct report_frame *frame);

/* Where the Go that built the program kept its sources says nothing: "runtime/map.go" of the
 * runtime's files, any other as it is. Not escaped. */
const char *words_file(const struct report_frame *frame);

/*
 * What silence is worth, behind "No race found": ": none could be proved", "; about 12% of the
 * operations were watched". Nothing when nothing is known that stood in the way; the first part not
 * where races were found.
 */
void words_worth(FILE *out, const struct report *report);

/* ", container 4f2c0bd9e3a1, pod …, unit nginx.service"; nothing of what is "" or NULL */
void words_names(FILE *out, const char *container, const char *pod, const char *unit);
/* "4215 (/usr/bin/svc -x), unit svc.service" */
void words_process(FILE *out, const struct report_process *process);
/* "Watched 14 of 16 Go processes, among 63 that the command has started", and behind it
 * ": 2 not, for …" */
void words_followed(FILE *out, const struct report_followed *followed);
void words_not_watched(FILE *out, const struct report_followed *followed);

/* "Labels", or "Labels of 12" where others have none, or others. */
void words_label_set(FILE *out, const struct report_group *g, const struct report_label_set *s);

/* "fatal error: concurrent map writes", but for the message: "fatal error: " */
const char *words_death_cause(const struct report_death *d);

/* Behind "Goroutine 119": "died inside its write" */
void words_death_side(FILE *out, const struct report_death_side *side);

/* What one of them writes, as a string; malloc'ed, NULL when memory is short. */
char *words_of(void (*say)(FILE *, const struct report_race *), const struct report_race *race);

#endif
