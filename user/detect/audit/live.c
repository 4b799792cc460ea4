/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Whether what was found in a program's instructions can happen: do its runs overlap, on one map? */
#include "detect/audit/live.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/err.h"
#include "detect/audit/live_attach.h"

#define LOOK_NS 50000000 /* how often what was counted is read */

/* --- what is looked at --- */

static struct live_program *program_of(struct live *live, uint32_t id)
{
	size_t i;

	for (i = 0; i < live->n; i++)
		if (live->programs[i].id == id)
			return &live->programs[i];
	return NULL;
}

static size_t map_of(const struct live *live, uint32_t id)
{
	size_t i;

	for (i = 0; i < live->nmaps; i++)
		if (live->maps[i] == id)
			break;
	return i;
}

static bool is_hash(const struct report_race *race)
{
	const char *type = race->bpf->map_type;

	return !strcmp(type, "hash") || !strcmp(type, "lru_hash");
}

static void list(struct live *live, const struct report_race *race)
{
	uint32_t id = race->bpf->actor[0].prog_id, map = race->bpf->map_id;
	struct live_program *p;

	if (!id)
		return;
	if (!program_of(live, id) && live->n < MR_RUN_PROGRAMS) {
		p = &live->programs[live->n];
		p->id = id;
		p->fd = bpf_prog_get_fd_by_id(id);
		if (p->fd < 0)
			return; /* gone */
		live->n++;
	}
	if (map && is_hash(race) && map_of(live, map) == live->nmaps && live->nmaps < MR_RUN_MAPS)
		live->maps[live->nmaps++] = map;
}

/* --- what was counted --- */

static bool ask(int fd, struct bpf_prog_info *info)
{
	uint32_t size = sizeof(*info);

	memset(info, 0, sizeof(*info));
	return fd >= 0 && !bpf_prog_get_info_by_fd(fd, info, &size);
}

/* Beginnings and ends that the kernel has not called us for, since 5.12; before that it always
 * does. */
static uint64_t misses(const struct live_program *p)
{
	struct bpf_program *one;
	struct bpf_prog_info info;
	uint64_t n = 0;

	bpf_object__for_each_program(one, p->object)
		if (bpf_program__fd(one) >= 0 && ask(bpf_program__fd(one), &info))
			n += info.recursion_misses;
	return n;
}

static uint64_t sum(const struct live *live, size_t offset)
{
	uint64_t n = 0;
	size_t cpu;

	for (cpu = 0; cpu < MR_RUN_CPUS; cpu++)
		n += *(const volatile uint64_t *)((const char *)&live->cpus[cpu] + offset);
	return n;
}

/* What was counted since the last look; it is only worth something if nothing was missed
 * meanwhile. False: something was. */
static bool look_at(const struct live *live, struct live_program *p)
{
	size_t number = (size_t)(p - live->programs), i;
	uint64_t overlaps, met[MR_RUN_MAPS] = {}, missed;
	bool sure;

	overlaps = sum(live, offsetof(struct mr_run_cpu, overlaps) + number * sizeof(uint64_t));
	for (i = 0; i < live->nmaps; i++)
		met[i] = sum(live, offsetof(struct mr_run_cpu, met) +
					   (number * MR_RUN_MAPS + i) * sizeof(uint64_t));
	missed = misses(p);
	sure = missed == p->misses;
	p->misses = missed;
	for (i = 0; i < live->nmaps; i++) {
		p->met[i] += sure ? met[i] - p->met_read[i] : 0;
		p->met_read[i] = met[i];
	}
	p->overlaps += sure ? overlaps - p->overlaps_read : 0;
	p->overlaps_read = overlaps;
	return sure;
}

static void look(struct live *live)
{
	bool sure = true;
	size_t i;

	for (i = 0; i < live->n && live->cpus; i++)
		if (live->programs[i].begins)
			sure &= look_at(live, &live->programs[i]);
	if (sure)
		return;
	live->doubted++;
	__atomic_add_fetch(&live->control->epoch, 1, __ATOMIC_SEQ_CST);
}

