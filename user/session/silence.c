/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "session/silence.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "probe/procs.h"
#include "process/proc_stat.h"
#include "session/memory_watch.h"
#include "session/past.h"
#include "session/refusal.h"
#include "session/watch.h"

#define PROCS_MAX (1 << 20) /* more, or less than none, is no number of Ps */

#define ONE_CPU \
	"process %d may run on one CPU only: while a goroutine is held hardly another one runs; give it two"
#define STOPPED \
	"process %d is stopped (by a signal or a debugger): it does nothing until it goes on"
#define FROZEN "process %d is in a frozen control group (a paused container): it does nothing"
#define FOREIGN                                                                                 \
	"%d of the %d probed places of process %d are not mapped from its file any more (huge " \
	"pages?), or so that they can be written to: the kernel puts no probe there"
#define GO_TOOL                                                                              \
	"process %d is the go tool: the test or program that it builds and runs is another " \
	"process, which is not watched: go test -exec 'maprace watch --'"

#define WRITTEN                                                                               \
	"the file of process %d, or one that it has loaded, was written to: names that were " \
	"asked for after that are not known"

#define ONE_THREAD                                                                                   \
	"process %d has one thread, as a forked one has, which goes on without the others: nothing " \
	"can collide in it"

#define FORKED                                                                                    \
	"process %d was forked by process %d, and has executed nothing since: what it did until " \
	"it was found, %.1f s after the watch had begun, was not seen"

#define FLAG_STAYS                                                                                  \
	"process %d can recover from a fault inside a map function (debug.SetPanicOnFault), which " \
	"leaves the map's writing flag set: what follows from that flag proves nothing there"

/* It may set it whenever it likes, and does when it starts. */
static void look_at_procs(struct watched *t)
{
	struct silence *s = &t->silence;
	int32_t n;

	if (!s->procs_at || process_read(&t->process, s->procs_at, &n, sizeof(n)) || n < 1 ||
	    n > PROCS_MAX)
		return;
	if ((unsigned int)n > s->procs)
		s->procs = (unsigned int)n;
}

/* Of its parent's the one that has forked it is left: what it had others for is not done any more. */
static void look_at_threads(struct watched *t)
{
	struct proc_stat stat;

	if (t->forked_from && !proc_stat_read(t->process.pid, &stat) &&
	    stat.threads > t->silence.threads)
		t->silence.threads = stat.threads;
}

/* Whether the code there is not as in its file; or cannot be read. */
static bool is_changed(const struct watched *t, uint64_t addr)
{
	uint8_t now, filed;

	return process_read(&t->process, addr, &now, sizeof(now)) ||
	       elf_file_read(go_binary_elf(t->bin), addr - t->source.resolver.bias, &filed,
			     sizeof(filed)) ||
	       now != filed;
}

/*
 * How many of the n places the kernel puts no probe at. What can be written to keeps those that it
 * had before. Negative: not known.
 */
static int unprobed(const struct watched *t, const uint64_t *addrs, size_t n)
{
	bool barred[MR_SITE_SLOTS] = {};
	int foreign = process_foreign_code(&t->process, t->library, addrs, n, barred);
	size_t i;

	for (i = 0; i < n && foreign >= 0; i++)
		foreign += barred[i] && !is_changed(t, addrs[i]);
	return foreign;
}

/* Those of the program itself, or of the library. */
static void look_at_code(struct watched *t)
{
	struct silence *s = &t->silence;
	uint64_t addrs[MR_SITE_SLOTS] = {}, collector = 0, addr;
	const struct hook *h;
	size_t i, n = 0;
	int foreign;
	bool blind;

	s->code_ns = clock_ns(CLOCK_MONOTONIC);
	for (i = 0; i < t->hooks.count && n < MR_SITE_SLOTS; i++) {
		h = &t->hooks.hooks[i];
		addr = h->addr + t->source.resolver.bias;
		if (h->state == HOOK_PROBED && mr_op_has_site(h->op))
			addrs[n++] = addr;
		else if (h->state == HOOK_PROBED && h->op == MR_OP_COLLECTED)
			collector = addr;
	}
	foreign = unprobed(t, addrs, n);
	if (foreign < 0)
		return;
	s->sites = (int)n;
	s->foreign = foreign;
	blind = collector && unprobed(t, &collector, 1) > 0;
	if ((foreign || blind) && t->attachment)
		attachment_not_whole(t->attachment, blind);
}

static bool is_watched(const struct watched *t, const char *path)
{
	return watched_knows_plugin(t, path) || (t->library && !strcmp(t->library, path));
}

