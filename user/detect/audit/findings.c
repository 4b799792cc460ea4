/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "detect/audit/findings.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "detect/audit/field.h"
#include "detect/audit/together.h"

#define MAX_FINDINGS 5000

static const char *type_name(uint32_t type)
{
	const char *name = libbpf_bpf_prog_type_str((enum bpf_prog_type)type);

	return name && type ? name : "type not known";
}

static const char *map_type_name(const struct audit_map *map)
{
	const char *name = libbpf_bpf_map_type_str((enum bpf_map_type)map->type);

	return name && map->type ? name : "type not known";
}

/* --- what is lost, and what helps --- */

static enum report_kind kind_of(enum audit_kind kind)
{
	switch (kind) {
	case AUDIT_READ_MODIFY_WRITE:
		return REPORT_READ_MODIFY_WRITE;
	case AUDIT_LOOKUP_UPDATE:
		return REPORT_LOOKUP_UPDATE;
	case AUDIT_LOOKUP_INSERT:
		return REPORT_LOOKUP_INSERT;
	case AUDIT_PARTIAL_UPDATE:
		return REPORT_PARTIAL_UPDATE;
	case AUDIT_CHECK_THEN_ACT:
		break;
	}
	return REPORT_CHECK_THEN_ACT;
}

static enum report_severity severity_of(const struct audit_hit *h)
{
	switch (h->kind) {
	case AUDIT_READ_MODIFY_WRITE:
	case AUDIT_LOOKUP_UPDATE:
		return REPORT_HIGH;
	case AUDIT_LOOKUP_INSERT:
	case AUDIT_PARTIAL_UPDATE:
		return REPORT_MEDIUM;
	case AUDIT_CHECK_THEN_ACT:
		break;
	}
	return h->constant ? REPORT_LOW : REPORT_MEDIUM;
}

static const char *lost_by(const struct audit_hit *h)
{
	switch (h->kind) {
	case AUDIT_READ_MODIFY_WRITE:
		if (h->ops == DERIVED_ADDED)
			return "what another CPU adds between the load and the store";
		if (h->ops == DERIVED_BITS)
			return "what another CPU sets or clears between the load and the store, also in other bits";
		return "what another CPU stores between the load and the store";
	case AUDIT_LOOKUP_UPDATE:
		return "what another CPU stores between the look-up and the update";
	case AUDIT_LOOKUP_INSERT:
		return "the value that another CPU puts in between the look-up and the update, and what was counted in it";
	case AUDIT_PARTIAL_UPDATE:
		return "that the fields belong together: who reads the value under its lock may see one new and the other old";
	case AUDIT_CHECK_THEN_ACT:
		break;
	}
	return h->constant
		       ? "nothing of the value, but two CPUs may both find it as it was, and both go on"
		       : "the value that another CPU stores between the check and the store";
}

static const char *fix_of(const struct audit_hit *h)
{
	bool narrow = h->size < 4;

	switch (h->kind) {
	case AUDIT_READ_MODIFY_WRITE:
		if (h->ops == DERIVED_ADDED && !narrow)
			return "__sync_fetch_and_add(), or a per-CPU map";
		if (h->ops == DERIVED_ADDED)
			return "make the field 4 or 8 bytes long and use __sync_fetch_and_add(), or a per-CPU map";
		if (h->ops == DERIVED_BITS && !narrow)
			return "__sync_fetch_and_or() or __sync_fetch_and_and() (Linux 5.12), or bpf_spin_lock()";
		return "bpf_spin_lock() in the value from the load to the store, or a per-CPU map";
	case AUDIT_LOOKUP_UPDATE:
		return "change the value in place, atomically or under bpf_spin_lock(), or use a per-CPU map";
	case AUDIT_LOOKUP_INSERT:
		return "update with BPF_NOEXIST, and look up again";
	case AUDIT_PARTIAL_UPDATE:
		return "store both between bpf_spin_lock() and bpf_spin_unlock() of the value";
	case AUDIT_CHECK_THEN_ACT:
		break;
	}
	return "__sync_val_compare_and_swap() (Linux 5.12), or bpf_spin_lock() in the value from the load to the store";
}

/* --- a finding --- */

static int fill_frame(struct report_access *a, const struct audit_unit *unit, uint32_t insn)
{
	const struct audit_function *fn = audit_unit_function(unit, insn);
	const struct audit_line *line = audit_unit_line(unit, insn), *first;
	struct report_frame *frame = calloc(1, sizeof(*frame));

	a->created_by.at.function = strdup("");
	a->created_by.at.file = strdup("");
	if (!frame)
		return -ENOMEM;
	a->frames = frame;
	a->nframes = 1;
	first = fn ? audit_unit_line(unit, fn->start) : NULL;
	frame->function = strdup(fn ? fn->name : "?");
	frame->file = strdup(line ? line->file : "");
	frame->line = line && line->line <= INT32_MAX ? (int)line->line : 0;
	if (first && line && first->line <= line->line && !strcmp(first->file, line->file))
		frame->start_line = (int)first->line;
	frame->pc = fn ? insn - fn->start : insn;
	return frame->function && frame->file && a->created_by.at.function && a->created_by.at.file
		       ? 0
		       : -ENOMEM;
}

