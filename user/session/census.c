/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "session/census.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "probe/execs.h"
#include "probe/feature.h"
#include "process/names.h"
#include "process/process.h"

#define FILES 1024   /* whose nature is known, the last ones */
#define PENDING 4096 /* processes that have had no turn */
#define DECIDED 4096 /* that have had theirs and live */
#define ROWS 2000    /* listed one by one */
#define LOOK_NS 5000000000ull
#define WAIT_NS 1000000000ull
#define BLIND_LOOK_NS 250000000ull /* where /proc is all there is */
/* What attaching to those that come may take of a CPU, and how much of that may be saved up. */
#define JOIN_SHARE 0.05
#define CREDIT_MOST_NS 1000000000.0

#define TOO_SHORT "too short: ended within 60 ms"
#define NOT_SEEN "ended, or ran another one, before they could be looked at"
#define TOO_MANY "too many were started at once"
#define NO_PLACE "more than --max-processes allows"
#define NO_TIME "ended while others were attached to"
#define REMOTE "its file is on a network's or a user's file system, or did not come in time"

struct census {
	struct host_options options;
	struct execs *execs; /* NULL: the kernel tells nothing */
	char *deaf;	     /* why */
	struct roster *roster;
	struct exefiles files;
	struct candidate {
		struct census_one one;
		bool waits;	  /* for a place: its time had come */
		uint64_t seen_ns; /* to be alive */
	} * pending;
	size_t npending;
	struct decided {
		pid_t pid;
		uint64_t dev, ino;
		bool there;
	} * decided;
	size_t ndecided;
	uint64_t processes; /* executions, and who was there */
	uint64_t unknown;   /* Go processes that ended before it was known whether they are meant */
	uint64_t unseen;    /* ended before it was known what they are */
	uint64_t lost;	    /* events, when /proc was looked at last */
	uint64_t looked_ns; /* 0: never */
	double credit_ns;
	uint64_t credited_ns; /* up to then */
};

/* ---- who is meant ---- */

static bool matches(const char *pattern, pid_t pid, const char *args)
{
	char link[64], exe[4096];
	const char *slash;
	ssize_t n;

	if (!fnmatch(pattern, args, 0))
		return true;
	snprintf(link, sizeof(link), "/proc/%d/exe", (int)pid);
	n = readlink(link, exe, sizeof(exe) - 1);
	if (n <= 0)
		return false;
	exe[n] = '\0';
	slash = strrchr(exe, '/');
	return !fnmatch(pattern, exe, 0) || (slash && !fnmatch(pattern, slash + 1, 0));
}

/* 1, 0, or -ESRCH: it has ended. */
static int is_meant(const struct census *c, pid_t pid)
{
	const struct host_options *o = &c->options;
	struct census_file file;
	struct identity id;
	bool meant = true;
	int r;

	if (!o->match && !o->cgroup && !o->container && !o->user_given)
		return true;
	r = identity_read(&id, pid);
	if (r || (!id.args[0] && exefile_of(pid, &file))) { /* it is being reaped */
		identity_free(&id);
		return -ESRCH;
	}
	if (o->user_given)
		meant = id.uid == o->user;
	if (meant && o->cgroup)
		meant = names_in_group(id.groups, o->cgroup);
	if (meant && o->container)
		meant = !strncmp(id.names.container, o->container, strlen(o->container));
	if (meant && o->match)
		meant = matches(o->match, pid, id.args);
	identity_free(&id);
	return meant;
}

/* ---- processes ---- */

static struct decided *find_decided(struct census *c, pid_t pid)
{
	size_t i;

	for (i = 0; i < c->ndecided; i++)
		if (c->decided[i].pid == pid)
			return &c->decided[i];
	return NULL;
}

static void forget_decided(struct census *c, pid_t pid)
{
	struct decided *d = find_decided(c, pid);

	if (d)
		*d = c->decided[--c->ndecided];
}

