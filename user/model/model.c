/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "model/model.h"
#include "model/panic.h"
#include "model/memory.h"
#include "model/snapshot.h"
#include "model/vitals.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FNV64_OFFSET 0xcbf29ce484222325ull
#define FNV64_PRIME 0x100000001b3ull

static void frame_free(struct report_frame *frame)
{
	free(frame->function);
	free(frame->file);
}

void report_labels_free(struct report_label *labels, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		free(labels[i].key);
		free(labels[i].value);
	}
	free(labels);
}

void report_access_free(struct report_access *access)
{
	size_t i;

	for (i = 0; i < access->nframes; i++)
		frame_free(&access->frames[i]);
	free(access->frames);
	frame_free(&access->created_by.at);
	report_labels_free(access->labels, access->nlabels);
	memset(access, 0, sizeof(*access));
}

void report_actor_free(struct report_actor *actor)
{
	free(actor->comm);
	free(actor->exe);
	free(actor->cgroup);
	free(actor->prog_name);
	free(actor->prog_type);
	free(actor->prog_tag);
	memset(actor, 0, sizeof(*actor));
}

char *report_text_copy(const char *text, int *r)
{
	char *made = text ? strdup(text) : NULL;

	if (text && !made)
		*r = -ENOMEM;
	return made;
}

const struct report_process *report_process_find(const struct report_process *all, size_t n,
						 uint32_t pid, double at_s)
{
	const struct report_process *found = NULL;

	while (n--) {
		if (all[n].pid != pid || all[n].why)
			continue;
		found = &all[n];
		if (found->from_s <= at_s)
			break;
	}
	return found;
}

void report_process_free(struct report_process *process)
{
	free(process->exe);
	free(process->why);
	free(process->args);
	free(process->container);
	free(process->pod);
	free(process->unit);
	memset(process, 0, sizeof(*process));
}

void report_followed_free(struct report_followed *followed)
{
	size_t i;

	if (!followed)
		return;
	for (i = 0; i < followed->nreasons; i++)
		free(followed->reasons[i].why);
	free(followed->reasons);
	free(followed);
}

static void audit_free(struct report_audit *audit)
{
	if (!audit)
		return;
	free(audit->field);
	free(audit->lost);
	free(audit->fix);
	free(audit->together);
	free(audit->object);
	free(audit->section);
	if (audit->live) {
		free(audit->live->by_cpu);
		free(audit->live->unseen);
		free(audit->live);
	}
	free(audit);
}

void report_bpf_free(struct report_bpf *bpf)
{
	if (!bpf)
		return;
	report_actor_free(&bpf->actor[0]);
	report_actor_free(&bpf->actor[1]);
	free(bpf->map_name);
	free(bpf->map_type);
	free(bpf->key);
	free(bpf->key_typed);
	free(bpf->value);
	free(bpf->value_typed);
	audit_free(bpf->audit);
	free(bpf);
}

void report_race_free(struct report_race *race)
{
	report_access_free(&race->access[0]);
	report_access_free(&race->access[1]);
	free(race->map.type);
	free(race->map.global);
	free(race->message);
	free(race->caveat);
	report_bpf_free(race->bpf);
	memset(race, 0, sizeof(*race));
}

void report_growth_free(struct report_growth *growth)
{
	size_t i;

	for (i = 0; i < growth->npayers; i++)
		report_access_free(&growth->payers[i].access);
	free(growth->payers);
	for (i = 0; i < growth->niterators; i++)
		report_access_free(&growth->iterators[i].access);
	free(growth->iterators);
	free(growth->map.type);
	free(growth->map.global);
	memset(growth, 0, sizeof(*growth));
}

static void races_free(struct report_race *races, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		report_race_free(&races[i]);
	free(races);
}

static void targets_free(struct report_target *targets, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		free(targets[i].exe);
		free(targets[i].library);
		free(targets[i].build_id);
		free(targets[i].go_version);
		free(targets[i].module);
	}
	free(targets);
}

static void audited_free(struct report_audited *audited, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		free(audited[i].program);
		free(audited[i].type);
		free(audited[i].tag);
		free(audited[i].object);
		free(audited[i].section);
		free(audited[i].skipped);
	}
	free(audited);
}

void report_stats_free(struct report_stats *stats)
{
	size_t i;

	for (i = 0; i < stats->ncoverage; i++)
		free(stats->coverage[i].function);
	free(stats->coverage);
	for (i = 0; i < stats->ncaveats; i++) {
		free(stats->caveats[i].code);
		free(stats->caveats[i].text);
	}
	free(stats->caveats);
	free(stats->losses);
}

#define ATTACHED_LEAST 1e-4 /* the clock's own error is that large: no estimate rests on less */

