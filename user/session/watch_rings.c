/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "session/watch_rings.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "session/watch.h"

/* A target chooses how much work its events are: so much at a time, and so much at its end. */
#define DRAIN_NS 10000000ull
#define LAST_DRAIN_NS 3000000000ull
/* All targets of an engine share a ring, and each comes to read it at its own steps. */
#define DRAIN_PAUSE_NS 2000000ull

struct ring {
	struct ring *next;
	struct rings *all;
	int fd; /* which engine's */
	struct ring_buffer *buffers;
	struct event *event;
	uint64_t drain_until_ns;
	uint64_t drained_ns; /* when it was read last */
	bool last_drain;     /* what there is no time for is counted */
};

static void fail(struct rings *all, int error)
{
	log_error("out of memory");
	all->error = error;
	event_base_loopbreak(all->base);
}

static bool drained_enough(const struct ring *ring)
{
	return watch_now() >= ring->drain_until_ns;
}

/* Whose event it is. NULL: of nobody that is watched still. */
static struct watched *target_of(const struct ring *ring, const struct mr_event_header *h,
				 size_t size)
{
	const struct watch *w = ring->all->watch;
	size_t i;

	for (i = 0; size >= sizeof(*h) && i < w->ntargets; i++) {
		const struct attachment *a = w->targets[i]->attachment;

		if (a && attachment_tag(a) == h->tag && attachment_events_fd(a) == ring->fd)
			return w->targets[i];
	}
	return NULL;
}

struct tracking {
	struct watch *watch;
	struct watched *target;
	const void *data;
	size_t size;
};

static int track(void *arg)
{
	const struct tracking *k = arg;

	return tracker_event(k->watch->tracker, &k->target->source, k->data, k->size);
}

/* Nobody looks at it; who counts is told. */
static int tell_death(struct watch *w, struct watched *t, const struct mr_event_fatal *e,
		      struct tracking *k)
{
	int r = track(k);

	if (!t->looked_at && tracker_is_death(e) && w->hooks && w->hooks->death)
		w->hooks->death(w->hooks_ctx, t, e);
	t->looked_at = true;
	return r;
}

/* A process that dies is looked at first, and let go whatever comes of it. Its memory is there
 * until then, also for the event's names. */
static int track_event(struct watch *w, struct watched *t, const void *data, size_t size)
{
	struct tracking k = {w, t, data, size};
	uint32_t kind = ((const struct mr_event_header *)data)->kind;
	struct mr_event_fatal fatal;
	int r;

	if (kind == MR_EVENT_PANIC && w->panics)
		return panics_event(w->panics, &t->source, data, size);
	if (size != sizeof(fatal) || (kind != MR_EVENT_FATAL && kind != MR_EVENT_DEATH) ||
	    !w->attach.deaths || t->library)
		return track(&k);
	memcpy(&fatal, data, sizeof(fatal));
	k.data = &fatal;
	if (!w->attach.max_freeze_ns)
		return tell_death(w, t, &fatal, &k);
	if (t->ended)
		return track(&k);
	r = post_mortem_take(w, t, &fatal, track, &k);
	if (r == -ECANCELED)
		_exit(1); /* as freeze_look() asks for */
	return r;
}

static int on_event(void *ctx, void *data, size_t size)
{
	struct ring *ring = ctx;
	const struct mr_event_header *h = data;
	struct watched *t = target_of(ring, h, size);
	struct watch *w = ring->all->watch;
	int r;

	if (!t) {
		w->events_of_nobody++;
		return 0;
	}
	if (size >= sizeof(struct mr_event_call) && h->kind == MR_EVENT_CALL) {
		attachment_want_call(t->attachment, data);
		return 0;
	}
	if (size >= sizeof(struct mr_event_near) && h->kind == MR_EVENT_NEAR) {
		watch_state_event(w, t, data);
		return 0;
	}

	if (ring->last_drain && drained_enough(ring)) {
		tracker_skip(&t->source);
		return 0;
	}
	r = track_event(w, t, data, size);
	if (r) {
		fail(ring->all, r);
		return 0;
	}
	if (w->options->halt_on_race && tracker_races(w->tracker)) {
		ring->all->enough = true;
		event_base_loopbreak(ring->all->base);
	}
	return !ring->last_drain && drained_enough(ring) ? -EAGAIN
							 : 0; /* the rest at the next step */
}

