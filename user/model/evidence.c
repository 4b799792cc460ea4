/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "model/evidence.h"

/* Two were inside at once: who the second one was is known, or only that there was one. */
static enum report_proof proves_conflict(const struct report_race *race)
{
	if (race->bpf)
		return REPORT_PROVES_NOTHING; /* two updates of a kernel map may overlap */
	if (race->damaged)
		return REPORT_PROVES_DAMAGE;
	return race->has_other && !race->other_unsure ? REPORT_PROVES_PAIR : REPORT_PROVES_MAP;
}

static enum report_proof proves_lost_update(const struct report_race *race)
{
	return race->kind == REPORT_LOST_UPDATE && race->bpf && race->bpf->doubt == REPORT_NO_DOUBT
		       ? REPORT_PROVES_PAIR
		       : REPORT_PROVES_NOTHING;
}

static const struct evidence_kind kinds[REPORT_EVIDENCES] = {
	[REPORT_FATAL] = {.name = "fatal",
			  .proves = proves_conflict,
			  .role = {"died", "last-seen"},
			  .second = "Last seen",
			  .own_check = true},
	[REPORT_COLLISION] = {.name = "collision",
			      .proves = proves_conflict,
			      .role = {"entered", "held"},
			      .second = "Concurrent",
			      .first = 1,
			      .held = true},
	[REPORT_IN_FLIGHT] = {.name = "in-flight",
			      .proves = proves_conflict,
			      .role = {"entered", "last-seen"},
			      .second = "Last seen"},
	[REPORT_WINDOW] = {.name = "window",
			   .role = {"entered", "previous"},
			   .second = "Previous",
			   .distances = true},
	[REPORT_SEQUENCE] = {.name = "sequence",
			     .proves = proves_lost_update,
			     .role = {"wrote-back", "between"},
			     .second = "Last seen"},
	[REPORT_STATIC] = {.name = "static", .role = {"wrote", "read"}, .second = "After a"},
	/* that runs overlap proves no loss: the one may have stored before the other one read */
	[REPORT_OVERLAP] = {.name = "overlap", .role = {"wrote", "read"}, .second = "After a"},
};

const struct evidence_kind *evidence_kind(enum report_evidence evidence)
{
	return &kinds[(unsigned int)evidence < REPORT_EVIDENCES ? evidence : REPORT_WINDOW];
}

const char *report_evidence_name(enum report_evidence evidence)
{
	return evidence_kind(evidence)->name;
}

enum report_proof report_proves(const struct report_race *race)
{
	const struct evidence_kind *kind = evidence_kind(race->evidence);

	return kind->proves && !race->caveat ? kind->proves(race) : REPORT_PROVES_NOTHING;
}

size_t report_first_access(const struct report_race *race)
{
	return race->has_other ? evidence_kind(race->evidence)->first : 0;
}
