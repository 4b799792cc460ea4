/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Who comes while the loop of `maprace watch` turns. */
#include <errno.h>

#include "session/watch_loop.h"

/* Executions are read so long after the first one: many come together. */
#define GATHER_US 10000

/* ---- what the command starts ---- */

static void end_earlier_program(struct loop *l, pid_t pid)
{
	size_t i;

	for (i = 0; i < l->watch->ntargets; i++)
		if (l->watch->targets[i]->process.pid == pid && l->sources[i])
			loop_replace_target(l->sources[i]);
}

/*
 * The process is about to run the file of a target that it was before, which has been written to
 * since: whatever is left of the target's probes would go into the midst of other instructions. The
 * kernel finds them by the file, and by the task, which is the same.
 */
static void before_execve(void *ctx, pid_t pid, const struct file_version *file)
{
	struct loop *l = ctx;
	size_t i;

	for (i = 0; i < l->watch->ntargets; i++) {
		struct watched *t = l->watch->targets[i];

		if (t->process.pid != pid || t->ended || !t->bin || !l->sources[i] ||
		    t->process.exe_dev != file->dev || t->process.exe_ino != file->ino ||
		    elf_file_is_unwritten(go_binary_elf(t->bin)))
			continue;
		loop_replace_target(l->sources[i]);
		watched_wait(t);
	}
}

static void join_process(struct loop *l, struct followed *one)
{
	struct watch *w = l->watch;
	struct watched *t;

	end_earlier_program(l, one->pid);
	t = watch_join_process(w, one);
	if (t)
		loop_add_target(l, w->ntargets - 1);
	follow_let_go(one);
	if (t)
		t->process.stopped = false;
}

static void on_follow(evutil_socket_t fd, short what, void *ctx)
{
	static const struct timeval soon = {.tv_usec = 1000};
	struct loop *l = ctx;
	struct watch *w = l->watch;
	struct followed one;

	(void)fd;
	(void)what;
	while (!loop_is_over(l) && follow_next(w->follow, watch_now() - w->start_ns, &one))
		join_process(l, &one);
	if (follow_waits(w->follow))
		event_add(l->follow_again, &soon);
	if (follow_is_lost(w->follow))
		event_del(l->follow);
	loop_stop_if_all_ended(l);
}

int loop_expect_followed(struct loop *l)
{
	follow_set_before(l->watch->follow, before_execve, l);
	l->follow =
		event_new(l->base, follow_fd(l->watch->follow), EV_READ | EV_PERSIST, on_follow, l);
	l->follow_again = event_new(l->base, -1, 0, on_follow, l);
	return !l->follow || !l->follow_again || event_add(l->follow, NULL) ? -ENOMEM : 0;
}

void loop_look_for_strays(struct loop *l)
{
	size_t i = l->watch->ntargets;

	strays_step(l->watch->strays);
	for (; i < l->watch->ntargets && !l->error; i++)
		loop_add_target(l, i);
}

/* ---- what comes on the host ---- */

static void join_host(struct loop *l, const struct census_one *one)
{
	struct watch *w = l->watch;

	end_earlier_program(l, one->pid);
	if (watch_join_host(w, one))
		loop_add_target(l, w->ntargets - 1);
}

static void wait_for_turns(struct loop *l)
{
	struct watch *w = l->watch;
	uint64_t ns = census_wait(w->census, watch_now(), watch_host_places(w));
	struct timeval until = {.tv_sec = (time_t)(ns / 1000000000u),
				.tv_usec = (suseconds_t)(ns % 1000000000u / 1000)};

	if (ns != UINT64_MAX)
		event_add(l->census_again, &until);
}

/* One at a time: those that are watched are not kept waiting. */
static void on_turn(evutil_socket_t fd, short what, void *ctx)
{
	struct loop *l = ctx;
	struct watch *w = l->watch;
	struct census_one one;

	(void)fd;
	(void)what;
	census_read(w->census);
	if (census_next(w->census, watch_now(), watch_host_places(w), &one))
		join_host(l, &one);
	if (l->census)
		event_add(l->census, NULL);
	wait_for_turns(l);
}

static void on_executions(evutil_socket_t fd, short what, void *ctx)
{
	static const struct timeval soon = {.tv_usec = GATHER_US};
	struct loop *l = ctx;

	(void)fd;
	(void)what;
	event_add(l->census_again, &soon);
}

int loop_expect_host(struct loop *l)
{
	static const struct timeval now = {};
	int fd = census_fd(l->watch->census);

	l->census_again = event_new(l->base, -1, 0, on_turn, l);
	if (!l->census_again || event_add(l->census_again, &now))
		return -ENOMEM;
	if (fd < 0)
		return 0;
	l->census = event_new(l->base, fd, EV_READ, on_executions, l);
	return !l->census || event_add(l->census, NULL) ? -ENOMEM : 0;
}

void loop_look_at_host(struct loop *l)
{
	if (!l->watch->census)
		return;
	census_look(l->watch->census, watch_now());
	if (!event_pending(l->census_again, EV_TIMEOUT, NULL))
		wait_for_turns(l);
}