static int fill_actor(struct report_actor *actor, const struct audit_unit *unit,
		      const struct audit_function *program)
{
	actor->program = true;
	actor->prog_id = unit->id;
	actor->comm = strdup("");
	actor->exe = strdup("");
	actor->cgroup = strdup("");
	actor->prog_name = strdup(program->name);
	actor->prog_type = strdup(type_name(program->prog_type));
	actor->prog_tag = strdup(unit->tag);
	return actor->comm && actor->exe && actor->cgroup && actor->prog_name && actor->prog_type &&
			       actor->prog_tag
		       ? 0
		       : -ENOMEM;
}

static struct report_audit *make_audit(const struct audit_unit *unit, const struct audit_hit *h,
				       const struct audit_function *program)
{
	struct report_audit *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->severity = severity_of(h);
	a->field = h->kind == AUDIT_LOOKUP_INSERT
			   ? strdup("")
			   : audit_field_name(unit, h->map, h->off, h->size, h->variable);
	a->offset = h->off;
	a->size = h->size;
	a->lost = strdup(lost_by(h));
	a->fix = strdup(fix_of(h));
	a->together = strdup(audit_together(program->prog_type));
	a->object = strdup(unit->object ? unit->object : "");
	a->section = strdup(program->section ? program->section : "");
	return a;
}

static bool is_whole(const struct report_audit *a)
{
	return a && a->field && a->lost && a->fix && a->together && a->object && a->section;
}

static int fill_bpf(struct report_bpf *b, const struct audit_unit *unit, const struct audit_hit *h,
		    const struct audit_function *program, uint64_t *steps)
{
	const struct audit_map *map = &unit->maps[h->map];

	b->map_id = map->id;
	b->map_name = strdup(map->name);
	b->map_type = strdup(map_type_name(map));
	b->key = strdup("");
	b->key_typed = strdup("");
	b->value = strdup("");
	b->value_typed = strdup("");
	b->audit = make_audit(unit, h, program);
	if (b->audit && h->direct && !h->variable)
		b->audit->each_run = audit_always(unit, program, h->write, steps);
	if (fill_actor(&b->actor[0], unit, program) || fill_actor(&b->actor[1], unit, program) ||
	    !is_whole(b->audit))
		return -ENOMEM;
	return b->map_name && b->map_type && b->key && b->key_typed && b->value && b->value_typed
		       ? 0
		       : -ENOMEM;
}

static uint64_t fnv(uint64_t hash, const char *s)
{
	for (; s && *s; s++)
		hash = (hash ^ (unsigned char)*s) * 0x100000001b3ull;
	return (hash ^ 0xff) * 0x100000001b3ull;
}

/* Of the two places, the map, the field and the kind: as stable as those of races, and the same in
 * programs that share the code. */
static void identify(struct report_race *race)
{
	uint64_t hash;

	report_race_identify(race);
	hash = fnv(fnv(fnv(0xcbf29ce484222325ull, race->id), race->bpf->map_name),
		   race->bpf->audit->field);
	hash = fnv(hash, report_kind_name(race->kind));
	snprintf(race->id, sizeof(race->id), "%016" PRIx64, hash);
}

static int fill_race(struct report_race *race, const struct audit_unit *unit,
		     const struct audit_hit *h, const struct audit_function *program,
		     uint64_t *steps)
{
	int r;

	race->evidence = REPORT_STATIC;
	race->kind = kind_of(h->kind);
	race->count = 1;
	race->has_other = true;
	race->message = strdup("");
	race->map.type = strdup("");
	race->bpf = calloc(1, sizeof(*race->bpf));
	race->access[0].op = REPORT_WRITE;
	race->access[1].op = h->kind == AUDIT_PARTIAL_UPDATE ? REPORT_WRITE : REPORT_READ;
	if (!race->message || !race->map.type || !race->bpf)
		return -ENOMEM;
	r = fill_bpf(race->bpf, unit, h, program, steps);
	if (!r)
		r = fill_frame(&race->access[0], unit, h->write);
	if (!r)
		r = fill_frame(&race->access[1], unit, h->read);
	if (!r)
		identify(race);
	return r;
}

static bool same_line(const struct report_access *x, const struct report_access *y)
{
	const struct report_frame *a = &x->frames[0], *b = &y->frames[0];

	return a->line && a->line == b->line && !strcmp(a->file, b->file);
}

/* The same place in another program that was made of the same source. */
static struct report_race *find_same(struct audit_findings *f, const struct report_race *race)
{
	const struct report_bpf *a, *b = race->bpf;
	struct report_race *other;
	size_t i;

