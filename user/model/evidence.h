/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_MODEL_EVIDENCE_H
#define MAPRACE_MODEL_EVIDENCE_H

#include "model/model.h"

/*
 * A kind of evidence, one row each in evidence.c: nobody else asks which kind it is in order to
 * know what it proves, or how the two accesses are to be called. The sentence that says it is in
 * report/words/words_evidence.c, a row of the same number.
 */
struct evidence_kind {
	const char *name; /* the JSON word: "in-flight" */
	/* What a race of a Go map, or of a kernel map, proves by it when nothing speaks against it;
	 * NULL: nothing, it is a suspect. To be called by report_proves() only. */
	enum report_proof (*proves)(const struct report_race *race);
	const char *role[2]; /* of access[], the JSON words: "entered", "held" */
	const char *second;  /* of the access that is shown second: "Concurrent", "Last seen" */
	size_t first;	     /* which of the two is shown first, when both are known */
	bool held;	     /* access[1] was held, for held_ns, when access[0] entered */
	bool distances;	     /* how far apart the two were is counted */
	bool own_check;	     /* the process's own check is the evidence: its words are in message */
};

/* The row of a kind; never NULL. */
const struct evidence_kind *evidence_kind(enum report_evidence evidence);

#endif
