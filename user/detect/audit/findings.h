/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_DETECT_AUDIT_FINDINGS_H
#define MAPRACE_DETECT_AUDIT_FINDINGS_H

#include "detect/audit/flow.h"
#include "model/model.h"

/* What was found in all programs, as plain data. Zero at first, but for steps. */
#define AUDIT_STEPS 50000000

struct audit_findings {
	struct report_race *races;
	size_t nraces;
	struct report_audited *audited;
	size_t naudited;
	uint64_t counters[AUDIT_NCOUNTERS];
	uint64_t steps; /* left for audit_always() */
};

/* Takes what a run has found in a program, function. 0 or -ENOMEM. */
int audit_findings_add(struct audit_findings *findings, const struct audit_flow *flow,
		       uint32_t function);
/* A unit that was not read. */
int audit_findings_skip(struct audit_findings *findings, const struct audit_unit *unit,
			const char *why);
int audit_findings_give(struct audit_findings *findings, struct report *report);
void audit_findings_free(struct audit_findings *findings);

#endif