static void decide(struct census *c, pid_t pid)
{
	struct census_file file;

	forget_decided(c, pid);
	if (c->ndecided < DECIDED && !exefile_of(pid, &file))
		c->decided[c->ndecided++] =
			(struct decided){pid, file.version.dev, file.version.ino, true};
}

static struct candidate *find_pending(struct census *c, pid_t pid)
{
	size_t i;

	for (i = 0; i < c->npending; i++)
		if (c->pending[i].one.pid == pid)
			return &c->pending[i];
	return NULL;
}

static void drop_pending(struct census *c, struct candidate *p)
{
	size_t i = (size_t)(p - c->pending);

	c->npending--;
	memmove(p, p + 1, (c->npending - i) * sizeof(*p));
}

static void add_pending(struct census *c, const struct census_one *one)
{
	if (c->npending == PENDING)
		roster_count(c->roster, TOO_MANY);
	else
		c->pending[c->npending++] = (struct candidate){.one = *one};
}

/* One that runs a file of that nature, and is no Go process that is known already. */
static void consider(struct census *c, struct census_one *one, enum exefile_nature nature)
{
	int meant = nature == EXEFILE_OTHER || one->pid == getpid() ? 0 : is_meant(c, one->pid);

	if (!meant || nature == EXEFILE_LATE)
		return;
	if (meant < 0) {
		c->unknown += nature == EXEFILE_GO;
	} else if (nature == EXEFILE_TOOL) {
		roster_count_tool(c->roster);
		decide(c, one->pid);
	} else if (nature == EXEFILE_FAR) {
		decide(c, one->pid); /* nobody knows what it is */
	} else {
		one->certain = nature == EXEFILE_GO;
		add_pending(c, one);
	}
}

static void on_exec(void *ctx, const struct execs_event *e)
{
	struct census *c = ctx;
	struct census_one one = {.pid = (pid_t)e->pid,
				 .file = {.version = {.dev = e->file.dev,
						      .ino = e->file.ino,
						      .size = (uint64_t)e->file.size,
						      .stamp = e->file.generation},
					  .told = true},
				 .since_ns = e->time_ns};
	struct candidate *before = find_pending(c, one.pid);
	const struct exefile *known = exefile_find(&c->files, &one.file);
	enum exefile_nature nature;

	c->processes++;
	forget_decided(c, one.pid);
	if (before) { /* runs something else already, unless it is that in which /proc was faster */
		if (before->one.certain && e->time_ns > before->one.since_ns)
			roster_count(c->roster, before->waits ? NO_PLACE : TOO_SHORT);
		drop_pending(c, before);
	}
	if (known && known->nature == EXEFILE_OTHER)
		return;
	if (known) {
		nature = known->nature;
	} else if (exefile_look(one.pid, &one.file, &nature)) {
		c->unseen++;
		return;
	} else {
		exefile_know(&c->files, &one.file, nature);
	}
	consider(c, &one, nature);
}

void census_read(struct census *c)
{
	if (c->execs)
		(void)execs_read(c->execs, on_exec, c);
}

/* ---- /proc ---- */

static void look_at_process(struct census *c, pid_t pid, uint64_t now_ns)
{
	struct census_one one = {.pid = pid, .present = !c->looked_ns, .since_ns = now_ns};
	struct decided *d = find_decided(c, pid);
	const struct exefile *known;
	enum exefile_nature nature;

	if (find_pending(c, pid) || exefile_of(pid, &one.file))
		return;
	if (d && d->dev == one.file.version.dev && d->ino == one.file.version.ino) {
		d->there = true;
		return;
	}
	known = exefile_find(&c->files, &one.file);
	if (known)
		nature = known->nature;
	else if (exefile_look(pid, &one.file, &nature))
		return;
	if (!known)
		exefile_know(&c->files, &one.file, nature);
	consider(c, &one, nature);
}

