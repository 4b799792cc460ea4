/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "go/layout_check.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum design { ANY, CLASSIC, SWISS };

/*
 * Functions that every program has, or that one with maps has, and that came or went with a
 * release; those of maps came and went with their design, which two releases let one choose. That
 * one is absent proves nothing: it may be inlined everywhere. Which ones are in the sources of
 * which version: scripts/facts.sh.
 */
static const struct fact {
	const char *function;
	int since, until; /* Go minor version, inclusive; 0: no bound */
	enum design design;
} facts[] = {
	{"runtime.hashGrow", 0, 25, CLASSIC},
	{"runtime.evacuate", 0, 25, CLASSIC},
	{"runtime.evacuate_fast32", 0, 25, CLASSIC},
	{"runtime.evacuate_fast64", 0, 25, CLASSIC},
	{"runtime.evacuate_faststr", 0, 25, CLASSIC},
	{"runtime.(*hmap).newoverflow", 0, 25, CLASSIC},
	{"internal/runtime/maps.(*Map).Delete", 24, 0, SWISS},
	{"internal/runtime/maps.(*Map).growToTable", 24, 0, SWISS},
	{"internal/runtime/maps.(*Map).putSlotSmallFast32", 24, 0, SWISS},
	{"internal/runtime/maps.(*Map).putSlotSmallFastStr", 24, 0, SWISS},
	{"internal/runtime/maps.(*table).grow", 24, 0, SWISS},
	{"internal/runtime/maps.(*table).rehash", 24, 0, SWISS},
	{"internal/runtime/maps.(*table).uncheckedPutSlot", 24, 0, SWISS},
	{"internal/runtime/maps.(*Iter).Next", 24, 0, SWISS},
	{"runtime.gentraceback", 0, 20, ANY},
	{"runtime.(*unwinder).next", 21, 0, ANY},
	{"runtime.(*inlineUnwinder).next", 21, 0, ANY},
	{"runtime.runOpenDeferFrame", 0, 21, ANY},
	{"runtime.bootstrapRand", 22, 0, ANY},
	{"runtime.(*_panic).nextFrame", 22, 0, ANY},
	{"runtime.checkTimers", 0, 22, ANY},
	{"runtime.runtimer", 0, 22, ANY},
	{"runtime.(*timer).unlockAndRun", 23, 0, ANY},
	{"runtime.(*timers).adjust", 23, 0, ANY},
	{"runtime.materializeGCProg", 0, 23, ANY},
	{"runtime.mallocgcSmallScanNoHeader", 24, 0, ANY},
	{"runtime.unlock2Wake", 24, 0, ANY},
	{"runtime.(*gcWork).putBatch", 0, 24, ANY},
	{"runtime.runfinq", 0, 24, ANY},
	{"runtime.casGToWaitingForSuspendG", 25, 0, ANY},
	{"runtime.(*gcWork).putObjBatch", 25, 0, ANY},
	{"runtime.entersyscall_gcwait", 0, 25, ANY},
	{"runtime.exitsyscallfast_pidle", 0, 25, ANY},
	{"runtime.(*gcControllerState).assignWaitingGCWorker", 26, 0, ANY},
	{"runtime.(*spanQueue).refill", 26, 0, ANY},
	{"runtime.alginit", 0, 26, ANY},
	{"runtime.memhashFallback", 0, 26, ANY},
	{"internal/runtime/maps.memHashFallback", 27, 0, ANY},
	{"internal/runtime/maps.AlgInit", 27, 0, ANY},
};

static bool design_fits(enum design design, const struct go_layout *layout)
{
	return design == ANY || (design == SWISS) == (layout->map_impl == GO_MAP_SWISS);
}

static const char *design_name(const struct go_layout *layout)
{
	return layout->map_impl == GO_MAP_SWISS ? "Swiss" : "classic";
}

static int check_functions(const struct go_layout *layout, const struct pclntab *tab, char *why,
			   size_t len)
{
	const char *names[COUNT(facts)];
	struct go_func funcs[COUNT(facts)];
	size_t i;
	int code;

	for (i = 0; i < COUNT(facts); i++)
		names[i] = facts[i].function;
	code = pclntab_find_funcs(tab, names, COUNT(facts), funcs);
	for (i = 0; !code && i < COUNT(facts); i++) {
		const struct fact *f = &facts[i];

		if (!funcs[i].name)
			continue;
		if ((f->since && layout->minor < f->since) ||
		    (f->until && layout->minor > f->until)) {
			snprintf(why, len, "it has %s, which Go 1.%d does not have", f->function,
				 layout->minor);
			code = -EBADMSG;
		} else if (!design_fits(f->design, layout)) {
			snprintf(why, len, "it has %s, which Go 1.%d with %s maps does not have",
				 f->function, layout->minor, design_name(layout));
			code = -EBADMSG;
		}
	}
	return code;
}

