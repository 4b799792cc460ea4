/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <inttypes.h>
#include <string.h>

#include "base/escape.h"
#include "report/words/words.h"

#define CONTAINER_SHOWN 12 /* digits of an id, as docker ps shows it */
#define CONTAINER_ID 64

static void name(FILE *out, const char *what, const char *text, size_t most)
{
	char part[128];

	if (!text || !*text)
		return;
	snprintf(part, sizeof(part), "%.*s", (int)most, text);
	fprintf(out, ", %s ", what);
	escape_text(out, part);
}

void words_names(FILE *out, const char *container, const char *pod, const char *unit)
{
	size_t len = container ? strlen(container) : 0;

	name(out, "container", container, len == CONTAINER_ID ? CONTAINER_SHOWN : 127);
	name(out, "pod", pod, 127);
	name(out, "unit", unit, 127);
}

void words_process(FILE *out, const struct report_process *process)
{
	fprintf(out, "%" PRIu32 " (", process->pid);
	escape_text(out, process->args && *process->args ? process->args
			 : *process->exe		 ? process->exe
							 : "?");
	fputc(')', out);
	words_names(out, process->container, process->pod, process->unit);
}

void words_followed(FILE *out, const struct report_followed *followed)
{
	fprintf(out, "Watched %" PRIu64 " of %" PRIu64 " Go processes, among %" PRIu64 " that %s",
		followed->watched, followed->go, followed->processes,
		followed->host ? "were there or were started" : "the command has started");
}

void words_not_watched(FILE *out, const struct report_followed *followed)
{
	size_t i;

	for (i = 0; i < followed->nreasons; i++) {
		fprintf(out, "%s %" PRIu64 " not, for ", i ? "," : ":",
			followed->reasons[i].processes);
		escape_text(out, followed->reasons[i].why);
	}
}