static void note_library(void *arg, const struct process_library *lib)
{
	struct watched *t = arg;
	struct silence *s = &t->silence;
	char file[PROCESS_PATH];

	if (s->library[0] || is_watched(t, lib->path) || !watched_files_take(&s->files, lib))
		return;
	if (library_file(lib, file) ? library_is_go(lib) : refusal_is_go(file))
		snprintf(s->library, sizeof(s->library), "%s", lib->path);
	watched_files_looked(&s->files);
}

/* Those that were looked into are not looked into again. */
static void look_at_libraries(struct watched *t)
{
	struct silence *s = &t->silence;

	if (s->library[0] && is_watched(t, s->library))
		s->library[0] = '\0';
	if (s->library[0])
		return;
	watched_files_begin(&s->files);
	(void)process_libraries(&t->process, note_library, t);
}

static uint64_t seen(const struct watched *t, uint64_t *nil)
{
	struct attachment_sum sum;
	uint64_t n = 0;
	size_t i;

	attachment_counters(t->attachment, &sum);
	for (i = 0; i < MR_OP_MAX; i++)
		n += sum.ops[i];
	*nil = sum.cpu.nil_maps;
	return n;
}

static void look_thoroughly(struct watched *t)
{
	struct silence *s = &t->silence;
	uint64_t nil;

	situation_look(t->process.pid, &s->last);
	if (t->process.stopped) /* by us, before its first instruction */
		s->last.stopped = false;
	if (s->last.cpus > s->cpus)
		s->cpus = s->last.cpus;
	look_at_code(t);
	s->cpu_ns = process_cpu_ns(t->process.pid);
	if (!t->started || seen(t, &nil))
		return;
	look_at_libraries(t);
	s->child = refusal_go_child(t->process.pid);
}

/*
 * What to say of a process that has one P, or may have: NULL where it has more. malloc'ed. The
 * limit of a control group is no obstacle by itself (docs/limits.md), but what some programs, and
 * with a library of its own many, take their number of Ps from.
 */
static char *one_p(const struct watched *t, bool *certain)
{
	const struct silence *s = &t->silence;
	double limit = s->last.group.cpus;
	char group[64] = "", *text;
	int n;

	*certain = s->procs == 1;
	if (limit > 0 && limit < 2)
		snprintf(group, sizeof(group), ", with a control group that may use %.3g CPUs",
			 limit);
	if (s->procs > 1 ||
	    (!s->procs && s->asked != 1 && (s->procs_at || limit <= 0 || limit > 1)))
		return NULL;
	if (*certain)
		n = asprintf(
			&text,
			"process %d has one P (GOMAXPROCS=1%s): while a goroutine is held no other runs, so that nothing can collide; give it two",
			(int)t->process.pid, group);
	else
		n = asprintf(
			&text,
			"process %d may have one P (%s%s): then nothing can collide; give it two",
			(int)t->process.pid,
			s->asked == 1 ? "started with GOMAXPROCS=1" : "its number is not known",
			group);
	return n < 0 ? NULL : text;
}

/* Once it runs: before that it has none, whatever it was started with. */
static void say_one_p(struct watched *t)
{
	struct silence *s = &t->silence;
	bool certain;
	char *text;

	if (s->said_procs || t->process.stopped || (s->procs_at && !s->procs && !s->looks))
		return;
	text = one_p(t, &certain);
	if (text)
		log_warn("%s", text);
	free(text);
	s->said_procs = true;
}

/* Each once, as soon as it is known. */
static void say(struct watched *t)
{
	struct silence *s = &t->silence;
	int pid = (int)t->process.pid;
	bool still = s->last.stopped || s->last.group.frozen;

	say_one_p(t);
	if (!s->said_cpus && s->cpus == 1)
		log_warn(ONE_CPU, pid);
	s->said_cpus = true;
	if (still && !s->said_stopped)
		log_warn(s->last.stopped ? STOPPED : FROZEN, pid);
	s->said_stopped = still;
	if (s->foreign && !s->said_foreign)
		log_warn(FOREIGN, s->foreign, s->sites, pid);
	s->said_foreign |= s->foreign > 0;
}

/* `go test` and `go run` start what is to be watched; `go build` is itself all that there is. */
static bool is_go_tool(const struct watched *t)
{
	char word[16];

	if (strcmp(go_binary_module(t->bin), "cmd/go") != 0)
		return false;
	situation_subcommand(t->process.pid, word, sizeof(word));
	return !strcmp(word, "test") || !strcmp(word, "run");
}