double report_unwatched(const struct report_stats *stats)
{
	double seen = 0, all = 0, attached;
	size_t i;

	for (i = 0; i < stats->ncoverage; i++) {
		attached = stats->coverage[i].attached;
		if (!(attached > ATTACHED_LEAST))
			attached = ATTACHED_LEAST;
		seen += (double)stats->coverage[i].hits;
		all += (double)stats->coverage[i].hits / (attached < 1 ? attached : 1);
	}
	return all > 0 ? 1 - seen / all : 0;
}

static bool is_of(const struct report_caveat *caveat, const struct report *report, size_t target)
{
	if (caveat->target)
		return caveat->target == target + 1;
	return !caveat->pid || caveat->pid == report->targets[target].pid;
}

bool report_target_is_blind(const struct report *report, size_t i)
{
	const struct report_stats *stats = &report->stats;
	size_t k;

	for (k = 0; k < stats->ncaveats; k++)
		if (stats->caveats[k].blind && is_of(&stats->caveats[k], report, i))
			return true;
	return false;
}

size_t report_blind(const struct report *report)
{
	size_t i, n = 0;

	for (i = 0; i < report->ntargets; i++)
		n += report_target_is_blind(report, i);
	return n;
}

bool report_all_blind(const struct report *report)
{
	if (!report->ntargets)
		return report->followed && !report->followed->watched;
	return report_blind(report) == report->ntargets;
}

int report_caveat_add(struct report_stats *stats, const char *code, uint32_t pid, bool blind,
		      char *text)
{
	struct report_caveat *grown =
		text ? realloc(stats->caveats, (stats->ncaveats + 1) * sizeof(*grown)) : NULL;
	struct report_caveat caveat = {
		.code = strdup(code), .pid = pid, .blind = blind, .text = text};

	if (grown)
		stats->caveats = grown;
	if (!grown || !caveat.code) {
		free(caveat.code);
		free(text);
		return -ENOMEM;
	}
	grown[stats->ncaveats++] = caveat;
	return 0;
}

int report_caveat_say(struct report_stats *stats, const char *code, uint32_t pid, bool blind,
		      const char *fmt, ...)
{
	char *text;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	return report_caveat_add(stats, code, pid, blind, n < 0 ? NULL : text);
}

void report_free(struct report *report)
{
	size_t i;

	free(report->version);
	free(report->kernel);
	free(report->arch);
	targets_free(report->targets, report->ntargets);
	report_followed_free(report->followed);
	for (i = 0; i < report->nprocesses; i++)
		report_process_free(&report->processes[i]);
	free(report->processes);
	races_free(report->races, report->nraces + report->nraces_hidden);
	races_free(report->suspects, report->nsuspects + report->nsuspects_hidden);
	for (i = 0; i < report->nmaps; i++)
		free(report->maps[i].type);
	free(report->maps);
	for (i = 0; i < report->ngrowths; i++)
		report_growth_free(&report->growths[i]);
	free(report->growths);
	for (i = 0; i < report->npanics; i++)
		report_panic_free(&report->panics[i]);
	free(report->panics);
	for (i = 0; i < report->nhidden; i++)
		free(report->hidden[i].by);
	free(report->hidden);
	audited_free(report->audited, report->naudited);
	for (i = 0; i < report->nsnapshots; i++)
		report_snapshot_free(&report->snapshots[i]);
	free(report->snapshots);
	for (i = 0; i < report->ndeaths; i++)
		report_death_free(&report->deaths[i]);
	free(report->deaths);
	for (i = 0; i < report->nmemory; i++)
		report_memory_free(&report->memory[i]);
	free(report->memory);
	for (i = 0; i < report->nvitals; i++)
		report_vitals_free(&report->vitals[i]);
	free(report->vitals);
	report_stats_free(&report->stats);
	memset(report, 0, sizeof(*report));
}

const char *report_op_name(enum report_op op)
{
	switch (op) {
	case REPORT_READ:
		return "read";
	case REPORT_WRITE:
		return "write";
	case REPORT_DELETE:
		return "delete";
	case REPORT_ITERATE:
	case REPORT_CLONE:
		return "iterate";
	case REPORT_CLEAR:
		return "clear";
	}
	return "read";
}

const char *report_kind_name(enum report_kind kind)
{
	switch (kind) {
	case REPORT_WRITE_WRITE:
		return "write-write";
	case REPORT_READ_WRITE:
		return "read-write";
	case REPORT_ITERATE_WRITE:
		return "iterate-write";
	case REPORT_LOST_UPDATE:
		return "lost-update";
	case REPORT_CONCURRENT_UPDATE:
		return "concurrent-update";
	case REPORT_READ_MODIFY_WRITE:
		return "read-modify-write";
	case REPORT_LOOKUP_UPDATE:
		return "lookup-update";
	case REPORT_LOOKUP_INSERT:
		return "lookup-insert";
	case REPORT_CHECK_THEN_ACT:
		return "check-then-act";
	case REPORT_PARTIAL_UPDATE:
		return "partial-update";
	case REPORT_KINDS:
		break;
	}
	return "read-write";
}

