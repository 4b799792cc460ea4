/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <inttypes.h>

#include "model/snapshot.h"
#include "report/words/words.h"

void words_label_set(FILE *out, const struct report_group *g, const struct report_label_set *s)
{
	fputs("Labels", out);
	if (s->count != g->count)
		fprintf(out, " of %" PRIu64, s->count);
}

const char *words_death_cause(const struct report_death *d)
{
	if (d->cause != REPORT_DEATH_PANIC)
		return "fatal error: ";
	return d->message[0] ? "panic: " : "panic (what it said is not told, see --panic-values)";
}

void words_death_side(FILE *out, const struct report_death_side *side)
{
	switch (side->role) {
	case REPORT_DEATH_DIED:
		fputs("died", out);
		if (side->in_operation)
			fprintf(out, " inside its %s", words_op(side->op));
		break;
	case REPORT_DEATH_INSIDE:
		fprintf(out, "stood inside its %s of the same map", words_op(side->op));
		break;
	case REPORT_DEATH_RUNNING:
		fputs("ran when all stood still, and may be the other one", out);
		break;
	default:
		fputs("was the one inside, and has got through; it stood here meanwhile", out);
	}
}
