/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "session/follow.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "go/go_glance.h"
#include "process/exec_gate.h"
#include "process/exec_stop.h"
#include "session/roster.h"

#define STOPS 64   /* on their way from our answer to the end of their execve */
#define KNOWN 256  /* files that are let be, the last ones */
#define ROWS 10000 /* processes that are listed one by one */

struct follow {
	struct exec_gate *gate;	   /* NULL: it has ended */
	bool lost;		   /* and that before its time */
	struct exec_counts counts; /* once it has ended */
	struct on_its_way {
		struct exec_stop *stop;
		struct exec_request who;
	} stops[STOPS];
	size_t nstops;
	struct known {
		struct file_version file;
		bool tool; /* of Go's; else no Go program */
	} known[KNOWN];
	size_t nknown; /* ever */
	size_t left;
	uint64_t forked; /* found, and executed nothing */
	struct roster *roster;
	follow_before before; /* NULL: nobody asked */
	void *before_ctx;
};

/* In the process that answers the kernel. */
static enum exec_interest of_interest(int fd)
{
	static const enum exec_interest interest[] = {[GO_GLANCE_NO] = EXEC_OF_NONE,
						      [GO_GLANCE_PERHAPS] = EXEC_PERHAPS,
						      [GO_GLANCE_YES] = EXEC_CERTAINLY};

	return interest[go_glance(fd)];
}

int follow_new(struct follow **out, struct err *err)
{
	struct follow *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return -ENOMEM;
	f->roster = roster_new(ROWS);
	r = f->roster ? exec_gate_open(&f->gate, of_interest, err) : -ENOMEM;
	if (r) {
		roster_free(f->roster);
		free(f);
		return r;
	}
	*out = f;
	return 0;
}

void follow_set_before(struct follow *f, follow_before before, void *ctx)
{
	f->before = before;
	f->before_ctx = ctx;
}

int follow_fd(const struct follow *f)
{
	return f->gate ? exec_gate_fd(f->gate) : -1;
}

static const struct known *find_known(const struct follow *f, const struct file_version *file)
{
	size_t i;

	for (i = 0; i < KNOWN && i < f->nknown; i++)
		if (file_version_same(&f->known[i].file, file))
			return &f->known[i];
	return NULL;
}

static void know(struct follow *f, const struct file_version *file, bool tool)
{
	if (!find_known(f, file))
		f->known[f->nknown++ % KNOWN] = (struct known){*file, tool};
}

void follow_note(struct follow *f, pid_t pid, const char *exe, const char *why, uint64_t now_ns)
{
	roster_note(f->roster, pid, exe, why, now_ns);
}

void follow_note_forked(struct follow *f)
{
	f->forked++;
}

void follow_note_tool(struct follow *f, const struct file_version *file)
{
	roster_count_tool(f->roster);
	if (file)
		know(f, file, true);
}

void follow_note_other(struct follow *f, const struct file_version *file)
{
	know(f, file, false);
}

void follow_note_left(struct follow *f, size_t living)
{
	f->left = living;
}

bool follow_is_tool(const struct go_binary *bin)
{
	static const char *const names[] = {
		"addr2line",  "api",	   "asm",   "buildid", "cgo",  "compile",
		"covdata",    "cover",	   "dist",  "doc",     "fix",  "go",
		"gofmt",      "link",	   "nm",    "objdump", "pack", "pprof",
		"preprofile", "test2json", "trace", "vet",
	};
	const char *module = go_binary_module(bin);
	size_t i;

	if (strncmp(module, "cmd/", 4) != 0)
		return false;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(module + 4, names[i]))
			return true;
	return false;
}

static void answer(struct follow *f, const struct exec_request *q, uint64_t now_ns)
{
	const struct known *known = find_known(f, &q->file);
	struct on_its_way *next = &f->stops[f->nstops];

	if (clock_ns(CLOCK_MONOTONIC) - q->since_ns > EXEC_GATE_PATIENCE_MS * 1000000ull)
		return; /* it was let go long ago, and counted */
	if (f->before)
		f->before(f->before_ctx, q->pid, &q->file);
	if (known && known->tool) {
		follow_note_tool(f, &q->file);
	} else if (!known && (f->nstops == STOPS || exec_stop_begin(&next->stop, q))) {
		follow_note(f, q->pid, "", "too many were started at once", now_ns);
	} else if (!known) {
		next->who = *q;
		f->nstops++;
	}
	exec_gate_allow(f->gate, q->id);
}

static void take_requests(struct follow *f, uint64_t now_ns)
{
	struct exec_request q;
	int r = 0;

	while (f->gate && (r = exec_gate_next(f->gate, &q)) > 0)
		answer(f, &q, now_ns);
	if (!r)
		return;
	f->lost = true;
	log_warn(
		"what the command starts from now on is not watched: what looked for it has ended (killed, or held up)");
}