void silence_begin(struct watched *t)
{
	struct silence *s = &t->silence;
	uint64_t addr;

	if (!procs_find(t->bin, &addr))
		s->procs_at = addr + t->source.resolver.bias;
	s->asked = situation_gomaxprocs(t->process.pid);
	s->cpu_from_ns = process_cpu_ns(t->process.pid);
	look_at_procs(t);
	look_at_threads(t);
	look_thoroughly(t);
	say(t);
	s->go_tool = is_go_tool(t);
	if (s->go_tool)
		log_warn(GO_TOOL, (int)t->process.pid);
	if (t->source.flag_stays)
		log_warn(FLAG_STAYS, (int)t->process.pid);
}

void silence_look(struct watched *t)
{
	struct silence *s = &t->silence;

	s->looks++;
	look_at_procs(t);
	look_at_threads(t);
	/* some may have found no place any more */
	if (attachment_whole_since(t->attachment) > s->code_ns)
		look_at_code(t);
	if (!(s->looks & (s->looks - 1))) /* the 1st, 2nd, 4th, 8th ... time */
		look_thoroughly(t);
	say(t);
}

void silence_lost(struct watched *t, uint64_t start_ns, const char *why)
{
	t->silence.lost = why;
	t->silence.lost_s = (double)(clock_ns(CLOCK_MONOTONIC) - start_ns) / 1e9;
	log_warn("process %d %s", (int)t->process.pid, why);
}

void silence_end(struct watched *t)
{
	look_at_procs(t);
	look_at_threads(t);
	look_thoroughly(t);
}

static bool died_of(const struct watched *t, int sig)
{
	int status = watched_exit_status(t);

	return status >= 0 && WIFSIGNALED(status) && WTERMSIG(status) == sig;
}

/* The likely cause of having seen no operation at all. */
static int report_nothing(const struct watched *t, uint64_t nil, struct report_stats *stats)
{
	const struct silence *s = &t->silence;
	double cpu_s = s->cpu_ns > s->cpu_from_ns ? (double)(s->cpu_ns - s->cpu_from_ns) / 1e9 : 0;
	static const char code[] = "no-operations";
	pid_t pid = t->process.pid;

	if (died_of(t, SIGTRAP))
		return 0; /* that is told of */
	if (s->last.stopped && !t->ended)
		return report_caveat_say(
			stats, code, (uint32_t)pid, true,
			"no map operation of process %d was seen: it is stopped (by a signal or a debugger)",
			(int)pid);
	if (s->last.group.frozen && !t->ended)
		return report_caveat_say(
			stats, code, (uint32_t)pid, true,
			"no map operation of process %d was seen: its control group is frozen (a paused container)",
			(int)pid);
	if (s->sites && s->foreign == s->sites)
		return report_caveat_say(
			stats, code, (uint32_t)pid, true,
			"no map operation of process %d was seen: its code is not mapped from its file any more (huge pages?), or so that it can be written to, and the kernel puts no probe there",
			(int)pid);
	if (nil)
		return report_caveat_say(
			stats, code, (uint32_t)pid, true,
			"no map operation of process %d was seen but on maps that are nil",
			(int)pid);
	if (s->library[0])
		return report_caveat_say(
			stats, code, (uint32_t)pid, true,
			"no map operation of process %d was seen: what runs may be %s, a Go library that is not watched",
			(int)pid, s->library);
	if (s->child)
		return report_caveat_say(
			stats, code, (uint32_t)pid, true,
			"no map operation of process %d was seen: what runs may be its child %d, a Go program too (-p %d)",
			(int)pid, (int)s->child, (int)s->child);
	if (t->ended)
		return report_caveat_say(stats, code, (uint32_t)pid, true,
					 "no map operation of process %d was seen before it ended",
					 (int)pid);
	return report_caveat_say(
		stats, code, (uint32_t)pid, true,
		"no map operation of process %d was seen: it was idle, or what ran used no map (%.2f s of CPU time)",
		(int)pid, cpu_s);
}

/* Of its own file, or of a plugin's. */
static bool lacks_names(const struct watched *t)
{
	const struct resolver *r = &t->source.resolver;
	bool lacks = elf_file_has_refused(go_binary_elf(t->bin));
	size_t i;

	for (i = 0; i < r->nplugins; i++)
		lacks |= elf_file_has_refused(go_binary_elf(r->plugins[i].bin));
	return lacks;
}

static int report_places(const struct watched *t, struct report_stats *stats)
{
	const struct silence *s = &t->silence;
	pid_t pid = t->process.pid;
	bool certain;
	char *text;
	int r = 0;

	text = one_p(t, &certain);
	if (text)
		r = report_caveat_add(stats, "one-p", (uint32_t)pid, certain, text);
	if (!r && s->cpus == 1)
		r = report_caveat_say(stats, "one-cpu", (uint32_t)pid, true, ONE_CPU, (int)pid);
	return r;
}

