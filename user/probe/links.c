/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "probe/links.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/open_file.h"

enum which { STEADY_SITES, WINDOW_SITES };

static int failed(struct err *err, int r, const char *what)
{
	if (r == -ENOENT || r == -ESRCH)
		err_hint(err, "the process may have ended meanwhile");
	else
		err_hint(err, "`maprace doctor` tells what this kernel allows");
	return err_set(err, r, "cannot place probes (%s): %s", what, err_name(r));
}

/* Links that are to go together. */
struct trash {
	struct bpf_link **links;
	size_t count, room, next;
};

static _Thread_local struct trash *trash; /* NULL: each goes at once */

static bool throw_away(struct bpf_link *link)
{
	struct bpf_link **grown;
	size_t room;

	if (!trash)
		return false;
	if (trash->count == trash->room) {
		room = trash->room ? 2 * trash->room : 64;
		grown = realloc(trash->links, room * sizeof(struct bpf_link *));
		if (!grown)
			return false;
		trash->links = grown;
		trash->room = room;
	}
	trash->links[trash->count++] = link;
	return true;
}

static void drop(struct bpf_link **link)
{
	if (*link && !throw_away(*link))
		bpf_link__destroy(*link);
	*link = NULL;
}

static void *sweep(void *arg)
{
	struct trash *t = arg;
	size_t i;

	while ((i = __atomic_fetch_add(&t->next, 1, __ATOMIC_RELAXED)) < t->count)
		bpf_link__destroy(t->links[i]);
	return NULL;
}

#define SWEEPERS 64
#define SWEEPER_STACK (64u << 10)

static void empty(struct trash *t)
{
	pthread_t sweepers[SWEEPERS];
	pthread_attr_t attr;
	size_t n = 0;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, SWEEPER_STACK);
	while (n < SWEEPERS && n + 1 < t->count && !pthread_create(&sweepers[n], &attr, sweep, t))
		n++;
	pthread_attr_destroy(&attr);
	sweep(t);
	while (n)
		pthread_join(sweepers[--n], NULL);
	free(t->links);
}

#define FD_PATH 32

static const char *path_of(const struct links_file *f, char path[FD_PATH])
{
	snprintf(path, FD_PATH, "/proc/self/fd/%d", f->fd);
	return path;
}

#define INSN_BYTES 16 /* that the kernel copies from the file: they may lie in two pages */

static void read_in(const struct links_file *f, unsigned long offset)
{
	uint8_t insn[INSN_BYTES];

	if (offset)
		(void)!pread(f->fd, insn, sizeof(insn), (off_t)offset);
}

void links_read(const struct links *l)
{
	size_t i, file;
	int which;

	for (i = 0; i < MR_SITE_SLOTS; i++)
		read_in(&l->files[l->file[i]], l->offsets[i]);
	for (i = 0; i < l->ncalls; i++)
		read_in(&l->files[l->calls[i].file], l->calls[i].offset);
	for (file = 0; file < l->nfiles; file++)
		for (which = 0; which < LINKS_LASTING; which++)
			read_in(&l->files[file], l->files[file].lasting_offsets[which]);
}

static bool is_call(const struct links *l, const struct links_call *c)
{
	return c->file < l->nfiles && c->slot < MR_SITE_SLOTS;
}

void links_read_calls(const struct links *l, const struct links_calls *change)
{
	size_t i;

	for (i = 0; i < change->nmore && i < 32; i++)
		if (is_call(l, &change->more[i]))
			read_in(&l->files[change->more[i].file], change->more[i].offset);
}

static int place_many(const struct links *l, const struct links_file *f, struct bpf_program *prog,
		      const unsigned long *offsets, size_t n, struct bpf_link **out,
		      struct err *err)
{
	LIBBPF_OPTS(bpf_uprobe_multi_opts, opts, .offsets = offsets, .cnt = n);
	char path[FD_PATH];

	if (!n)
		return 0;
	*out = bpf_program__attach_uprobe_multi(prog, l->pid, path_of(f, path), NULL, &opts);
	return *out ? 0 : failed(err, -errno, "uprobe-multi");
}

static int place_one(const struct links *l, const struct links_file *f, struct bpf_program *prog,
		     unsigned long offset, struct bpf_link **out, struct err *err)
{
	char path[FD_PATH];

	*out = bpf_program__attach_uprobe(prog, false, l->pid, path_of(f, path), offset);
	return *out ? 0 : failed(err, -errno, "perf event");
}

