/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What a kind of evidence says: a sentence each. What it proves is in model/evidence.c. */
#include <inttypes.h>

#include "base/escape.h"
#include "model/evidence.h"
#include "report/words/duration.h"
#include "report/words/words.h"

static void say_collision(FILE *out, const struct report_race *race)
{
	words_goroutine(out, race->access[0].goroutine);
	fputs(" entered while ", out);
	words_goroutine(out, race->access[1].goroutine);
	fputs(" was held inside its own operation", out);
	if (race->held_ns)
		fprintf(out, " (%s)", duration_format((double)race->held_ns).s);
}

/* Between whom the conflict was, as far as that is certain. */
static void say_parties(FILE *out, const struct report_race *race)
{
	words_goroutine(out, race->access[0].goroutine);
	if (!race->has_other || race->other_unsure)
		fputs(" was inside, with whom is not known", out);
	else
		fputs(" was inside, and so was ", out);
	if (race->other_unsure)
		fputs("; it was last seen written by ", out);
	if (race->has_other)
		words_goroutine(out, race->access[1].goroutine);
}

static void say_fatal(FILE *out, const struct report_race *race)
{
	fputs("the runtime threw ", out);
	if (race->message && race->message[0]) {
		fputc('`', out);
		escape_text(out, race->message);
		fputc('`', out);
	} else {
		fputs("its concurrent map fatal error", out);
	}
	fprintf(out, "; %s: ", race->caveat ? "it says" : "proven");
	if (race->damaged) {
		fputs("the map is damaged, as by writes at the same time, now or long before, and by "
		      "whom is not known",
		      out);
		return;
	}
	fputs("the map was in conflict: ", out);
	say_parties(out, race);
}

void words_fired(FILE *out, const struct report_race *race)
{
	if (!race->check_fired) {
		fputs("the process's own check has not fired", out);
		return;
	}
	fputs("the process's own check has fired", out);
	if (!evidence_kind(race->evidence)->own_check && race->message && race->message[0]) {
		fputs(" here: `", out);
		escape_text(out, race->message);
		fputc('`', out);
	}
}

static void say_window(FILE *out, const struct report_race *race)
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

void words_doubt(FILE *out, const struct report_race *race)
{
	fprintf(out,
		"not proven: %s, whose goroutines share threads: one may have read, and another one written",
		race->bpf->doubt == REPORT_GOROUTINES
			? "a process here is a Go program"
			: "a process here could not be looked at, and may be a Go program");
}

static void say_overlap(FILE *out)
{
	fputs("not proven: the two updates overlapped in time", out);
}

static void say_in_flight(FILE *out, const struct report_race *race)
{
	if (race->bpf) {
		say_overlap(out);
		return;
	}
	words_goroutine(out, race->access[0].goroutine);
	fputs(" entered while the map's writing flag was set by another goroutine", out);
}

static void say_sequence(FILE *out, const struct report_race *race)
{
	const struct report_bpf *b = race->bpf;

	if (!b || race->kind != REPORT_LOST_UPDATE) {
		say_overlap(out);
		return;
	}
	if (b->doubt != REPORT_NO_DOUBT) {
		words_doubt(out, race);
		fputs("; if one did both, ", out);
	}
	fputs("the second wrote between the first one's read and its write: ", out);
	if (b->lost > 0)
		fprintf(out, "%" PRId64 " %s", b->lost,
			b->lost == 1 ? "update lost" : "updates lost");
	else /* it undid another pair's loss: only the sum of all is right */
		fputs("updates were lost, how many the other pairs tell", out);
}

static void say_static(FILE *out, const struct report_race *race)
{
	if (race->kind == REPORT_PARTIAL_UPDATE) {
		fputs("not proven: the program's instructions store to two fields of a value that has "
		      "a lock, and do not hold it for both",
		      out);
		return;
	}
	fputs("not proven: the program's instructions read, then store, and nothing keeps another "
	      "CPU from storing between the two",
	      out);
}

static void say_overlapping_runs(FILE *out, const struct report_race *race)
{
	const struct report_live *live = race->bpf && race->bpf->audit ? race->bpf->audit->live
								       : NULL;

	fputs("confirmed that it can happen: two runs of the program were under way at once on two "
	      "CPUs",
	      out);
	if (live && live->met)
		fputs(", and had both looked up the same value", out);
	else
		fputs(", and each run makes this store", out);
	fputs("; not proven: that an update was lost was not seen", out);
}

void words_live(FILE *out, const struct report_race *race)
{
	const struct report_live *live = race->bpf->audit->live;
	size_t i;

	fprintf(out, "watched for %s", duration_format(live->seconds * 1e9).s);
	if (live->counted)
		fprintf(out, ", %" PRIu64 " %s", live->runs, live->runs == 1 ? "run" : "runs");
	for (i = 0; i < live->ncpus; i++)
		if (live->by_cpu[i])
			fprintf(out, ", cpu %zu: %" PRIu64, i, live->by_cpu[i]);
	if (live->by_cpu) {
		fprintf(out, ", %" PRIu64 " began while another one was under way on another CPU",
			live->overlaps);
		fprintf(out,
			", %" PRIu64
			" look-ups of a value that another one under way had looked up",
			live->met);
	}
	fputs(live->confirmed ? "; confirmed" : "; not confirmed", out);
	if (live->unseen[0]) {
		fputs("; not seen: ", out);
		escape_text(out, live->unseen);
	}
}

static void (*const sentences[REPORT_EVIDENCES])(FILE *out, const struct report_race *race) = {
	[REPORT_FATAL] = say_fatal,
	[REPORT_COLLISION] = say_collision,
	[REPORT_IN_FLIGHT] = say_in_flight,
	[REPORT_WINDOW] = say_window,
	[REPORT_SEQUENCE] = say_sequence,
	[REPORT_STATIC] = say_static,
	[REPORT_OVERLAP] = say_overlapping_runs,
};

void words_evidence(FILE *out, const struct report_race *race)
{
	if ((unsigned int)race->evidence < REPORT_EVIDENCES && sentences[race->evidence])
		sentences[race->evidence](out, race);
}
