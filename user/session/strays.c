/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "session/strays.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "process/descendants.h"
#include "process/proc_stat.h"
#include "session/watch.h"

#define LOOK_NS 500000000u
#define SHARE 50 /* of our time a look takes no more than one in so many */
#define OLD_NS 1000000000u
#define STEP_NS 50000000u /* nobody else is looked after meanwhile: the rest comes next time */
#define TURNS 4 /* each of so many looks, but for the first ones, libraries are looked for */

struct stray { /* a descendant */
	pid_t pid;
	struct proc_stat stat;
	uint64_t first_ns;
	unsigned int turns;
	bool due;	      /* since the last look */
	bool told;	      /* what has become of it; it is let be */
	struct watched *host; /* looked into for libraries; NULL: not yet */
};

struct strays {
	struct watch *watch;
	struct stray *list; /* by pid */
	size_t n;
	uint64_t due_ns; /* the next look */
};

struct strays *strays_new(struct watch *w)
{
	struct strays *s = calloc(1, sizeof(*s));

	if (s)
		s->watch = w;
	return s;
}

static void drop_host(struct stray *e)
{
	if (e->host)
		watched_close(e->host);
	free(e->host);
	e->host = NULL;
}

void strays_free(struct strays *s)
{
	if (!s)
		return;
	while (s->n)
		drop_host(&s->list[--s->n]);
	free(s->list);
	free(s);
}

/* ---- who is there ---- */

/* False: it is gone. old: who had that number; NULL: nobody. What has executed something is another
 * one. */
static bool look_at(struct stray *e, pid_t pid, struct stray *old, uint64_t now_ns)
{
	struct proc_stat stat;
	bool same;

	if (proc_stat_read(pid, &stat))
		return false;
	same = old && old->stat.started == stat.started && old->stat.code == stat.code &&
	       old->stat.stack == stat.stack;
	if (same) {
		*e = *old;
		old->host = NULL;
	} else {
		*e = (struct stray){.pid = pid, .first_ns = now_ns};
	}
	e->stat = stat;
	e->due = same && now_ns - e->first_ns >= OLD_NS;
	return true;
}

static void look(struct strays *s, uint64_t now_ns)
{
	struct stray *list = NULL;
	size_t n = 0, i, at = 0, kept = 0;
	pid_t *pids = NULL;

	if (!descendants_list(&pids, &n))
		list = calloc(n + 1, sizeof(*list));
	for (i = 0; list && i < n; i++) {
		while (at < s->n && s->list[at].pid < pids[i])
			at++;
		kept += look_at(&list[kept], pids[i],
				at < s->n && s->list[at].pid == pids[i] ? &s->list[at] : NULL,
				now_ns);
	}
	free(pids);
	if (!list)
		return; /* no memory */
	for (i = 0; i < s->n; i++)
		drop_host(&s->list[i]);
	free(s->list);
	s->list = list;
	s->n = kept;
}

/* ---- what it is ---- */

static bool runs(const struct watched *t, const struct stray *e)
{
	const struct proc_stat of = {.code = t->process.code, .stack = t->process.stack};

	return proc_stat_same_layout(&of, &e->stat);
}

/* Or was, until that was given up: which is said. */
static bool is_watched(const struct strays *s, const struct stray *e)
{
	const struct watch *w = s->watch;
	size_t i;

	for (i = 0; i < w->ntargets; i++)
		if (w->targets[i]->process.pid == e->pid &&
		    (!w->targets[i]->ended || (!w->targets[i]->replaced && runs(w->targets[i], e))))
			return true;
	/* what is loaded there is somebody else's affair */
	return w->command->process.pid == e->pid && !w->command_listed;
}

static bool is_parent(const struct strays *s, const struct stray *e)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (s->list[i].pid == e->stat.parent)
			return proc_stat_same_layout(&s->list[i].stat, &e->stat);
	return false;
}

/* The target, an ended one maybe, that it is a copy of, or of whose copies it is one; 0: of none. */
static pid_t copied_target(const struct strays *s, const struct stray *e)
{
	const struct watch *w = s->watch;
	size_t i;

	for (i = 0; i < w->ntargets; i++)
		if (w->targets[i]->process.pid != e->pid && runs(w->targets[i], e))
			return w->targets[i]->process.pid;
	return 0;
}

static void note(const struct strays *s, const struct watched *t, const char *why)
{
	if (t->forked_from)
		follow_note_forked(s->watch->follow);
	follow_note(s->watch->follow, t->process.pid, t->process.exe, why,
		    (why ? watch_now() : t->began_ns) - s->watch->start_ns);
}