static bool wanted(const struct links *l, uint32_t slot, enum which which)
{
	return l->offsets[slot] && l->program[slot] < LINKS_PROGRAMS &&
	       l->cycled[slot] == (which == WINDOW_SITES);
}

static int place_multi(struct links *l, size_t file, enum which which, struct err *err)
{
	struct links_file *f = &l->files[file];
	struct bpf_link **out = which == WINDOW_SITES ? f->window : f->steady;
	unsigned long offsets[MR_SITE_SLOTS];
	uint32_t slot, n;
	int program, r = 0;

	for (program = 0; program < LINKS_PROGRAMS && !r; program++) {
		n = 0;
		for (slot = 0; slot < MR_SITE_SLOTS && !out[program]; slot++)
			if (l->file[slot] == file && l->program[slot] == program &&
			    wanted(l, slot, which))
				offsets[n++] = l->offsets[slot];
		r = place_many(l, f, l->at_sites[program], offsets, n, &out[program], err);
	}
	return r;
}

static int place_single(struct links *l, size_t file, enum which which, struct err *err)
{
	uint32_t slot;
	int r = 0;

	for (slot = 0; slot < MR_SITE_SLOTS && !r; slot++)
		if (l->file[slot] == file && wanted(l, slot, which) && !l->sites[slot])
			r = place_one(l, &l->files[file], l->at_sites[l->program[slot]],
				      l->offsets[slot], &l->sites[slot], err);
	return r;
}

static int place(struct links *l, size_t file, enum which which, struct err *err)
{
	return l->multi ? place_multi(l, file, which, err) : place_single(l, file, which, err);
}

static void drop_batches(struct links_batches *b)
{
	while (b->count)
		drop(&b->links[--b->count]);
	b->placed = 0;
}

static enum which kind_of(const struct links *l, const struct links_call *c)
{
	return l->cycled[c->slot] && !c->stays ? WINDOW_SITES : STEADY_SITES;
}

static bool call_wanted(const struct links *l, size_t call, size_t file, enum which which)
{
	const struct links_call *c = &l->calls[call];

	return c->offset && c->file == file && kind_of(l, c) == which;
}

/* What has come since the last time. */
static int place_batch(struct links *l, size_t file, enum which which, struct err *err)
{
	struct links_batches *b = &l->files[file].calls[which];
	unsigned long offsets[LINKS_CALLS];
	size_t i, n = 0;
	int r;

	if (b->placed == l->ncalls)
		return 0;
	if (b->count == LINKS_BATCHES)
		drop_batches(b);
	for (i = b->placed; i < l->ncalls; i++)
		if (call_wanted(l, i, file, which))
			offsets[n++] = l->calls[i].offset;
	r = place_many(l, &l->files[file], l->call, offsets, n, &b->links[b->count], err);
	if (r)
		return r;
	b->placed = l->ncalls;
	b->count += n > 0;
	return 0;
}

static int place_calls(struct links *l, size_t file, enum which which, struct err *err)
{
	size_t i;
	int r = 0;

	if (l->multi)
		return place_batch(l, file, which, err);
	for (i = 0; i < l->ncalls && !r; i++)
		if (call_wanted(l, i, file, which) && !l->call_links[i])
			r = place_one(l, &l->files[file], l->call, l->calls[i].offset,
				      &l->call_links[i], err);
	return r;
}

static void drop_calls(struct links *l, size_t file, enum which which)
{
	size_t i;

	drop_batches(&l->files[file].calls[which]);
	for (i = 0; i < l->ncalls; i++)
		if (call_wanted(l, i, file, which))
			drop(&l->call_links[i]);
}

static void drop_sites(struct bpf_link *links[LINKS_PROGRAMS])
{
	int program;

	for (program = 0; program < LINKS_PROGRAMS; program++)
		drop(&links[program]);
}

static void drop_file(struct links *l, size_t file)
{
	struct links_file *f = &l->files[file];
	uint32_t slot;
	int i;

	for (slot = 0; slot < MR_SITE_SLOTS; slot++)
		if (l->file[slot] == file)
			drop(&l->sites[slot]);
	drop_calls(l, file, STEADY_SITES);
	drop_calls(l, file, WINDOW_SITES);
	drop_sites(f->steady);
	drop_sites(f->window);
	for (i = LINKS_LASTING; i-- > 0;)
		drop(&f->lasting[i]);
}