/*
 * Type descriptors (src/internal/abi/type.go): type Type, then PkgPath and Fields of type
 * StructType, and those of type StructField. A package's path tells its types from those of another
 * package of the same name.
 */
#define TYPE_KIND 23
#define TYPE_STR 40
#define TYPE_PKG_PATH 48
#define TYPE_FIELDS 56
#define TYPE_SIZE 80
#define FIELD_SIZE 24
#define FIELD_TYPE 8
#define FIELD_OFFSET 16
#define POINTER_ELEM 48
#define KIND_MASK 31
#define KIND_STRUCT 25
#define MAX_FIELDS 1024
#define MAX_CODE (64u << 10)	/* of a function that allocates one of them */
#define MAX_TYPES (32ull << 20) /* of a program in which they must be searched for */
/* A file where such descriptors stand very often is not looked into further. */
#define MAX_DESCRIPTORS 64

enum { TYPE_G, TYPE_M, TYPE_HMAP, TYPE_MAP, TYPE_TABLE, NTYPES };

static const struct wanted_type {
	const char *name, *package;
} wanted[NTYPES] = {
	[TYPE_G] = {"runtime.g", "runtime"},
	[TYPE_M] = {"runtime.m", "runtime"},
	[TYPE_HMAP] = {"runtime.hmap", "runtime"},
	[TYPE_MAP] = {"maps.Map", "internal/runtime/maps"},
	[TYPE_TABLE] = {"maps.table", "internal/runtime/maps"},
};

/* They refer to the descriptors of what they allocate. */
static const char *const allocators[] = {
	"runtime.malg",
	"runtime.allocm",
	"runtime.makemap",
	"runtime.makemap_small",
	"internal/runtime/maps.NewEmptyMap",
	"internal/runtime/maps.NewMap",
	"internal/runtime/maps.newTable",
};

struct type_search {
	const struct go_layout *layout;
	const struct elf_file *elf;
	const uint8_t *data; /* the section of types, or NULL: it is read piece by piece */
	uint64_t start, size;
	size_t looked; /* descriptors with a wanted name */
	bool found[NTYPES];
	uint64_t g; /* the descriptor of type g */
	char *why;
	size_t len;
};

static bool read_types(const struct type_search *s, uint64_t place, void *buf, size_t len)
{
	if (!range_fits(place, len, s->size))
		return false;
	if (!s->data)
		return !elf_file_read(s->elf, s->start + place, buf, len);
	memcpy(buf, s->data + place, len);
	return true;
}

/* A name: flags, length as a varint, text. All that are wanted here are short. */
static bool is_name(const uint8_t *raw, const char *want, size_t len)
{
	return raw[1] == len && !memcmp(raw + 2, want, len);
}

static bool name_is(const struct elf_file *elf, uint64_t at, const char *want)
{
	size_t len = strlen(want);
	uint8_t raw[64];

	return at && len + 2 <= sizeof(raw) && !elf_file_read(elf, at, raw, len + 2) &&
	       is_name(raw, want, len);
}

/* Which of the wanted types has this name, at its place in the section; NTYPES: none. Names of
 * types often stand with a star, so that the pointer's can be the same. */
static size_t type_named(const struct type_search *s, uint32_t place)
{
	uint8_t raw[2 + 16] = {};
	size_t type;

	if (!read_types(s, place, raw, sizeof(raw)))
		return NTYPES;
	for (type = 0; type < NTYPES; type++) {
		size_t len = strlen(wanted[type].name);

		if (is_name(raw, wanted[type].name, len) ||
		    (raw[2] == '*' && raw[1] == len + 1 &&
		     !memcmp(raw + 3, wanted[type].name, len)))
			return type;
	}
	return NTYPES;
}

/* Where the descriptor of a field of the struct type at vaddr is. -ENOENT: it has none of this
 * name. */