static void watch(struct live *live, uint64_t ns, const volatile sig_atomic_t *stop)
{
	uint64_t end = clock_ns(CLOCK_MONOTONIC) + ns, now;
	struct timespec pause;

	while (!*stop && (now = clock_ns(CLOCK_MONOTONIC)) < end) {
		pause = (struct timespec){
			.tv_nsec = (long)(end - now < LOOK_NS ? end - now : LOOK_NS)};
		nanosleep(&pause, NULL);
		look(live);
	}
}

/* --- what is told --- */

static const char *why_not_attached(int error, char *text, size_t size)
{
	if (error == -ENODATA)
		snprintf(text, size, "overlapping runs, for the program has no type information");
	else
		snprintf(text, size,
			 "overlapping runs, for the kernel attaches nothing to this program (%s)",
			 err_name(error));
	return text;
}

static const char *why_not_looked_up(const struct live *live, const struct report_race *race,
				     char *text, size_t size)
{
	if (!is_hash(race))
		return "which values two runs have looked up: only of hashes do look-ups show";
	if (!race->bpf->map_id)
		return "which values two runs have looked up, for it is a map within another one";
	if (map_of(live, race->bpf->map_id) == live->nmaps)
		return "which values two runs have looked up, for there are too many maps";
	if (!live->lookup_error)
		return "";
	snprintf(text, size, "which values two runs have looked up, for %s (%s)",
		 live->lookup_error == -EACCES ? "/proc/kallsyms hides the kernel's addresses"
					       : "the kernel attaches nothing to its look-ups",
		 err_name(live->lookup_error));
	return text;
}

static uint64_t began_on(const struct live *live, size_t number, size_t cpu)
{
	return *(const volatile uint64_t *)&live->cpus[cpu].began[number];
}

static int fill_cpus(const struct live *live, const struct live_program *p, struct report_live *out)
{
	size_t number = (size_t)(p - live->programs), i;
	int n = libbpf_num_possible_cpus();

	out->ncpus = n > 0 && n < MR_RUN_CPUS ? (size_t)n : MR_RUN_CPUS;
	out->by_cpu = calloc(out->ncpus, sizeof(*out->by_cpu));
	if (!out->by_cpu)
		return -ENOMEM;
	for (i = 0; i < out->ncpus; i++)
		out->by_cpu[i] = began_on(live, number, i) - p->began[i];
	return 0;
}

static int fill(const struct live *live, const struct live_program *p, struct report_race *race,
		struct report_live *out)
{
	struct report_audit *audit = race->bpf->audit;
	const char *unseen = "";
	struct bpf_prog_info info;
	char text[256];
	size_t map = map_of(live, race->bpf->map_id);

	out->counted = live->stats_fd >= 0 && ask(p->fd, &info);
	out->runs = out->counted ? info.run_cnt - p->runs : 0;
	if (p->error) {
		unseen = why_not_attached(p->error, text, sizeof(text));
	} else {
		if (fill_cpus(live, p, out))
			return -ENOMEM;
		out->overlaps = p->overlaps;
		out->met = map < live->nmaps ? p->met[map] : 0;
		out->confirmed = out->met || (audit->each_run && out->overlaps);
		if (!out->confirmed && !audit->each_run)
			unseen = why_not_looked_up(live, race, text, sizeof(text));
	}
	out->unseen = strdup(unseen);
	if (!out->unseen)
		return -ENOMEM;
	if (out->confirmed)
		race->evidence = REPORT_OVERLAP;
	return 0;
}

static int fill_nothing(const struct live *live, struct report_live *out)
{
	out->unseen =
		strdup(live->n == MR_RUN_PROGRAMS
			       ? "this program, for there are more than 32: name some with --prog"
			       : "this program, for it is gone");
	return out->unseen ? 0 : -ENOMEM;
}