static int place_lasting(struct links *l, struct links_file *f, int which, struct err *err)
{
	const unsigned long *offset = &f->lasting_offsets[which];
	struct bpf_link **out = &f->lasting[which];

	if (!*offset || *out)
		return 0;
	return l->multi ? place_many(l, f, l->lasting[which], offset, 1, out, err)
			: place_one(l, f, l->lasting[which], *offset, out, err);
}

static int check_unwritten(const struct links_file *f, struct err *err)
{
	struct file_identity now;
	int r = file_identify_open(f->fd, &now);

	if (r)
		return err_set(err, r, "its file cannot be looked at: %s", err_name(r));
	return file_is_unwritten(f->fd, &f->was, &now)
		       ? 0
		       : err_set(err, -ESTALE, "its file was written to: no probe is safe in it");
}

/* Whatever is missing of what is to be in place now. The collector's first: which map it is that an
 * operation is on is not known without it. */
static int settle_file(struct links *l, size_t file, struct err *err)
{
	struct links_file *f = &l->files[file];
	int which, r = check_unwritten(f, err);

	if (!r)
		r = place_lasting(l, f, LINKS_COLLECTED, err);
	if (!r)
		r = place(l, file, STEADY_SITES, err);
	if (!r)
		r = place_calls(l, file, STEADY_SITES, err);
	if (!r && !l->closed)
		r = place(l, file, WINDOW_SITES, err);
	if (!r && !l->closed)
		r = place_calls(l, file, WINDOW_SITES, err);
	for (which = LINKS_FATAL; which < LINKS_LASTING && !r; which++)
		r = place_lasting(l, f, which, err);
	return r;
}

/* What fails in one file leaves the others watched. The first error. */
int links_settle(struct links *l, struct err *err)
{
	size_t file;
	int r = 0, e;

	for (file = 0; file < l->nfiles; file++) {
		e = settle_file(l, file, err);
		r = r ? r : e;
	}
	return r;
}

/* Nothing of it or all. */
static int place_file(struct links *l, size_t file, struct err *err)
{
	int r = settle_file(l, file, err);

	if (r)
		drop_file(l, file);
	return r;
}

void links_begin(struct links *l, const struct links *base, const struct links_target *target,
		 int fd)
{
	*l = *base;
	l->pid = target->pid;
	l->nfiles = 1;
	l->files[0].fd = fd;
	l->files[0].was = target->file;
	memcpy(l->files[0].lasting_offsets, target->lasting_offsets,
	       sizeof(target->lasting_offsets));
	memcpy(l->offsets, target->offsets, sizeof(target->offsets));
	memcpy(l->program, target->program, sizeof(target->program));
}

int links_place(struct links *l, struct err *err)
{
	return place_file(l, 0, err);
}

/* Where it may be read: a right to find it is enough for the rest. */
static void make_readable(int *fd)
{
	int readable = file_open_found(*fd);

	if (readable < 0)
		return;
	close(*fd);
	*fd = readable;
}

/* What stands at the path may be anything by now: it is not opened before it is known to be the
 * file. */
static int open_same(const struct links_addition *more, int *fd, struct err *err)
{
	struct file_identity now;
	int r = 0;

	*fd = file_find(more->path);
	r = *fd < 0 ? *fd : file_identify_open(*fd, &now);
	if (r)
		err_set(err, r, "cannot open its file: %s", err_name(r));
	else if (now.dev != more->file.dev || now.ino != more->file.ino)
		r = err_set(err, -ESTALE, "its file was replaced meanwhile");
	else
		make_readable(fd);
	if (r && *fd >= 0)
		close(*fd);
	return r;
}

int links_open_more(const struct links_addition *more, int *fd, struct err *err)
{
	struct links_file f = {};
	size_t i;
	int r = open_same(more, fd, err);

	if (r)
		return r;
	f.fd = *fd;
	for (i = 0; i < MR_SITE_SLOTS; i++)
		read_in(&f, more->offsets[i]);
	for (i = 0; i < LINKS_LASTING; i++)
		read_in(&f, more->lasting_offsets[i]);
	return 0;
}

/* It has no links. */
static void forget_file(struct links *l, size_t file)
{
	uint32_t slot;

	close(l->files[file].fd);
	for (slot = 0; slot < MR_SITE_SLOTS; slot++)
		if (l->file[slot] == file)
			l->offsets[slot] = l->file[slot] = 0;
}