static int find_field(const struct elf_file *elf, uint64_t vaddr, const char *field, uint64_t *at)
{
	uint64_t fields, n, name, i;

	if (elf_file_read_u64(elf, vaddr + TYPE_FIELDS, &fields) ||
	    elf_file_read_u64(elf, vaddr + TYPE_FIELDS + 8, &n) || n > MAX_FIELDS)
		return -EBADMSG;
	for (i = 0; i < n; i++) {
		*at = fields + i * FIELD_SIZE;
		if (elf_file_read_u64(elf, *at, &name))
			return -EBADMSG;
		if (name_is(elf, name, field))
			return 0;
	}
	return -ENOENT;
}

static int check_field(const struct type_search *s, size_t type, uint64_t vaddr, const char *field,
		       uint32_t want)
{
	uint64_t at, got = 0;
	int code = find_field(s->elf, vaddr, field, &at);

	if (!code && elf_file_read_u64(s->elf, at + FIELD_OFFSET, &got))
		code = -EBADMSG;
	if (code == -EBADMSG) {
		snprintf(s->why, s->len, "its description of type %s is damaged",
			 wanted[type].name);
		return -EBADMSG;
	}
	if (code == -ENOENT ? want == GO_NO_OFFSET : want == got)
		return 0;
	if (code == -ENOENT)
		snprintf(s->why, s->len, "its type %s has no field %s, unlike that of Go 1.%d",
			 wanted[type].name, field, s->layout->minor);
	else if (want == GO_NO_OFFSET)
		snprintf(s->why, s->len, "its type %s has a field %s, unlike that of Go 1.%d",
			 wanted[type].name, field, s->layout->minor);
	else
		snprintf(s->why, s->len, "in its type %s the field %s is at %llu, in Go 1.%d at %u",
			 wanted[type].name, field, (unsigned long long)got, s->layout->minor, want);
	return -EBADMSG;
}

static int check_size(const struct type_search *s, size_t type, uint64_t vaddr, uint32_t want)
{
	uint64_t got;

	if (!elf_file_read_u64(s->elf, vaddr, &got) && got == want)
		return 0;
	snprintf(s->why, s->len, "its type %s has not the size of that of Go 1.%d with %s maps",
		 wanted[type].name, s->layout->minor, design_name(s->layout));
	return -EBADMSG;
}

static int check_type(struct type_search *s, size_t type, uint64_t vaddr)
{
	const struct go_layout *l = s->layout;
	const struct {
		size_t type;
		const char *field;
		uint32_t offset;
	} fields[] = {
		{TYPE_G, "stack", l->g_stack_lo},
		{TYPE_G, "m", l->g_m},
		{TYPE_G, "goid", l->g_goid},
		{TYPE_G, "gopc", l->g_gopc},
		{TYPE_G, "startpc", l->g_startpc},
		{TYPE_G, "parentGoid", l->g_parent_goid},
		{TYPE_G, "labels", l->g_labels},
		{TYPE_G, "sched", l->g_sched_sp},
		{TYPE_G, "syscallsp", l->g_syscallsp},
		{TYPE_G, "syscallpc", l->g_syscallpc},
		{TYPE_G, "atomicstatus", l->g_status},
		{TYPE_G, "waitsince", l->g_waitsince},
		{TYPE_G, "waitreason", l->g_waitreason},
		{TYPE_M, "g0", l->m_g0},
		{TYPE_M, "curg", l->m_curg},
		{TYPE_M, "gsignal", l->m_gsignal},
		{TYPE_M, "alllink", l->m_alllink},
		{TYPE_M, "procid", l->m_procid},
		{TYPE_M, "p", l->m_p},
		{TYPE_M, "locks", l->m_locks},
		{TYPE_M, "preemptoff", l->m_preemptoff},
		{TYPE_HMAP, "hash0", l->map_seed},
		{TYPE_HMAP, "flags", l->map_flags},
		{TYPE_HMAP, "oldbuckets", l->map_old},
		{TYPE_MAP, "seed", l->map_seed},
		{TYPE_MAP, "writing", l->map_flags},
		{TYPE_TABLE, "capacity", l->table_capacity},
	};
	size_t i;
	int code;

	if (!design_fits(type == TYPE_HMAP			  ? CLASSIC
			 : type == TYPE_MAP || type == TYPE_TABLE ? SWISS
								  : ANY,
			 l)) {
		snprintf(s->why, s->len, "it has type %s, which Go 1.%d with %s maps does not have",
			 wanted[type].name, l->minor, design_name(l));
		return -EBADMSG;
	}
	if (type == TYPE_HMAP || type == TYPE_MAP) {
		code = check_size(s, type, vaddr, l->map_size);
		if (code)
			return code;
	}
	for (i = 0; i < COUNT(fields); i++) {
		if (fields[i].type != type)
			continue;
		code = check_field(s, type, vaddr, fields[i].field, fields[i].offset);
		if (code)
			return code;
	}
	s->found[type] = true;
	if (type == TYPE_G)
		s->g = vaddr;
	return 0;
}

