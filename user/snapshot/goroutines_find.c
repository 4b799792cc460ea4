/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/bits.h"
#include "go/data_refs.h"
#include "snapshot/goroutines.h"
#include "snapshot/raw_g.h"

#define SAMPLE 64
#define HINTED_SAMPLE 8
#define TRIES 20
#define NAP_NS 5000000
#define MAX_DATA (1ull << 30) /* of a program that is looked through */
#define PIECE (1u << 20)
#define MAX_REFS 64

struct search {
	const struct go_layout *layout;
	struct memory *memory;
	uint64_t main; /* runtime.main, which the first goroutine began with; 0: not known */
	uint64_t sample;
	uint64_t lo, hi; /* the program itself, which the list is outside of; hi 0: not known */
	struct candidates {
		uint64_t addr, capacity; /* of the largest */
		size_t n;		 /* that are as large */
	} sure, maybe;
};

/*
 * While garbage is collected there is a second list, of those that there were at its beginning
 * (work.stackRoots): the same array, with no room at its end.
 */
static void keep_largest(struct candidates *c, uint64_t addr, uint64_t capacity)
{
	if (!c->n || capacity > c->capacity)
		*c = (struct candidates){addr, capacity, 1};
	else if (capacity == c->capacity)
		c->n++;
}

/* Whether {array, n, capacity} at addr is the list. */
static void consider(struct search *s, uint64_t addr, uint64_t array, uint64_t n, uint64_t capacity)
{
	uint64_t i, k, step, used = 0, at;
	bool sure = false;
	struct raw_g g;

	if (!n || n > capacity || capacity > RAW_G_MOST || array & 7 || array < 4096 ||
	    array >= RAW_G_ADDRESSES || (array >= s->lo && array < s->hi))
		return;
	step = n > s->sample ? n / s->sample : 1;
	for (i = k = 0; i < n && k < s->sample; i += step, k++) {
		if (memory_late(s->memory) || memory_u64(s->memory, array + 8 * i, &at) ||
		    raw_g_read(s->memory, s->layout, at, &g) || !raw_g_looks_right(&g))
			return;
		used += !raw_g_is_unused(&g);
		if (!i)
			sure = s->main && g.startpc == s->main && g.id == 1;
	}
	if (used)
		keep_largest(sure ? &s->sure : &s->maybe, addr, capacity);
}

static void look_through(struct search *s, uint64_t lo, uint64_t size)
{
	uint8_t *piece = malloc(PIECE);
	uint64_t at;
	size_t i;

	for (at = 0; piece && at < size && !memory_late(s->memory); at += PIECE - 16) {
		size_t len = size - at < PIECE ? (size_t)(size - at) : PIECE;

		if (memory_read(s->memory, lo + at, piece, len))
			continue;
		for (i = 0; i + 24 <= len; i += 8)
			consider(s, lo + at + i, get_le64(piece + i), get_le64(piece + i + 8),
				 get_le64(piece + i + 16));
	}
	free(piece);
}

static void search_data(struct search *s, const struct go_binary *bin, uint64_t bias)
{
	const struct elf_segment *segments;
	size_t i, n = elf_file_segments(go_binary_elf(bin), &segments);

	s->sure = s->maybe = (struct candidates){.n = 0};
	/* most slices in a program's data are of what the compiler has put there: reading each
	 * would take longer than all else */
	if (n) {
		s->lo = segments[0].vaddr + bias;
		s->hi = segments[n - 1].vaddr + segments[n - 1].memsz + bias;
	}
	for (i = 0; i < n; i++) {
		uint64_t lo = (segments[i].vaddr + 7) & ~7ull, skipped = lo - segments[i].vaddr;

		if (segments[i].flags & PF_W && segments[i].memsz > skipped &&
		    segments[i].memsz <= MAX_DATA)
			look_through(s, lo + bias, segments[i].memsz - skipped);
	}
}

static void find_main(const struct go_binary *bin, struct goroutines_hint *hint)
{
	static const char *const names[] = {"runtime.main"};
	struct go_func f = {};

	if (!hint->looked && !go_binary_find_funcs(bin, names, 1, &f) && f.name)
		hint->main = f.entry;
	hint->looked = true;
}

/* Anybody may run the program, with what he likes in it: so only where main's goroutine is first. */
static bool is_as_hinted(struct search *s, uint64_t addr)
{
	uint8_t raw[24];

	if (memory_read(s->memory, addr, raw, 24))
		return false;
	s->sample = HINTED_SAMPLE;
	consider(s, addr, get_le64(raw), get_le64(raw + 8), get_le64(raw + 16));
	return s->sure.n;
}

/* Adding a goroutine to the list is what a function is there for. */
static bool find_by_code(struct search *s, const struct go_binary *bin, uint64_t bias,
			 uint64_t *allgs)
{
	uint64_t refs[MAX_REFS];
	size_t i, n = s->main ? data_refs(bin, "runtime.allgadd", refs, MAX_REFS) : 0;

	for (i = 0; i < n && !memory_late(s->memory); i++) {
		s->sure.n = 0;
		*allgs = refs[i] + bias;
		if (is_as_hinted(s, *allgs))
			return true;
	}
	return false;
}

static int find_list(const struct go_binary *bin, uint64_t bias, struct memory *memory, int most,
		     struct goroutines_hint *hint, uint64_t *allgs, struct err *err)
{
	const struct timespec nap = {.tv_nsec = NAP_NS};
	struct search s = {.layout = go_binary_layout(bin), .memory = memory};
	struct candidates *best = &s.maybe;
	struct goroutines_hint own = {};
	int tries;

	hint = hint ? hint : &own;
	find_main(bin, hint);
	s.main = hint->main ? hint->main + bias : 0;
	*allgs = hint->allgs + bias;
	if (hint->allgs && is_as_hinted(&s, *allgs))
		return 0;
	if (find_by_code(&s, bin, bias, allgs)) {
		hint->allgs = *allgs - bias;
		return 0;
	}
	s.sample = SAMPLE;
	for (tries = 0; tries < most; tries++) {
		if (tries)
			nanosleep(&nap, NULL);
		search_data(&s, bin, bias);
		if (memory_late(memory)) /* not all was looked at: there may be another */
			return err_set(err, -ETIME,
				       "the list of goroutines was not found in time: too much in "
				       "the process looks like it");
		best = s.sure.n ? &s.sure : &s.maybe;
		if (best->n == 1) {
			*allgs = best->addr;
			hint->allgs = s.sure.n ? best->addr - bias : 0;
			return 0;
		}
	}
	if (!best->n)
		return err_set(err, -ENOENT,
			       "the list of goroutines was not found: the process has only just "
			       "started, or something in it is not as in a program of its Go");
	return err_set(err, -EEXIST,
		       "%zu lists in it look like that of goroutines: which one it is cannot be "
		       "told",
		       best->n);
}

int goroutines_find(const struct go_binary *bin, uint64_t bias, struct memory *memory,
		    struct goroutines_hint *hint, uint64_t *allgs, struct err *err)
{
	return find_list(bin, bias, memory, TRIES, hint, allgs, err);
}

int goroutines_find_frozen(const struct go_binary *bin, uint64_t bias, struct memory *memory,
			   struct goroutines_hint *hint, uint64_t *allgs, struct err *err)
{
	return find_list(bin, bias, memory, 1, hint, allgs, err);
}
