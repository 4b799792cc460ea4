/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The event loop of `maprace bpf`: the ring buffer beside what every session has. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <event2/event.h>

#include "base/log.h"
#include "session/bpf_watch.h"
#include "session/loop.h"
#include "session/outputs.h"
#include "session/watch.h"

#define TOP_EVERY 4 /* ticks */

struct bpf_loop_state {
	struct bpf_watch *watch;
	struct session_loop session;
	struct ring_buffer *ring;
	struct event *ring_event;
	uint64_t ticks;
	int error;
};

int bpf_watch_programs(struct bpf_watch *w)
{
	bool changed;
	int r = programs_refresh(&w->programs, &changed);

	if (!r && changed)
		w->programs_dropped +=
			programs_publish(&w->programs, map_attachment_chunks(w->attachment));
	return r;
}

static int on_event(void *ctx, void *data, size_t size)
{
	struct bpf_loop_state *l = ctx;

	l->error = findings_event(l->watch->findings, data, size);
	return l->error;
}

static void on_ring(evutil_socket_t fd, short what, void *ctx)
{
	struct bpf_loop_state *l = ctx;

	(void)fd;
	(void)what;
	ring_buffer__consume(l->ring);
	if (!l->error && findings_wants_programs(l->watch->findings))
		l->error = bpf_watch_programs(l->watch);
	if (l->error)
		event_base_loopbreak(l->session.base);
}

static void on_tick(void *ctx)
{
	struct bpf_loop_state *l = ctx;
	struct bpf_watch *w = l->watch;

	l->error = bpf_watch_programs(w);
	if (!l->error)
		l->error = kernel_maps_refresh(&w->maps);
	if (!l->error)
		l->error = findings_refresh(w->findings, map_attachment_findings(w->attachment));
	if (!l->error)
		l->error = bpf_join_look(w);
	bpf_print_findings(w, SESSION_REPORT_DELAY_NS);
	bpf_record(w);
	if (w->options->top && ++l->ticks % TOP_EVERY == 0)
		bpf_print_top(w);
	if (l->error || w->failed ||
	    (w->options->duration_ns && bpf_watched_ns(w) >= w->options->duration_ns))
		event_base_loopbreak(l->session.base);
}

static void on_report(void *ctx)
{
	struct bpf_loop_state *l = ctx;

	outputs_are_asked_for(&l->watch->options->out, l->watch->recorder);
	bpf_write_output(l->watch);
}

static void on_stop(void *ctx)
{
	struct bpf_loop_state *l = ctx;

	event_base_loopbreak(l->session.base);
}

static int set_up(struct bpf_loop_state *l)
{
	static const struct session_use use = {
		.tick = on_tick, .report = on_report, .stop = on_stop};
	int r = session_loop_begin(&l->session, &use, l);

	if (r)
		return r;
	l->ring =
		ring_buffer__new(map_attachment_events_fd(l->watch->attachment), on_event, l, NULL);
	if (!l->ring)
		return -errno;
	l->ring_event = event_new(l->session.base, ring_buffer__epoll_fd(l->ring),
				  EV_READ | EV_PERSIST, on_ring, l);
	return l->ring_event && !event_add(l->ring_event, NULL) ? 0 : -ENOMEM;
}

static void take_down(struct bpf_loop_state *l)
{
	if (l->ring_event)
		event_free(l->ring_event);
	ring_buffer__free(l->ring);
	session_loop_end(&l->session);
}

int bpf_watch_loop(struct bpf_watch *w)
{
	struct bpf_loop_state l = {.watch = w};
	int r = set_up(&l);

	if (r) {
		log_error("cannot set up the event loop: %s", err_name(r));
	} else {
		r = session_loop_run(&l.session);
		w->end_ns = watch_now();
		map_attachment_detach(w->attachment);
		ring_buffer__consume(l.ring);
		r = r ? r : l.error;
	}
	take_down(&l);
	return r;
}