void census_look(struct census *c, uint64_t now_ns)
{
	uint64_t lost = c->execs ? execs_lost(c->execs) : 0;
	struct dirent *entry;
	size_t i;
	DIR *dir;

	if (c->looked_ns && lost == c->lost &&
	    now_ns - c->looked_ns < (c->execs ? LOOK_NS : BLIND_LOOK_NS))
		return;
	dir = opendir("/proc");
	if (!dir)
		return;
	for (i = 0; i < c->ndecided; i++)
		c->decided[i].there = false;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
			continue;
		c->processes += !c->looked_ns;
		look_at_process(c, (pid_t)strtol(entry->d_name, NULL, 10), now_ns);
	}
	closedir(dir);
	for (i = c->ndecided; i--;)
		if (!c->decided[i].there)
			c->decided[i] = c->decided[--c->ndecided];
	c->looked_ns = now_ns;
	c->lost = lost;
}

void census_forget(struct census *c, pid_t pid)
{
	forget_decided(c, pid);
}

/* ---- turns ---- */

size_t census_known(const struct census *c)
{
	return c->npending;
}

static void earn(struct census *c, uint64_t now_ns)
{
	c->credit_ns += JOIN_SHARE * (double)(now_ns - c->credited_ns);
	c->credited_ns = now_ns;
	if (c->credit_ns > CREDIT_MOST_NS)
		c->credit_ns = CREDIT_MOST_NS;
}

void census_charge(struct census *c, uint64_t ns)
{
	c->credit_ns -= (double)ns;
	if (c->credit_ns < -CREDIT_MOST_NS)
		c->credit_ns = -CREDIT_MOST_NS;
}

static uint64_t due_ns(const struct candidate *p)
{
	return p->one.present ? 0 : p->one.since_ns + CENSUS_SETTLE_MS * 1000000ull;
}

/* Asked once a second where it has to wait for a place. */
static bool has_ended(struct candidate *p, uint64_t now_ns)
{
	struct census_file file;
	int r;

	if (p->waits && now_ns - p->seen_ns < WAIT_NS)
		return false;
	p->seen_ns = now_ns;
	r = exefile_of(p->one.pid, &file);
	return r == -ENOENT || r == -ESRCH;
}

/* Those whose time has come and who have ended, or found no place. */
static void sort_out(struct census *c, uint64_t now_ns, size_t places)
{
	size_t i;

	for (i = c->npending; i--;) {
		struct candidate *p = &c->pending[i];
		bool late = p->waits || now_ns > due_ns(p) + CENSUS_SETTLE_MS * 1000000ull;

		if (due_ns(p) > now_ns)
			continue;
		if (!has_ended(p, now_ns)) {
			p->waits |= !places;
			continue;
		}
		if (p->one.certain)
			roster_count(c->roster, p->waits		  ? NO_PLACE
						: late && !p->one.present ? NO_TIME
									  : TOO_SHORT);
		drop_pending(c, p);
	}
}

/* The one that has used most CPU time. */
static struct candidate *hottest(struct census *c, uint64_t now_ns)
{
	struct candidate *best = NULL;
	uint64_t most = 0, cpu;
	size_t i;

	for (i = 0; i < c->npending; i++) {
		struct candidate *p = &c->pending[i];

		if (due_ns(p) > now_ns || (!p->one.present && c->credit_ns <= 0))
			continue;
		cpu = process_cpu_ns(p->one.pid);
		if (best && cpu <= most)
			continue;
		best = p;
		most = cpu;
	}
	return best;
}

bool census_next(struct census *c, uint64_t now_ns, size_t places, struct census_one *one)
{
	struct candidate *p;

	earn(c, now_ns);
	sort_out(c, now_ns, places);
	p = places ? hottest(c, now_ns) : NULL;
	if (!p)
		return false;
	*one = p->one;
	drop_pending(c, p);
	decide(c, one->pid);
	return true;
}