int links_add(struct links *l, const struct links_addition *more, int fd, struct err *err)
{
	size_t file = l->nfiles;
	uint32_t slot;
	int r;

	if (file == LINKS_FILES) {
		close(fd);
		return err_set(err, -ENOSPC, "cannot place probes: too many plugins");
	}
	l->files[file] = (struct links_file){.fd = fd, .was = more->file};
	for (slot = 0; slot < MR_SITE_SLOTS; slot++) {
		if (!more->offsets[slot])
			continue;
		l->offsets[slot] = more->offsets[slot];
		l->file[slot] = (uint8_t)file;
		l->program[slot] = more->program[slot];
		l->cycled[slot] = false;
	}
	memcpy(l->files[file].lasting_offsets, more->lasting_offsets,
	       sizeof(more->lasting_offsets));
	l->nfiles++;
	r = place_file(l, file, err);
	if (!r)
		return 0;
	l->nfiles--;
	forget_file(l, file);
	return r;
}

void links_take_back(struct links *l)
{
	if (l->nfiles < 2)
		return;
	drop_file(l, l->nfiles - 1);
	l->nfiles--;
	forget_file(l, l->nfiles);
}

int links_open(struct links *l, struct err *err)
{
	l->closed = false;
	return links_settle(l, err);
}

void links_shut(struct links *l, const bool *cycled)
{
	bool same = true;
	uint32_t slot;
	size_t file;

	l->closed = true;
	for (slot = 0; slot < MR_SITE_SLOTS; slot++)
		same = same && l->cycled[slot] == cycled[slot];
	for (file = 0; file < l->nfiles; file++) {
		drop_calls(l, file, WINDOW_SITES);
		if (!same)
			drop_calls(l, file, STEADY_SITES);
	}
	for (slot = 0; slot < MR_SITE_SLOTS; slot++) {
		l->cycled[slot] = cycled[slot];
		if (cycled[slot])
			drop(&l->sites[slot]);
	}
	for (file = 0; file < l->nfiles; file++)
		drop_sites(l->files[file].window);
	/* Those that stay are out of place for some 50 ms, once: the hot ones must go first. */
	for (file = 0; file < l->nfiles && !same; file++)
		drop_sites(l->files[file].steady);
}

int links_close(struct links *l, const bool *cycled, struct err *err)
{
	links_shut(l, cycled);
	return links_settle(l, err);
}

static void forget_call(struct links *l, const struct links_call *c)
{
	size_t i;

	for (i = 0; i < l->ncalls; i++) {
		if (l->calls[i].offset != c->offset || l->calls[i].file != c->file)
			continue;
		drop(&l->call_links[i]);
		drop_batches(&l->files[c->file].calls[kind_of(l, &l->calls[i])]);
		l->calls[i].offset = 0;
	}
}

static int add_call(struct links *l, const struct links_call *c)
{
	size_t i;

	if (!is_call(l, c))
		return -EINVAL;
	if (l->ncalls < LINKS_CALLS) {
		l->calls[l->ncalls++] = *c;
		return 0;
	}
	/* in the place of one that went: all are gone through again */
	for (i = 0; i < l->ncalls && l->calls[i].offset; i++)
		;
	if (i == l->ncalls)
		return -ENOSPC;
	l->calls[i] = *c;
	drop_batches(&l->files[c->file].calls[kind_of(l, c)]);
	return 0;
}

int links_change_calls(struct links *l, const struct links_calls *change, struct err *err)
{
	struct err ignored = {};
	size_t i;
	int r = 0;

	for (i = 0; i < change->nless && i < 32; i++)
		forget_call(l, &change->less[i]);
	for (i = 0; i < change->nmore && i < 32 && !r; i++)
		r = add_call(l, &change->more[i]);
	if (r)
		err_set(err, r, "cannot place probes at calls: %s", err_name(r));
	else
		r = links_settle(l, err);
	if (!r)
		return 0;
	/* what cannot be had stands in no other's way */
	for (i = 0; i < change->nmore && i < 32; i++)
		forget_call(l, &change->more[i]);
	(void)links_settle(l, &ignored);
	return r;
}

void links_drop(struct links *l)
{
	size_t file;

	for (file = 0; file < l->nfiles; file++)
		drop_file(l, file);
}

void links_drop_all(struct links **all, size_t n)
{
	struct trash mine = {};
	size_t i;

	trash = &mine;
	for (i = 0; i < n; i++)
		links_drop(all[i]);
	trash = NULL;
	empty(&mine);
}

void links_close_files(struct links *l)
{
	while (l->nfiles)
		close(l->files[--l->nfiles].fd);
}
