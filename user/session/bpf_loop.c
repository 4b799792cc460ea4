/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The wheel of `maprace bpf`: the ring buffer, time and signals, on libevent. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>

#include "base/log.h"
#include "session/bpf_watch.h"
#include "session/watch.h"

#define TICK_US 250000
#define REPORT_DELAY_NS                                                                          \
	1000000000ull /* a finding is told this long after its first sighting, so that its count \
			 says something */
#define TOP_EVERY 4   /* ticks */
#define SIGNALS 4

struct wheel {
	struct bpf_watch *watch;
	struct event_base *base;
	struct ring_buffer *ring;
	struct event *ring_event, *signals[SIGNALS], *tick;
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
	struct wheel *l = ctx;

	l->error = findings_event(l->watch->findings, data, size);
	return l->error;
}

static void on_ring(evutil_socket_t fd, short what, void *ctx)
{
	struct wheel *l = ctx;

	(void)fd;
	(void)what;
	ring_buffer__consume(l->ring);
	if (!l->error && findings_wants_programs(l->watch->findings))
		l->error = bpf_watch_programs(l->watch);
	if (l->error)
		event_base_loopbreak(l->base);
}

static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
	struct wheel *l = ctx;
	struct bpf_watch *w = l->watch;

	(void)fd;
	(void)what;
	l->error = bpf_watch_programs(w);
	if (!l->error)
		l->error = kernel_maps_refresh(&w->maps);
	if (!l->error)
		l->error = findings_refresh(w->findings, map_attachment_findings(w->attachment));
	if (!l->error)
		l->error = bpf_join_look(w);
	bpf_print_findings(w, REPORT_DELAY_NS);
	bpf_record(w);
	if (w->options->top && ++l->ticks % TOP_EVERY == 0)
		bpf_print_top(w);
	if (l->error || w->failed ||
	    (w->options->duration_ns && bpf_watched_ns(w) >= w->options->duration_ns))
		event_base_loopbreak(l->base);
}

static void on_signal(evutil_socket_t sig, short what, void *ctx)
{
	struct wheel *l = ctx;

	(void)what;
	if (sig != SIGUSR1) {
		event_base_loopbreak(l->base);
		return;
	}
	if (!l->watch->options->out.n && !l->watch->recorder)
		log_warn("SIGUSR1 asks for the report, but there is no -o FILE");
	bpf_write_output(l->watch);
}

static int set_up(struct wheel *l)
{
	static const int wanted[SIGNALS] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1};
	struct timeval tick = {.tv_usec = TICK_US};
	size_t i;

	l->base = event_base_new();
	if (!l->base)
		return -ENOMEM;
	l->ring =
		ring_buffer__new(map_attachment_events_fd(l->watch->attachment), on_event, l, NULL);
	if (!l->ring)
		return -errno;
	l->ring_event = event_new(l->base, ring_buffer__epoll_fd(l->ring), EV_READ | EV_PERSIST,
				  on_ring, l);
	if (!l->ring_event || event_add(l->ring_event, NULL))
		return -ENOMEM;
	for (i = 0; i < SIGNALS; i++) {
		l->signals[i] = evsignal_new(l->base, wanted[i], on_signal, l);
		if (!l->signals[i] || event_add(l->signals[i], NULL))
			return -ENOMEM;
	}
	l->tick = event_new(l->base, -1, EV_PERSIST, on_tick, l);
	return l->tick && !event_add(l->tick, &tick) ? 0 : -ENOMEM;
}

static void take_down(struct wheel *l)
{
	size_t i;

	if (l->ring_event)
		event_free(l->ring_event);
	ring_buffer__free(l->ring);
	for (i = 0; i < SIGNALS; i++)
		if (l->signals[i])
			event_free(l->signals[i]);
	if (l->tick)
		event_free(l->tick);
	if (l->base)
		event_base_free(l->base);
}

int bpf_watch_loop(struct bpf_watch *w)
{
	struct wheel l = {.watch = w};
	int r = set_up(&l);

	if (r) {
		log_error("cannot set up the event loop: %s", err_name(r));
	} else {
		if (event_base_dispatch(l.base) < 0)
			l.error = -EIO;
		w->end_ns = watch_now();
		map_attachment_detach(w->attachment);
		ring_buffer__consume(l.ring);
		r = l.error;
	}
	take_down(&l);
	return r;
}