uint64_t census_wait(const struct census *c, uint64_t now_ns, size_t places)
{
	uint64_t soonest = UINT64_MAX, due;
	size_t i;

	for (i = 0; i < c->npending; i++) {
		due = due_ns(&c->pending[i]);
		if (due <= now_ns && !places)
			due = now_ns + WAIT_NS;
		else if (due <= now_ns && !c->pending[i].one.present && c->credit_ns <= 0)
			due = now_ns + CENSUS_SETTLE_MS * 1000000ull;
		if (due < soonest)
			soonest = due;
	}
	return soonest == UINT64_MAX ? soonest : soonest > now_ns ? soonest - now_ns : 0;
}

void census_is_tool(struct census *c, const struct census_one *one)
{
	exefile_know(&c->files, &one->file, EXEFILE_TOOL);
	roster_count_tool(c->roster);
}

void census_is_other(struct census *c, const struct census_one *one)
{
	exefile_know(&c->files, &one->file, EXEFILE_OTHER);
}

struct roster *census_roster(const struct census *c)
{
	return c->roster;
}

/* ---- what is said ---- */

static size_t waiting(const struct census *c)
{
	size_t i, n = 0;

	for (i = 0; i < c->npending; i++)
		n += c->pending[i].waits;
	return n;
}

static int add_caveats(const struct census *c, struct report_stats *stats)
{
	size_t n = waiting(c), far = exefile_far(&c->files);
	int r = 0;

	if (n)
		r = report_caveat_say(stats, "not-watched", 0, false,
				      "Go processes that are not watched: %zu: %s", n, NO_PLACE);
	if (!r && !roster_watched(c->roster))
		r = report_caveat_say(stats, "nothing-watched", 0, true,
				      "no Go program was watched: none %s there",
				      roster_found(c->roster) || n ? "that could be was" : "was");
	if (!r && c->unseen)
		r = report_caveat_say(stats, "not-watched", 0, false,
				      "programs that " NOT_SEEN ", Go or not: %" PRIu64, c->unseen);
	if (!r && c->unknown)
		r = report_caveat_say(
			stats, "not-watched", 0, false,
			"Go processes that ended before it was known whether they are meant: %" PRIu64,
			c->unknown);
	if (!r && far)
		r = report_caveat_say(stats, "not-watched", 0, false,
				      "programs that were not looked at, Go or not: %zu: " REMOTE,
				      far);
	if (!r && c->deaf)
		r = report_caveat_say(
			stats, "not-followed", 0, false,
			"new processes were found in /proc only, four times a second: %s", c->deaf);
	return r;
}

int census_fill(const struct census *c, struct report *report)
{
	int r;

	if (!c)
		return 0;
	r = roster_fill(c->roster, report);
	if (r)
		return r;
	report->followed->host = true;
	report->followed->processes = c->processes;
	report->followed->go += waiting(c);
	report->followed->unknown = c->unknown;
	return add_caveats(c, &report->stats);
}

int census_new(struct census **out, const struct host_options *options, struct err *err)
{
	struct census *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->options = *options;
	c->roster = roster_new(ROWS);
	c->pending = calloc(PENDING, sizeof(*c->pending));
	c->decided = calloc(DECIDED, sizeof(*c->decided));
	c->credit_ns = CREDIT_MOST_NS;
	c->credited_ns = clock_ns(CLOCK_MONOTONIC);
	if (!c->roster || !c->pending || !c->decided) {
		census_free(c);
		return -ENOMEM;
	}
	if (!feature_have(FEATURE_EXECS))
		(void)err_set(err, -ENOTSUP, "%s", feature_ask(FEATURE_EXECS)->detail);
	else
		(void)execs_open(&c->execs, err);
	if (!c->execs)
		c->deaf = strdup(err->text);
	*out = c;
	return 0;
}

void census_change(struct census *c, const struct host_options *options)
{
	c->options = *options;
}

int census_fd(const struct census *c)
{
	return c->execs ? execs_fd(c->execs) : -1;
}

void census_free(struct census *c)
{
	if (!c)
		return;
	execs_close(c->execs);
	roster_free(c->roster);
	free(c->pending);
	free(c->decided);
	free(c->deaf);
	free(c);
}
