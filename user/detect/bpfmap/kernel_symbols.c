/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "detect/bpfmap/kernel_symbols.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "detect/bpfmap/functions.h"

static const char *const helper_names[KERNEL_HELPERS] = {
	"bpf_map_lookup_elem", "bpf_map_update_elem", "bpf_map_delete_elem"};

static bool same(const char *a, const char *b)
{
	return *a == *b && !strcmp(a, b);
}

static void take(struct kernel_symbols *s, uint64_t address, const char *name)
{
	size_t i;

	if (same(name, "_stext"))
		s->text.lo = address;
	else if (same(name, "_etext"))
		s->text.hi = address;
	else if (same(name, "__per_cpu_offset"))
		s->per_cpu_offset = address;
	for (i = 0; i < KERNEL_HELPERS; i++)
		if (same(name, helper_names[i]))
			s->helper[i].lo = address;
	for (i = 0; i < map_functions_n && i < KERNEL_FUNCTIONS; i++)
		if (same(name, map_functions[i].name))
			s->function[i] = address;
}

/* A function ends where the next symbol begins; the table is not in order. */
static void bound(struct kernel_symbols *s, uint64_t address)
{
	size_t i;

	for (i = 0; i < KERNEL_HELPERS; i++)
		if (s->helper[i].lo && address > s->helper[i].lo &&
		    (!s->helper[i].hi || address < s->helper[i].hi))
			s->helper[i].hi = address;
}

struct addresses {
	uint64_t *all;
	size_t n, room;
};

static int add(struct addresses *a, uint64_t address)
{
	size_t room = a->room ? a->room * 2 : 1u << 18; /* a kernel has some 200 thousand */
	uint64_t *more;

	if (a->n == a->room) {
		more = reallocarray(a->all, room, sizeof(*more));
		if (!more)
			return -ENOMEM;
		a->all = more;
		a->room = room;
	}
	a->all[a->n++] = address;
	return 0;
}

/* The address and the name in a line "ffffffff81000000 T _stext\n"; modules' and BPF programs' have
 * a "[" more. */
static char *line_parse(char *line, uint64_t *address)
{
	char *rest, *name;

	*address = strtoull(line, &rest, 16);
	if (rest == line || rest[0] != ' ' || !rest[1] || rest[2] != ' ')
		return NULL;
	name = rest + 3;
	name[strcspn(name, "\n")] = 0;
	return *name && !strpbrk(name, "[ \t") ? name : NULL;
}

/* Reading the table costs the kernel more than anything else here: once. */
static int each_line(struct kernel_symbols *s, FILE *file, struct addresses *addresses)
{
	uint64_t address;
	char line[1024];
	char *name;
	int r = 0;

	rewind(file);
	while (!r && fgets(line, sizeof(line), file)) {
		name = line_parse(line, &address);
		if (!name || !address)
			continue;
		take(s, address, name);
		r = add(addresses, address);
	}
	return r ? r : ferror(file) ? -EIO : 0;
}

int kernel_symbols_parse(struct kernel_symbols *s, FILE *file)
{
	struct addresses addresses = {};
	size_t i;
	int r;

	memset(s, 0, sizeof(*s));
	r = each_line(s, file, &addresses);
	if (!r && !addresses.n)
		r = -EACCES;
	if (!r && (!s->text.lo || s->text.hi <= s->text.lo))
		r = -ENOENT;
	for (i = 0; !r && i < addresses.n; i++)
		bound(s, addresses.all[i]);
	free(addresses.all);
	if (r) {
		memset(s, 0, sizeof(*s));
		return r;
	}
	for (i = 0; i < KERNEL_HELPERS; i++)
		if (s->helper[i].hi <= s->helper[i].lo)
			s->helper[i] = (struct kernel_range){};
	return 0;
}

int kernel_symbols_read(struct kernel_symbols *s)
{
	FILE *file = fopen("/proc/kallsyms", "re");
	int r;

	memset(s, 0, sizeof(*s));
	if (!file)
		return -errno;
	r = kernel_symbols_parse(s, file);
	fclose(file);
	return r;
}