static int report_fork(const struct watched *t, struct report_stats *stats)
{
	pid_t pid = t->process.pid;
	int r = 0;

	if (t->forked_from)
		r = report_caveat_say(stats, "forked", (uint32_t)pid, false, FORKED, (int)pid,
				      (int)t->forked_from, t->late_s);
	if (!r && t->silence.threads == 1)
		r = report_caveat_say(stats, "one-thread", (uint32_t)pid, true, ONE_THREAD,
				      (int)pid);
	return r;
}

int silence_report_target(const struct watched *t, struct report_stats *stats)
{
	const struct silence *s = &t->silence;
	pid_t pid = t->process.pid;
	uint64_t nil, n = seen(t, &nil);
	size_t i;
	int r = 0;

	if (died_of(t, SIGTRAP))
		r = report_caveat_say(
			stats, "trapped", (uint32_t)pid, true,
			"process %d died of SIGTRAP: it may have run a copy of its own code that has our probes in it (huge pages?); start it by itself and watch it with -p",
			(int)pid);
	if (!r && s->lost)
		r = report_caveat_say(stats, "cut-short", (uint32_t)pid, false,
				      "after %.1f s: process %d %s", s->lost_s, (int)pid, s->lost);
	if (!r)
		r = report_fork(t, stats);
	if (!r && s->go_tool)
		r = report_caveat_say(stats, "go-tool", (uint32_t)pid, true, GO_TOOL, (int)pid);
	if (!r && !n)
		r = report_nothing(t, nil, stats);
	else if (!r && s->foreign)
		r = report_caveat_say(stats, "text-remapped", (uint32_t)pid, s->foreign == s->sites,
				      FOREIGN, s->foreign, s->sites, (int)pid);
	if (!r && lacks_names(t))
		r = report_caveat_say(stats, "file-written", (uint32_t)pid, false, WRITTEN,
				      (int)pid);
	if (!r && t->source.flag_stays)
		r = report_caveat_say(stats, "flag-stays", (uint32_t)pid, false, FLAG_STAYS,
				      (int)pid);
	if (!r)
		r = report_places(t, stats);
	for (i = 0; i < t->hooks.count && !r; i++)
		if (t->hooks.hooks[i].state == HOOK_BLIND)
			r = report_caveat_say(stats, "functions", (uint32_t)pid, false,
					      "%s of process %d is not watched: %s",
					      t->hooks.hooks[i].function, (int)pid,
					      t->hooks.hooks[i].why);
	if (!r && memory_watch_is_unlimited(t))
		r = report_caveat_say(
			stats, "no-memory-limit", (uint32_t)pid, false,
			"memory of process %d: no limit applies to it, so nothing is told (--memory-limit gives one)",
			(int)pid);
	if (!r && t->plugins_unwatched)
		r = report_caveat_say(
			stats, "plugins", (uint32_t)pid, false,
			"map operations in %zu plugins of process %d were not watched",
			t->plugins_unwatched, (int)pid);
	return r;
}

static uint64_t loss(const struct report_stats *stats, const char *name)
{
	size_t i;

	for (i = 0; i < stats->nlosses; i++)
		if (!strcmp(stats->losses[i].name, name))
			return stats->losses[i].value;
	return 0;
}

int silence_report(const struct watch *w, struct report_stats *stats)
{
	uint64_t lost =
		stats->events_lost + loss(stats, "pairs_lost") + loss(stats, "races_dropped");
	uint64_t unseen = watch_vitals_unseen(w);
	uint64_t shown = 0;
	size_t i, from;
	int r = 0;

	for (i = 0; i < w->ntargets && !r; i++) {
		const struct watched *t = w->targets[i];

		from = stats->ncaveats;
		if (t->past)
			r = past_fill_caveats(t->past, stats);
		else if (t->attachment && t->started)
			r = silence_report_target(t, stats);
		shown += watched_is_shown(t);
		for (; from < stats->ncaveats; from++)
			stats->caveats[from].target = shown;
	}
	if (!r && !w->options->max_hold_ns)
		r = report_caveat_say(
			stats, "no-holds", 0, true,
			"with --max-hold 0 nothing is held, so that nothing can collide");
	if (!r && w->not_followed)
		r = report_caveat_say(
			stats, "not-followed", 0, false,
			"other programs that the command has started were not watched: %s",
			w->not_followed);
	if (!r && unseen)
		r = report_caveat_say(
			stats, "no-goroutines", 0, false,
			"goroutines of %llu %s were not looked at (it is done once a second, and not "
			"of Go libraries), or could not be read",
			(unsigned long long)unseen, unseen == 1 ? "process" : "processes");
	if (!r && lost)
		r = report_caveat_say(stats, "losses", 0, false,
				      "%llu sightings of races were lost",
				      (unsigned long long)lost);
	return r;
}