const char *report_proof_name(enum report_proof proof)
{
	switch (proof) {
	case REPORT_PROVES_DAMAGE:
		return "damage";
	case REPORT_PROVES_MAP:
		return "map";
	case REPORT_PROVES_PAIR:
		return "pair";
	case REPORT_PROVES_NOTHING:
	case REPORT_PROOFS:
		break;
	}
	return "nothing";
}

const char *report_severity_name(enum report_severity severity)
{
	switch (severity) {
	case REPORT_HIGH:
		return "high";
	case REPORT_MEDIUM:
		return "medium";
	case REPORT_LOW:
		break;
	}
	return "low";
}

const char *report_doubt_name(enum report_doubt doubt)
{
	switch (doubt) {
	case REPORT_GOROUTINES:
		return "goroutines";
	case REPORT_UNKNOWN_PROGRAM:
		return "unknown-program";
	case REPORT_NO_DOUBT:
	case REPORT_DOUBTS:
		break;
	}
	return "";
}

const char *report_verdict_name(enum report_verdict verdict)
{
	switch (verdict) {
	case REPORT_RACY:
		return "racy";
	case REPORT_ORDERED:
		return "ordered";
	case REPORT_UNPROVEN:
		return "unproven";
	}
	return "unproven";
}

const char *report_growth_kind_name(enum report_growth_kind kind)
{
	switch (kind) {
	case REPORT_GROWTH_DOUBLE:
		return "double";
	case REPORT_GROWTH_SAME_SIZE:
		return "same-size";
	case REPORT_GROWTH_TABLE:
		return "table";
	case REPORT_GROWTH_SPLIT:
		return "split";
	case REPORT_GROWTH_KINDS:
		break;
	}
	return "double";
}

static bool op_iterates(enum report_op op)
{
	return op == REPORT_ITERATE || op == REPORT_CLONE;
}

enum report_kind report_kind_of(enum report_op a, enum report_op b)
{
	if (op_iterates(a) || op_iterates(b))
		return REPORT_ITERATE_WRITE;
	if (a == REPORT_READ || b == REPORT_READ)
		return REPORT_READ_WRITE;
	return REPORT_WRITE_WRITE;
}

static uint64_t fnv64(uint64_t hash, const void *data, size_t len)
{
	const unsigned char *p = data;

	while (len--)
		hash = (hash ^ *p++) * FNV64_PRIME; /* NOLINT: bytes of a number are no garbage */
	return hash;
}

/* A final mix, because FNV alone leaves two sites that differ in their last digit close together. */
static uint64_t mix64(uint64_t x)
{
	x = (x ^ (x >> 33)) * 0xff51afd7ed558ccdull;
	x = (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53ull;
	return x ^ (x >> 33);
}

const struct report_frame *report_access_site(const struct report_access *access)
{
	size_t i;

	for (i = 0; i < access->nframes; i++)
		if (!access->frames[i].runtime)
			return &access->frames[i];
	return access->nframes ? &access->frames[0] : NULL;
}

/*
 * The line counts from the function's first one, so that an edit above the function changes
 * nothing. Go before 1.20 does not record the first line; there the line in the file has to do.
 */
uint64_t report_site_hash(const struct report_access *access)
{
	const struct report_frame *frame = report_access_site(access);
	uint64_t hash = FNV64_OFFSET;
	char line[32];
	int n;

	if (!frame)
		return mix64(hash);
	if (frame->function)
		hash = fnv64(hash, frame->function, strlen(frame->function) + 1);
	if (frame->start_line > 0 && frame->line >= frame->start_line)
		n = snprintf(line, sizeof(line), "+%d", frame->line - frame->start_line);
	else
		n = snprintf(line, sizeof(line), ":%d", frame->line);
	return mix64(fnv64(hash, line, (size_t)n));
}

void report_race_identify(struct report_race *race)
{
	uint64_t site[2] = {report_site_hash(&race->access[0]), 0};
	uint64_t pair[2];

	if (race->has_other)
		site[1] = report_site_hash(&race->access[1]);
	pair[0] = site[0] < site[1] ? site[0] : site[1];
	pair[1] = site[0] < site[1] ? site[1] : site[0];
	snprintf(race->id, sizeof(race->id), "%016" PRIx64,
		 mix64(fnv64(FNV64_OFFSET, pair, sizeof(pair))));
}
