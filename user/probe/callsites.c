/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "probe/callsites.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arch/arch.h"

#define PIECE (1u << 20)

struct search {
	const struct hook **hooks; /* by entry */
	size_t n;
	int (*each)(void *ctx, const struct hook *hook, uint64_t ret);
	void *ctx;
};

static int by_entry(const void *a, const void *b)
{
	const struct hook *x = *(const struct hook *const *)a, *y = *(const struct hook *const *)b;

	return x->entry < y->entry ? -1 : x->entry > y->entry;
}

static int begin(struct search *s, const struct hook_set *set)
{
	size_t i;

	s->hooks = calloc(set->count + 1, sizeof(struct hook *));
	if (!s->hooks)
		return -ENOMEM;
	for (i = 0; i < set->count; i++)
		if (set->hooks[i].entry && set->hooks[i].op != MR_OP_NONE &&
		    set->hooks[i].op < MR_OP_MAX)
			s->hooks[s->n++] = &set->hooks[i];
	if (s->n)
		qsort(s->hooks, s->n, sizeof(struct hook *), by_entry);
	return 0;
}

static const struct hook *find(const struct search *s, uint64_t entry)
{
	const struct hook key = {.entry = entry}, *at = &key, **found;

	if (!entry || entry < s->hooks[0]->entry || entry > s->hooks[s->n - 1]->entry)
		return NULL;
	found = bsearch(&at, s->hooks, s->n, sizeof(struct hook *), by_entry);
	return found ? *found : NULL;
}

static int look(const struct search *s, const uint8_t *code, size_t n, uint64_t addr)
{
	const struct hook *hook;
	size_t i;
	int r = 0;

	for (i = 0; i + ARCH_CALL_LEN <= n && !r; i++) {
		uint64_t ret = addr + i + ARCH_CALL_LEN;

		hook = find(s, arch_call_target(code + i, ret));
		if (hook)
			r = s->each(s->ctx, hook, ret);
	}
	return r;
}

/* The pieces overlap by less than a call. */
static int look_at_all(const struct search *s, const struct go_binary *bin, uint64_t lo,
		       uint64_t hi)
{
	uint8_t *code = malloc(PIECE);
	int r = code ? 0 : -ENOMEM;

	while (!r && hi - lo >= ARCH_CALL_LEN) {
		size_t n = hi - lo < PIECE ? (size_t)(hi - lo) : PIECE;

		r = elf_file_read(go_binary_elf(bin), lo, code, n);
		if (!r)
			r = look(s, code, n, lo);
		lo += n - (ARCH_CALL_LEN - 1);
	}
	free(code);
	return r;
}

int callsites_find(const struct go_binary *bin, const struct hook_set *set,
		   int (*each)(void *ctx, const struct hook *hook, uint64_t ret), void *ctx)
{
	struct search s = {.each = each, .ctx = ctx};
	struct go_func first = {}, last = {};
	size_t count = go_binary_func_count(bin);
	int r;

	if (!count)
		return -ENOENT;
	r = go_binary_func_at(bin, 0, &first);
	if (!r)
		r = go_binary_func_at(bin, count - 1, &last);
	if (!r && last.end <= first.entry)
		r = -EBADMSG;
	if (!r)
		r = begin(&s, set);
	if (!r && s.n)
		r = look_at_all(&s, bin, first.entry, last.end);
	free(s.hooks);
	return r;
}
