/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "model/panic.h"

#include <stdlib.h>
#include <string.h>

void report_panic_free(struct report_panic *panic)
{
	report_access_free(&panic->access);
	free(panic->type);
	free(panic->message);
	free(panic->recovered_in);
	memset(panic, 0, sizeof(*panic));
}

const char *report_panic_kind_name(enum report_panic_kind kind)
{
	switch (kind) {
	case REPORT_PANIC_EXPLICIT:
		return "explicit";
	case REPORT_PANIC_RUNTIME:
		return "runtime";
	case REPORT_PANIC_FAULT:
		return "fault";
	case REPORT_PANIC_GOEXIT:
		return "goexit";
	case REPORT_PANIC_KINDS:
		break;
	}
	return "?";
}

const char *report_panic_outcome_name(enum report_panic_outcome outcome)
{
	switch (outcome) {
	case REPORT_PANIC_RECOVERED:
		return "recovered";
	case REPORT_PANIC_REPANICKED:
		return "repanicked";
	case REPORT_PANIC_REPLACED:
		return "replaced";
	case REPORT_PANIC_ENDED:
		return "goexit";
	case REPORT_PANIC_DIED:
		return "died";
	case REPORT_PANIC_OUTCOMES:
		break;
	}
	return "?";
}

uint64_t report_panic_unknown(const struct report_panic *panic)
{
	uint64_t known = 0;
	size_t i;

	for (i = 0; i < REPORT_PANIC_OUTCOMES; i++)
		known += panic->outcomes[i];
	return panic->count > known ? panic->count - known : 0;
}