static int tell(struct live *live, struct report *report, double seconds)
{
	const struct live_program *p;
	struct report_race *race;
	size_t i;

	for (i = 0; i < report->nsuspects; i++) {
		race = &report->suspects[i];
		if (!race->bpf->actor[0].prog_id)
			continue;
		p = program_of(live, race->bpf->actor[0].prog_id);
		race->bpf->audit->live = calloc(1, sizeof(struct report_live));
		if (!race->bpf->audit->live)
			return -ENOMEM;
		race->bpf->audit->live->seconds = seconds;
		if (p ? fill(live, p, race, race->bpf->audit->live)
		      : fill_nothing(live, race->bpf->audit->live))
			return -ENOMEM;
	}
	return 0;
}

static const struct {
	const char *name, *meaning;
} losses[MR_RUN_LOSSES] = {
	[MR_RUN_LOSS_DEPTH] = {"live_nested", "runs in a run in a run: not followed"},
	[MR_RUN_LOSS_UNMATCHED] = {"live_ends_unmatched", "ends of runs that had begun unseen"},
	[MR_RUN_LOSS_VALUES] = {"live_lookups_dropped", "look-ups beyond the fourth of a run"},
	[MR_RUN_LOSS_STACK] = {"live_lookups_unknown",
			       "look-ups in these maps by others, or nobody knows whom"},
	[MR_RUN_LOSS_CPU] = {"live_cpus_beyond", "runs and look-ups on CPUs beyond the 128th"},
};

static uint64_t lost(const struct live *live, size_t which)
{
	return sum(live, offsetof(struct mr_run_cpu, lost) + which * sizeof(uint64_t));
}

/* What was counted while we attached, one by one, does not count. */
static void start_at(struct live *live)
{
	struct bpf_prog_info info;
	struct live_program *p;
	size_t i, k;

	for (i = 0; i < live->n; i++) {
		p = &live->programs[i];
		p->runs = ask(p->fd, &info) ? info.run_cnt : 0;
		for (k = 0; k < MR_RUN_CPUS && live->cpus; k++)
			p->began[k] = began_on(live, i, k);
	}
	look(live);
	for (i = 0; i < live->n; i++) {
		live->programs[i].overlaps = 0;
		memset(live->programs[i].met, 0, sizeof(live->programs[i].met));
	}
	for (i = 0; i < MR_RUN_LOSSES && live->cpus; i++)
		live->lost[i] = lost(live, i);
	live->doubted = 0;
}

static int tell_losses(const struct live *live, struct report *report)
{
	struct report_stats *s = &report->stats;
	size_t i;
	struct report_counter *grown =
		reallocarray(s->losses, s->nlosses + MR_RUN_LOSSES + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	s->losses = grown;
	for (i = 0; i < MR_RUN_LOSSES && live->cpus; i++)
		grown[s->nlosses++] = (struct report_counter){losses[i].name, losses[i].meaning,
							      lost(live, i) - live->lost[i]};
	grown[s->nlosses++] = (struct report_counter){
		"live_doubted", "times that overlaps did not count, for a run's end went unseen",
		live->doubted};
	return 0;
}

int audit_live_watch(struct report *report, const struct audit_symbols *symbols, uint64_t ns,
		     const volatile sig_atomic_t *stop)
{
	struct live *live = calloc(1, sizeof(*live));
	uint64_t began;
	size_t i;
	int r;

	if (!live)
		return -ENOMEM;
	for (i = 0; i < report->nsuspects; i++)
		list(live, &report->suspects[i]);
	live_attach(live, symbols);
	live->stats_fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
	start_at(live);
	began = clock_ns(CLOCK_MONOTONIC);
	if (live->n)
		watch(live, ns, stop);
	r = tell(live, report, (double)(clock_ns(CLOCK_MONOTONIC) - began) / 1e9);
	if (!r)
		r = tell_losses(live, report);
	live_detach(live);
	free(live);
	return r;
}
