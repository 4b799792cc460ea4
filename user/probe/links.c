/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "probe/links.h"

#include <errno.h>

enum which { EVERY_SITE, STEADY_SITES, WINDOW_SITES };

static int failed(struct err *err, int r, const char *what)
{
	if (r == -ENOENT || r == -ESRCH)
		err_hint(err, "the process may have ended meanwhile");
	else
		err_hint(err, "`maprace doctor` tells what this kernel allows");
	return err_set(err, r, "cannot place probes (%s): %s", what, err_name(r));
}

static void drop(struct bpf_link **link)
{
	bpf_link__destroy(*link);
	*link = NULL;
}

static int place_many(const struct links *l, struct bpf_program *prog, const unsigned long *offsets,
		      size_t n, struct bpf_link **out, struct err *err)
{
	LIBBPF_OPTS(bpf_uprobe_multi_opts, opts, .offsets = offsets, .cnt = n);

	if (!n)
		return 0;
	*out = bpf_program__attach_uprobe_multi(prog, l->pid, l->path, NULL, &opts);
	return *out ? 0 : failed(err, -errno, "uprobe-multi");
}

static int place_one(const struct links *l, struct bpf_program *prog, unsigned long offset,
		     struct bpf_link **out, struct err *err)
{
	*out = bpf_program__attach_uprobe(prog, false, l->pid, l->path, offset);
	return *out ? 0 : failed(err, -errno, "perf event");
}

static bool wanted(const struct links *l, uint32_t slot, enum which which)
{
	return l->offsets[slot] &&
	       (which == EVERY_SITE || l->cycled[slot] == (which == WINDOW_SITES));
}

static int place_multi(const struct links *l, enum which which, struct bpf_link **out,
		       struct err *err)
{
	unsigned long offsets[MR_SITE_SLOTS];
	uint32_t slot, n = 0;

	for (slot = 0; slot < MR_SITE_SLOTS; slot++)
		if (wanted(l, slot, which))
			offsets[n++] = l->offsets[slot];
	return place_many(l, l->op, offsets, n, out, err);
}

static int place_single(struct links *l, enum which which, struct err *err)
{
	uint32_t slot;
	int r = 0;

	for (slot = 0; slot < MR_SITE_SLOTS && !r; slot++)
		if (wanted(l, slot, which) && !l->sites[slot])
			r = place_one(l, l->op, l->offsets[slot], &l->sites[slot], err);
	return r;
}

int links_place(struct links *l, struct err *err)
{
	int r = l->multi ? place_multi(l, EVERY_SITE, &l->steady, err)
			 : place_single(l, EVERY_SITE, err);

	if (!r && l->fatal_offset)
		r = l->multi ? place_many(l, l->dies, &l->fatal_offset, 1, &l->fatal, err)
			     : place_one(l, l->dies, l->fatal_offset, &l->fatal, err);
	if (r)
		links_drop(l);
	return r;
}

int links_open(struct links *l, struct err *err)
{
	return l->multi ? place_multi(l, WINDOW_SITES, &l->window, err)
			: place_single(l, WINDOW_SITES, err);
}

int links_close(struct links *l, const bool *cycled, struct err *err)
{
	bool same = true;
	uint32_t slot;

	for (slot = 0; slot < MR_SITE_SLOTS; slot++) {
		same = same && l->cycled[slot] == cycled[slot];
		l->cycled[slot] = cycled[slot];
		if (cycled[slot])
			drop(&l->sites[slot]);
	}
	if (!l->multi)
		return place_single(l, STEADY_SITES, err);
	drop(&l->window);
	if (same)
		return 0;
	/* Those that stay are out of place for some 50 ms, once: the hot ones must go first. */
	drop(&l->steady);
	return place_multi(l, STEADY_SITES, &l->steady, err);
}

void links_drop(struct links *l)
{
	uint32_t slot;

	for (slot = 0; slot < MR_SITE_SLOTS; slot++)
		drop(&l->sites[slot]);
	drop(&l->steady);
	drop(&l->window);
	drop(&l->fatal);
}
