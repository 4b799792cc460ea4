/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "model/vitals.h"

#include <stdlib.h>

const char *report_goroutine_state_name(enum report_goroutine_state state)
{
	static const char *const names[REPORT_GOROUTINE_STATES] = {
		[REPORT_GOROUTINE_RUNNING] = "running", [REPORT_GOROUTINE_RUNNABLE] = "runnable",
		[REPORT_GOROUTINE_SYSCALL] = "syscall", [REPORT_GOROUTINE_NETWORK] = "network",
		[REPORT_GOROUTINE_WAITING] = "waiting", [REPORT_GOROUTINE_OTHER] = "other",
	};

	return names[state];
}

static void free_frame(struct report_frame *frame)
{
	free(frame->function);
	free(frame->file);
}

void report_vitals_free(struct report_vitals *v)
{
	size_t i;

	for (i = 0; i < v->nwaits; i++)
		free(v->waits[i].reason);
	for (i = 0; i < v->nmakers; i++)
		free_frame(&v->makers[i].at);
	free_frame(&v->oldest);
	free(v->waits);
	free(v->makers);
	free(v->oldest_reason);
	free(v->exe);
	*v = (struct report_vitals){};
}
