/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "bpfmap/kernel_symbols.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "bpfmap/functions.h"

static const char *const helper_names[KERNEL_HELPERS] = {
	"bpf_map_lookup_elem", "bpf_map_update_elem", "bpf_map_delete_elem"};

static void take(struct kernel_symbols *s, uint64_t address, const char *name)
{
	size_t i;

	if (!strcmp(name, "_stext"))
		s->text.lo = address;
	else if (!strcmp(name, "_etext"))
		s->text.hi = address;
	for (i = 0; i < KERNEL_HELPERS; i++)
		if (!strcmp(name, helper_names[i]))
			s->helper[i].lo = address;
	for (i = 0; i < map_functions_n && i < KERNEL_FUNCTIONS; i++)
		if (!strcmp(name, map_functions[i].name))
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

static int each_line(struct kernel_symbols *s, FILE *file, bool bounds, bool *nonzero)
{
	char line[512], name[256], kind;
	uint64_t address;

	rewind(file);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%" SCNx64 " %c %255s", &address, &kind, name) != 3)
			continue;
		if (strchr(line, '['))
			continue; /* of a module, or of a BPF program */
		*nonzero |= address != 0;
		if (bounds)
			bound(s, address);
		else
			take(s, address, name);
	}
	return ferror(file) ? -EIO : 0;
}

int kernel_symbols_parse(struct kernel_symbols *s, FILE *file)
{
	bool nonzero = false;
	size_t i;
	int r;

	memset(s, 0, sizeof(*s));
	r = each_line(s, file, false, &nonzero);
	if (!r)
		r = each_line(s, file, true, &nonzero);
	if (!r && !nonzero)
		r = -EACCES;
	if (!r && (!s->text.lo || s->text.hi <= s->text.lo))
		r = -ENOENT;
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