/* Looks at the descriptor, if it is one, at this place of the section. */
static int look_at(struct type_search *s, uint64_t place)
{
	uint64_t vaddr = s->start + place, path;
	uint8_t raw[TYPE_SIZE];
	size_t type;

	if (s->looked >= MAX_DESCRIPTORS || !read_types(s, place, raw, sizeof(raw)) ||
	    (raw[TYPE_KIND] & KIND_MASK) != KIND_STRUCT)
		return 0;
	type = type_named(s, get_le32(raw + TYPE_STR));
	if (type == NTYPES)
		return 0;
	s->looked++;
	if (elf_file_read_u64(s->elf, vaddr + TYPE_PKG_PATH, &path) ||
	    !name_is(s->elf, path, wanted[type].package))
		return 0;
	return check_type(s, type, vaddr);
}

/* An address that an instruction takes relative to its end is a signed 32-bit number in it. */
static int look_from(struct type_search *s, const struct go_func *f)
{
	size_t len = (size_t)(f->end - f->entry), i;
	uint8_t *code;
	int r = 0;

	if (!f->name || !len || len > MAX_CODE)
		return 0;
	code = malloc(len);
	if (!code)
		return -ENOMEM;
	if (elf_file_read(s->elf, f->entry, code, len))
		len = 0;
	for (i = 0; i + 4 <= len && !r; i++) {
		uint64_t to = f->entry + i + 4 + (uint64_t)(int64_t)(int32_t)get_le32(code + i);

		if (!(to & 7) && to >= s->start && to - s->start < s->size)
			r = look_at(s, to - s->start);
	}
	free(code);
	return r;
}

/* m is allocated as a part of something else since Go 1.25; but g points at it. */
static int look_behind_g(struct type_search *s)
{
	uint64_t at, type;

	if (!s->g || find_field(s->elf, s->g, "m", &at) ||
	    elf_file_read_u64(s->elf, at + FIELD_TYPE, &type) ||
	    elf_file_read_u64(s->elf, type + POINTER_ELEM, &type) || type < s->start)
		return 0;
	return look_at(s, type - s->start);
}

static int search_code(struct type_search *s, const struct pclntab *tab)
{
	struct go_func funcs[COUNT(allocators)];
	size_t i;
	int code = pclntab_find_funcs(tab, allocators, COUNT(allocators), funcs);

	for (i = 0; i < COUNT(allocators) && !code; i++)
		code = look_from(s, &funcs[i]);
	return code ? code : look_behind_g(s);
}

/* Everywhere: in a program whose functions are not where they are looked for. */
static int search_all(struct type_search *s)
{
	uint64_t place;
	uint8_t *data;
	int code = 0;

	if (s->size > MAX_TYPES || !elf_file_scan_more(s->elf, s->size))
		return 0;
	data = malloc(s->size);
	if (!data)
		return -ENOMEM;
	s->data = data;
	if (elf_file_read(s->elf, s->start, data, s->size))
		s->size = 0;
	for (place = -s->start & 7; place < s->size && !code; place += 8)
		code = look_at(s, place);
	free(data);
	return code;
}

static int check_types(const struct go_layout *layout, const struct pclntab *tab,
		       const struct moduledata *md, const struct elf_file *elf, char *why,
		       size_t len)
{
	struct type_search s = {
		.layout = layout,
		.elf = elf,
		.start = md->types,
		.size = md->etypes - md->types,
	};
	int code = 0;

	s.why = why;
	s.len = len;
	/* Asking the file first keeps a hostile size from costing memory. */
	if (!s.size || elf_file_offset(elf, md->etypes - 1, &(uint64_t){0}))
		return 1;
	code = search_code(&s, tab);
	if (!code && (!s.found[TYPE_G] || !s.found[TYPE_M]))
		code = search_all(&s);
	return code ? code : !s.found[TYPE_G] || !s.found[TYPE_M];
}

int layout_check(const struct go_layout *layout, const struct pclntab *tab,
		 const struct moduledata *md, const struct elf_file *elf, char *why, size_t len)
{
	int code = check_functions(layout, tab, why, len);

	return code ? code : check_types(layout, tab, md, elf, why, len);
}