/* Of one that was not stopped: whether it is a Go program at all may not be known. */
static void note_missed(struct follow *f, const struct exec_request *who,
			enum exec_stop_state state, uint64_t now_ns)
{
	static const char *const why[] = {
		[EXEC_STOP_SLOW] = "its execve took too long",
		[EXEC_STOP_ENDED] = "it ended before it could be stopped",
		[EXEC_STOP_TRACED] = "somebody else traces it",
		[EXEC_STOP_REFUSED] = "ptrace is not allowed",
	};

	if (state != EXEC_STOP_FREE && who->interest == EXEC_CERTAINLY)
		follow_note(f, who->pid, "", why[state], now_ns);
}

/* What has become of one on its way; true: it stands where it should. */
static bool arrive(struct follow *f, size_t i, uint64_t now_ns, struct followed *one)
{
	struct on_its_way way = f->stops[i];
	enum exec_stop_state state = exec_stop_look(way.stop);

	if (state == EXEC_STOP_WAIT)
		return false;
	f->stops[i] = f->stops[--f->nstops];
	one->pid = way.who.pid;
	one->file = way.who.file;
	one->certain = way.who.interest == EXEC_CERTAINLY;
	one->stop = way.stop;
	if (state == EXEC_STOP_STOPPED)
		return true;
	note_missed(f, &way.who, state, now_ns);
	follow_let_go(one);
	return false;
}

bool follow_next(struct follow *f, uint64_t now_ns, struct followed *one)
{
	size_t i;

	if (!f->lost && f->gate)
		take_requests(f, now_ns);
	for (i = f->nstops; i--;)
		if (arrive(f, i, now_ns, one))
			return true;
	return false;
}

void follow_let_go(struct followed *one)
{
	exec_stop_end(one->stop);
	one->stop = NULL;
}

bool follow_is_lost(const struct follow *f)
{
	return f->lost;
}

bool follow_waits(const struct follow *f)
{
	return f->nstops;
}

bool follow_is_on_its_way(const struct follow *f, pid_t pid)
{
	size_t i;

	for (i = 0; i < f->nstops; i++)
		if (f->stops[i].who.pid == pid)
			return true;
	return false;
}

static void count(const struct follow *f, struct exec_counts *counts)
{
	*counts = f->counts;
	if (f->gate)
		exec_gate_count(f->gate, counts);
}

bool follow_found(const struct follow *f)
{
	struct exec_counts counts;

	count(f, &counts);
	return roster_found(f->roster) || counts.impatient || f->lost;
}

/* What the silence of the run is worth less for. */
static int add_caveats(const struct follow *f, struct report_stats *stats,
		       const struct exec_counts *counts)
{
	int r = 0;

	if (counts->impatient)
		r = report_caveat_say(
			stats, "not-watched", 0, false,
			"Go programs that were let go unwatched, as maprace was busy: %" PRIu64,
			counts->impatient);
	if (!r && !roster_watched(f->roster))
		r = report_caveat_say(stats, "nothing-watched", 0, true,
				      "no Go program was watched: none %s started",
				      roster_found(f->roster) ? "that could be was" : "was");
	if (!r && f->lost)
		r = report_caveat_say(
			stats, "not-followed", 0, false,
			"what looked for the Go programs that are started has ended: later ones were not watched");
	if (!r && f->left)
		r = report_caveat_say(
			stats, "not-followed", 0, false,
			"processes that the command has left behind: %zu: what they start now is not watched",
			f->left);
	if (!r && counts->unmarked)
		r = report_caveat_say(
			stats, "not-followed", 0, false,
			"programs on %" PRIu64
			" mounted file systems (of user space, of the network, parts of others) are not looked for",
			counts->unmarked);
	return r;
}

struct roster *follow_roster(const struct follow *f)
{
	return f->roster;
}

int follow_fill(const struct follow *f, struct report *report)
{
	struct exec_counts counts;
	int r;

	if (!f)
		return 0;
	count(f, &counts);
	r = roster_fill(f->roster, report);
	if (r)
		return r;
	report->followed->processes = counts.processes + f->forked + 1; /* the command itself */
	report->followed->go += counts.impatient;
	return add_caveats(f, &report->stats, &counts);
}

void follow_end(struct follow *f)
{
	if (!f || !f->gate)
		return;
	exec_gate_count(f->gate, &f->counts);
	exec_gate_close(f->gate);
	f->gate = NULL;
	while (f->nstops)
		exec_stop_end(f->stops[--f->nstops].stop);
}

void follow_free(struct follow *f)
{
	if (!f)
		return;
	follow_end(f);
	roster_free(f->roster);
	free(f);
}
