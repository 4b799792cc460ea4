/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "go/library.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool library_has(const char *function, const char *module)
{
	/* type arguments and receivers have paths of their own */
	size_t len = strcspn(function, "[("), own = strlen(module), first;
	const char *slash = memchr(function, '/', len);

	/* what the compiler made for a type lies among its package's functions */
	if (!strncmp(function, "type:", 5) || !strncmp(function, "type..", 6))
		return true;
	if (!strncmp(function, "reflect.", 8) || !strncmp(function, "maps.", 5))
		return false;
	if (own && !strncmp(function, module, own) &&
	    (function[own] == '.' || function[own] == '/'))
		return false;
	first = slash ? (size_t)(slash - function) : strcspn(function, ".[(");
	if (first == strlen("main") && !memcmp(function, "main", first))
		return false;
	return !memchr(function, '.', first); /* the runtime has names without one */
}

/* Keeps the largest ones, in order. */
static size_t keep(struct library_code *out, size_t n, size_t max, struct library_code one)
{
	size_t i, least = 0;

	if (n < max) {
		out[n] = one;
		return n + 1;
	}
	for (i = 1; i < n; i++)
		if (out[i].hi - out[i].lo < out[least].hi - out[least].lo)
			least = i;
	if (!max || out[least].hi - out[least].lo >= one.hi - one.lo)
		return n;
	memmove(&out[least], &out[least + 1], (n - least - 1) * sizeof(*out));
	out[n - 1] = one;
	return n;
}

int library_find(const struct go_binary *bin, struct library_code *out, size_t max)
{
	size_t i, n = 0, count = go_binary_func_count(bin);
	const char *module = go_binary_module(bin);
	struct library_code now = {};
	struct go_func f;
	int r;

	for (i = 0; i < count; i++) {
		r = go_binary_func_at(bin, i, &f);
		if (r)
			return r;
		if (library_has(f.name, module)) {
			if (!now.hi)
				now.lo = f.entry;
			now.hi = f.end;
		} else if (now.hi) {
			n = keep(out, n, max, now);
			now = (struct library_code){};
		}
	}
	return (int)(now.hi ? keep(out, n, max, now) : n);
}