	for (i = 0; i < f->nraces; i++) {
		other = &f->races[i];
		a = other->bpf;
		if (same_line(&other->access[0], &race->access[0]) &&
		    same_line(&other->access[1], &race->access[1]) && other->kind == race->kind &&
		    a->map_id == b->map_id && !strcmp(a->map_name, b->map_name) &&
		    !strcmp(a->audit->field, b->audit->field) &&
		    !strcmp(a->audit->object, b->audit->object))
			return other;
	}
	return NULL;
}

static int add_hit(struct audit_findings *f, const struct audit_unit *unit,
		   const struct audit_hit *h, const struct audit_function *program)
{
	struct report_race race = {}, *grown, *same;
	int r = fill_race(&race, unit, h, program, &f->steps);

	same = r ? NULL : find_same(f, &race);
	if (r || same || f->nraces >= MAX_FINDINGS) {
		/* several places on one line of one program are one finding */
		if (same && strcmp(same->bpf->actor[0].prog_name, program->name) != 0)
			same->count++;
		report_race_free(&race);
		return r;
	}
	grown = reallocarray(f->races, f->nraces + 1, sizeof(*grown));
	if (!grown) {
		report_race_free(&race);
		return -ENOMEM;
	}
	f->races = grown;
	grown[f->nraces++] = race;
	return 0;
}

/* --- programs --- */

static struct report_audited *add_audited(struct audit_findings *f, const struct audit_unit *unit,
					  const struct audit_function *program)
{
	struct report_audited *grown = reallocarray(f->audited, f->naudited + 1, sizeof(*grown));
	struct report_audited *a;

	if (!grown)
		return NULL;
	f->audited = grown;
	a = &grown[f->naudited++];
	*a = (struct report_audited){
		.program = strdup(program ? program->name : unit->name),
		.type = strdup(program ? type_name(program->prog_type) : ""),
		.tag = strdup(unit->tag),
		.object = strdup(unit->object ? unit->object : ""),
		.section = strdup(program && program->section ? program->section : ""),
		.prog_id = unit->id,
	};
	return a->program && a->type && a->tag && a->object && a->section ? a : NULL;
}

int audit_findings_add(struct audit_findings *f, const struct audit_flow *flow, uint32_t function)
{
	const struct audit_function *program = &flow->unit->functions[function];
	struct report_audited *a = add_audited(f, flow->unit, program);
	size_t i;
	int r = a ? 0 : -ENOMEM;

	if (a)
		a->instructions = (uint32_t)flow->counters[AUDIT_INSNS];
	for (i = 0; i < AUDIT_NCOUNTERS; i++)
		f->counters[i] += flow->counters[i];
	for (i = 0; i < flow->nhits && !r; i++)
		r = add_hit(f, flow->unit, &flow->hits[i], program);
	return r;
}

int audit_findings_skip(struct audit_findings *f, const struct audit_unit *unit, const char *why)
{
	struct report_audited *a = add_audited(f, unit, NULL);

	if (!a)
		return -ENOMEM;
	a->skipped = strdup(why);
	return a->skipped ? 0 : -ENOMEM;
}

/* --- the report --- */

static int by_severity(const void *a, const void *b)
{
	const struct report_race *x = a, *y = b;
	const struct report_frame *p = &x->access[0].frames[0], *q = &y->access[0].frames[0];
	int order = (int)y->bpf->audit->severity - (int)x->bpf->audit->severity;

	if (!order)
		order = strcmp(x->bpf->audit->object, y->bpf->audit->object);
	if (!order)
		order = strcmp(p->file, q->file);
	if (!order)
		order = (p->line > q->line) - (p->line < q->line);
	return order ? order : strcmp(x->id, y->id);
}

#define COUNTER_ROW(name, json, meaning) {json, meaning},
static const struct {
	const char *name, *meaning;
} counters[AUDIT_NCOUNTERS] = {AUDIT_COUNTERS(COUNTER_ROW)};
#undef COUNTER_ROW

int audit_findings_give(struct audit_findings *f, struct report *report)
{
	size_t i;

	if (f->nraces)
		qsort(f->races, f->nraces, sizeof(*f->races), by_severity);
	report->suspects = f->races;
	report->nsuspects = f->nraces;
	report->audited = f->audited;
	report->naudited = f->naudited;
	f->races = NULL;
	f->audited = NULL;
	f->nraces = f->naudited = 0;
	report->stats.losses = calloc(AUDIT_NCOUNTERS, sizeof(*report->stats.losses));
	if (!report->stats.losses)
		return -ENOMEM;
	for (i = 0; i < AUDIT_NCOUNTERS; i++)
		report->stats.losses[report->stats.nlosses++] = (struct report_counter){
			counters[i].name, counters[i].meaning, f->counters[i]};
	return 0;
}

void audit_findings_free(struct audit_findings *f)
{
	struct report report = {.suspects = f->races,
				.nsuspects = f->nraces,
				.audited = f->audited,
				.naudited = f->naudited};

	report_free(&report);
	memset(f, 0, sizeof(*f));
}
