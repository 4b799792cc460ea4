/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "probe/execs.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "execs.skel.h"

struct execs {
	struct execs_bpf *skel;
	struct ring_buffer *ring;
	void (*each)(void *ctx, const struct execs_event *e);
	void *ctx;
};

static int on_event(void *ctx, void *data, size_t size)
{
	const struct execs *x = ctx;

	if (size >= sizeof(struct execs_event))
		x->each(x->ctx, data);
	return 0;
}

static int start(struct execs *x, struct err *err)
{
	struct stat ns;
	int r;

	if (stat("/proc/self/ns/pid", &ns))
		return err_set(err, -errno, "/proc/self/ns/pid: %s", err_name(errno));
	x->skel = execs_bpf__open();
	if (!x->skel)
		return err_set(err, -errno, "the BPF program that sees what is executed: %s",
			       err_name(errno));
	*(__u32 *)&x->skel->rodata->own_pidns = (__u32)ns.st_ino;
	r = execs_bpf__load(x->skel);
	if (!r)
		r = execs_bpf__attach(x->skel);
	if (r)
		return err_set(err, r, "the tracepoint sched_process_exec: %s", err_name(r));
	x->ring = ring_buffer__new(bpf_map__fd(x->skel->maps.events), on_event, x, NULL);
	return x->ring ? 0 : err_set(err, -errno, "a ring buffer: %s", err_name(errno));
}

int execs_open(struct execs **out, struct err *err)
{
	struct execs *x = calloc(1, sizeof(*x));
	int r = x ? start(x, err) : -ENOMEM;

	if (r) {
		execs_close(x);
		return r;
	}
	*out = x;
	return 0;
}

int execs_fd(const struct execs *x)
{
	return ring_buffer__epoll_fd(x->ring);
}

int execs_read(struct execs *x, void (*each)(void *ctx, const struct execs_event *e), void *ctx)
{
	int r;

	x->each = each;
	x->ctx = ctx;
	r = ring_buffer__consume(x->ring);
	return r < 0 ? r : 0;
}

uint64_t execs_lost(const struct execs *x)
{
	return __atomic_load_n(&x->skel->bss->lost, __ATOMIC_RELAXED);
}

void execs_close(struct execs *x)
{
	if (!x)
		return;
	ring_buffer__free(x->ring);
	execs_bpf__destroy(x->skel);
	free(x);
}