static int on_growth(void *ctx, void *data, size_t size)
{
	struct ring *ring = ctx;
	struct watched *t = target_of(ring, data, size);
	struct watch *w = ring->all->watch;
	int r = 0;

	if (t)
		r = growths_event(w->growths, &t->source, data, size);
	else
		w->events_of_nobody++;
	if (r)
		fail(ring->all, r);
	return 0;
}

static bool drain(struct ring *ring, uint64_t for_ns)
{
	bool all;

	ring->drained_ns = watch_now();
	ring->drain_until_ns = ring->drained_ns + for_ns;
	all = ring_buffer__consume(ring->buffers) != -EAGAIN;
	if (all)
		event_add(ring->event, NULL);
	else
		event_del(ring->event); /* it would call us again at once */
	ring->drained_ns = watch_now();
	return all;
}

bool rings_drain(struct ring *ring)
{
	return drain(ring, DRAIN_NS);
}

void rings_drain_if_due(struct ring *ring)
{
	if (watch_now() - ring->drained_ns >= DRAIN_PAUSE_NS)
		(void)drain(ring, DRAIN_NS);
}

/* Many may end at one time: the first ones do not make those wait that go on. */
void rings_drain_at_end(struct ring *ring)
{
	struct rings *all = ring->all;
	uint64_t now = watch_now();

	if (now > all->end_until_ns + LAST_DRAIN_NS)
		all->end_until_ns = now + LAST_DRAIN_NS;
	(void)drain(ring, all->end_until_ns > now + DRAIN_NS ? all->end_until_ns - now : DRAIN_NS);
}

void rings_drain_last(struct rings *all)
{
	struct ring *ring;

	for (ring = all->first; ring; ring = ring->next) {
		ring->last_drain = true;
		ring->drain_until_ns = watch_now() + LAST_DRAIN_NS;
		ring_buffer__consume(ring->buffers);
	}
}

static void on_ring(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	(void)rings_drain(ctx);
}

static void free_ring(struct ring *ring)
{
	if (ring->event)
		event_free(ring->event);
	ring_buffer__free(ring->buffers);
	free(ring);
}

static int open_ring(struct ring *ring, const struct watched *t)
{
	int growths = attachment_growths_fd(t->attachment);

	ring->buffers = ring_buffer__new(ring->fd, on_event, ring, NULL);
	if (!ring->buffers)
		return -errno;
	if (growths >= 0 && ring_buffer__add(ring->buffers, growths, on_growth, ring))
		return -errno;
	ring->event = event_new(ring->all->base, ring_buffer__epoll_fd(ring->buffers),
				EV_READ | EV_PERSIST, on_ring, ring);
	return ring->event && !event_add(ring->event, NULL) ? 0 : -ENOMEM;
}

int rings_find(struct rings *all, const struct watched *t, struct ring **out)
{
	int fd = attachment_events_fd(t->attachment);
	struct ring *ring;
	int r;

	for (ring = all->first; ring; ring = ring->next)
		if (ring->fd == fd) {
			*out = ring;
			return 0;
		}
	ring = calloc(1, sizeof(*ring));
	if (!ring)
		return -ENOMEM;
	ring->all = all;
	ring->fd = fd;
	r = open_ring(ring, t);
	if (r) {
		free_ring(ring);
		return r;
	}
	ring->next = all->first;
	all->first = ring;
	*out = ring;
	return 0;
}

void rings_close(struct rings *all)
{
	while (all->first) {
		struct ring *ring = all->first;

		all->first = ring->next;
		free_ring(ring);
	}
}