/* Why a copy of a Go program is not watched. */
static void note_failure(const struct strays *s, const struct watched *t, int r,
			 const struct err *err)
{
	const char *why = err->text[0] ? err->text : err_name(r);

	if (r == -ESRCH || process_ends_within(&t->process, 0)) {
		note(s, t, "it ended while it was attached to");
		return;
	}
	log_warn("process %d (%s), which was forked, is not watched: %s", (int)t->process.pid,
		 t->process.exe, why);
	note(s, t, why);
}

/* A copy of a Go program. True: it is one, whatever has become of it. */
static bool join_program(const struct strays *s, struct watched *t)
{
	struct err err = {};
	int r = watched_open(t, &err);

	if (r == -ENOEXEC && !t->bin && watched_is_foreign(t))
		return false;
	if (!r && follow_is_tool(t->bin))
		return true; /* its parent is counted */
	if (!r)
		r = watch_join(s->watch, t, &err);
	if (r)
		note_failure(s, t, r, &err);
	else
		note(s, t, NULL);
	if (r)
		watched_reset(t);
	return true;
}

/* Those that it has loaded since it was looked at last. */
static void join_libraries(const struct strays *s, struct stray *e, struct watched *t)
{
	watch_find_libraries(s->watch, t, true);
	if (t->bin) {
		note(s, t, NULL);
	} else if (t->plugins_unwatched) {
		e->told = true;
		note(s, t, "the Go library that it has loaded cannot be watched");
	}
}

/* Its own program, once. */
static int open_host(struct strays *s, struct stray *e)
{
	struct watched *t = calloc(1, sizeof(*t));
	struct err err = {};
	int r;

	if (!t)
		return -ENOMEM;
	t->process.pidfd = -1;
	r = process_open(&t->process, e->pid, &err);
	if (r) {
		free(t);
		return r;
	}
	t->forked_from = is_parent(s, e) ? e->stat.parent : copied_target(s, e);
	e->host = t;
	return 0;
}

/* The host, as the last of the targets, is what it was found to be. */
static void judge(struct strays *s, struct stray *e)
{
	struct watch *w = s->watch;
	bool first = !e->host, go;
	struct err ignored = {};
	struct watched *t;

	if (first && open_host(s, e))
		return; /* it is gone, or the next look tells */
	t = e->host;
	go = first && !watched_files_may_be_go(t->process.exe_path, &ignored);
	/* one that has executed its program is, or was, somebody else's affair */
	e->told = go && !t->forked_from;
	if (w->ntargets + !w->command_listed >= w->room) {
		if (go && !e->told) /* others may have loaded something, or not */
			note(s, t, "too many were started");
		e->told = true;
		drop_host(e);
		return;
	}
	w->targets[w->ntargets++] = t;
	if (go && !e->told)
		e->told = join_program(s, t);
	if (!e->told)
		join_libraries(s, e, t);
	if (t->started)
		e->host = NULL; /* the watch's */
	else
		w->ntargets--;
	e->told |= t->started;
	if (e->told)
		drop_host(e);
}

static bool is_turn(struct stray *e)
{
	unsigned int turn = ++e->turns;

	return !(turn & (turn - 1)) || turn % TURNS == 0;
}

void strays_step(struct strays *s)
{
	uint64_t began = watch_now();
	size_t i;

	if (!s)
		return;
	if (began >= s->due_ns) {
		look(s, began);
		s->due_ns = watch_now();
		s->due_ns += SHARE * (s->due_ns - began) > LOOK_NS ? SHARE * (s->due_ns - began)
								   : LOOK_NS;
	}
	for (i = 0; i < s->n && watch_now() - began < STEP_NS; i++) {
		struct stray *e = &s->list[i];

		if (!e->due)
			continue;
		e->due = false;
		if (e->told || is_watched(s, e) || !is_turn(e) ||
		    follow_is_on_its_way(s->watch->follow, e->pid) ||
		    descendant_is_on_its_way(e->pid, e->stat.parent))
			continue;
		judge(s, e);
	}
}

bool strays_may_come(const struct strays *s)
{
	size_t i;

	for (i = 0; s && i < s->n; i++)
		if (!s->list[i].told && !s->list[i].host && !is_watched(s, &s->list[i]) &&
		    copied_target(s, &s->list[i]))
			return true;
	return false;
}
