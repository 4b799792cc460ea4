/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "detect/audit/symbols.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int reserve(void *array, size_t *room, size_t need, size_t size, size_t first)
{
	void **p = array, *grown;
	size_t n = *room ? *room : first;

	if (need <= *room)
		return 0;
	while (n < need)
		n *= 2;
	grown = reallocarray(*p, n, size);
	if (!grown)
		return -ENOMEM;
	*p = grown;
	*room = n;
	return 0;
}

static int add(struct audit_symbols *s, uint64_t address, const char *name)
{
	size_t len = strlen(name) + 1;

	if (!strcmp(name, "__bpf_call_base"))
		s->call_base = address;
	if (reserve(&s->list, &s->room, s->n + 1, sizeof(*s->list), 1u << 16) ||
	    reserve(&s->names, &s->names_room, s->size + len, 1, 1u << 20))
		return -ENOMEM;
	s->list[s->n++] = (struct audit_symbol_at){address, (uint32_t)s->size};
	memcpy(s->names + s->size, name, len);
	s->size += len;
	return 0;
}

/* "ffffffff81000000 T _stext\n"; only code is of interest. */
static int take_line(struct audit_symbols *s, char *line)
{
	uint64_t address;
	char *rest, *name;

	address = strtoull(line, &rest, 16);
	if (rest == line || rest[0] != ' ' || !rest[1] || rest[2] != ' ' || !address)
		return 0;
	if (tolower((unsigned char)rest[1]) != 't' && tolower((unsigned char)rest[1]) != 'w')
		return 0;
	name = rest + 3;
	name[strcspn(name, " \t\n")] = '\0';
	return *name && s->size < UINT32_MAX / 2 ? add(s, address, name) : 0;
}

static int by_address(const void *a, const void *b)
{
	const struct audit_symbol_at *x = a, *y = b;

	return (x->address > y->address) - (x->address < y->address);
}

int audit_symbols_parse(struct audit_symbols *s, FILE *file)
{
	char line[1024];
	int r = 0;

	memset(s, 0, sizeof(*s));
	while (!r && fgets(line, sizeof(line), file))
		r = take_line(s, line);
	if (s->n)
		qsort(s->list, s->n, sizeof(*s->list), by_address);
	return r ? r : s->call_base ? 0 : -EACCES;
}

int audit_symbols_read(struct audit_symbols *s)
{
	FILE *file = fopen("/proc/kallsyms", "re");
	int r;

	memset(s, 0, sizeof(*s));
	if (!file)
		return -errno;
	r = audit_symbols_parse(s, file);
	fclose(file);
	return r;
}

void audit_symbols_free(struct audit_symbols *s)
{
	free(s->list);
	free(s->names);
	memset(s, 0, sizeof(*s));
}

/* Several names may stand for one address: one that means something to us is the best. */
const char *audit_symbols_name(const struct audit_symbols *s, uint64_t address)
{
	size_t lo = 0, hi = s->n, mid;
	const char *name, *best = NULL;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (s->list[mid].address < address)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < s->n && s->list[lo].address == address; lo++) {
		name = s->names + s->list[lo].name;
		if (!best || !strncmp(name, "bpf_", 4))
			best = name;
	}
	return best;
}

uint64_t audit_symbols_address(const struct audit_symbols *s, const char *name)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (!strcmp(s->names + s->list[i].name, name))
			return s->list[i].address;
	return 0;
}
