/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "detect/gomap/resolve.h"
#include "detect/gomap/labels.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_INLINED 32 /* logical frames at one program counter */

enum report_op resolve_op(uint32_t op)
{
	switch (op) {
	case MR_OP_WRITE:
		return REPORT_WRITE;
	case MR_OP_DELETE:
		return REPORT_DELETE;
	case MR_OP_ITERATE:
		return REPORT_ITERATE;
	case MR_OP_CLEAR:
		return REPORT_CLEAR;
	case MR_OP_CLONE:
		return REPORT_CLONE;
	default:
		return REPORT_READ;
	}
}

static bool is_runtime(const char *function)
{
	return !strncmp(function, "runtime.", 8) || !strncmp(function, "runtime/", 8) ||
	       !strncmp(function, "internal/runtime/", 17);
}

/* Type arguments as Go prints them: "main.(*cache[...]).put", whatever stands in the brackets. */
static char *shorten_type_arguments(const char *function)
{
	const char *open = strchr(function, '['), *close = strrchr(function, ']');
	char *name;

	if (!open || !close || close < open)
		return strdup(function);
	if (asprintf(&name, "%.*s[...]%s", (int)(open - function), function, close + 1) < 0)
		return NULL;
	return name;
}

static uint64_t hash_of(const char *s, size_t n)
{
	uint64_t hash = n, word;

	for (; n >= sizeof(word); n -= sizeof(word), s += sizeof(word)) {
		memcpy(&word, s, sizeof(word));
		hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
		hash ^= hash >> 32;
	}
	for (; n; n--)
		hash = (hash ^ (unsigned char)*s++) * 0x9e3779b97f4a7c15ull;
	return hash ^ hash >> 32;
}

char *resolve_cut(struct resolver *r, char *name)
{
	size_t n = name ? strlen(name) : 0;
	char *kept;

	if (n <= RESOLVE_NAME_MAX)
		return name;
	r->names_cut++;
	if (asprintf(&kept, "%.*s...#%016" PRIx64, RESOLVE_NAME_MAX - 20, name, hash_of(name, n)) <
	    0)
		kept = NULL;
	free(name);
	return kept;
}

static int frame_fill(struct resolver *r, struct report_frame *to, const struct go_frame *from,
		      uint64_t pc)
{
	to->function = resolve_cut(r, shorten_type_arguments(from->function));
	to->file = resolve_cut(r, strdup(from->file));
	to->line = from->line;
	to->start_line = from->start_line;
	to->pc = pc;
	to->inlined = from->inlined;
	to->runtime = is_runtime(from->function);
	return to->function && to->file ? 0 : -ENOMEM;
}

struct resolver_file resolve_file(const struct resolver *r, uint64_t addr)
{
	uint64_t offset;
	size_t i;

	for (i = 0; i < r->nplugins; i++)
		if (!elf_file_offset(go_binary_elf(r->plugins[i].bin), addr - r->plugins[i].bias,
				     &offset))
			return r->plugins[i];
	return (struct resolver_file){r->bin, r->bias};
}

/* As go_binary_frames(), of whichever file the code is in. */
static int frames_of(const struct resolver *r, uint64_t pc, bool is_return, struct go_frame *out,
		     size_t max)
{
	struct resolver_file f = resolve_file(r, pc - is_return);

	return go_binary_frames(f.bin, pc - f.bias, is_return, out, max);
}

/* Its caller was not called from: the kernel has put it there, at the instruction that faulted (Go
 * src/runtime/signal_amd64.go: preparePanic()). */
static bool is_signal(const struct report_access *access)
{
	return access->nframes &&
	       !strcmp(access->frames[access->nframes - 1].function, "runtime.sigpanic");
}

static int frames_at(struct resolver *r, uint64_t pc, bool is_return, struct report_access *out)
{
	struct go_frame frames[MAX_INLINED];
	struct report_frame *grown;
	int n, i;

	n = frames_of(r, pc, is_return, frames, MAX_INLINED);
	if (n <= 0)
		return n;
	if ((size_t)n > RESOLVE_FRAMES_MAX - out->nframes) {
		n = (int)(RESOLVE_FRAMES_MAX - out->nframes);
		out->truncated = true;
	}
	if (!strcmp(frames[0].function, "?") && !frames[0].inlined)
		r->unresolved++;
	grown = realloc(out->frames, (out->nframes + (size_t)n) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	out->frames = grown;
	for (i = 0; i < n; i++) {
		memset(&grown[out->nframes], 0, sizeof(*grown));
		out->nframes++;
		if (frame_fill(r, &grown[out->nframes - 1], &frames[i], pc))
			return -ENOMEM;
	}
	return 0;
}

static int creation(struct resolver *r, const struct mr_access *raw, struct report_creation *out)
{
	struct go_frame frames[MAX_INLINED];
	int n;

	out->goroutine = raw->parent_goid;
	n = raw->gopc ? frames_of(r, raw->gopc, true, frames, MAX_INLINED) : 0;
	/* The first goroutine is made by the runtime's start-up code: not worth a line. */
	if (n <= 0 || !strcmp(frames[0].function, "?") || is_runtime(frames[0].function)) {
		static const struct go_frame none = {.function = "", .file = ""};

		return frame_fill(r, &out->at, &none, 0);
	}
	out->known = true;
	return frame_fill(r, &out->at, &frames[0], raw->gopc);
}

/* The runtime's own outermost frames tell a reader nothing. */
static void drop_outer(struct report_access *out)
{
	while (out->nframes > 1) {
		struct report_frame *last = &out->frames[out->nframes - 1];

		if (strcmp(last->function, "runtime.goexit") &&
		    strcmp(last->function, "runtime.main"))
			return;
		free(last->function);
		free(last->file);
		out->nframes--;
	}
}

int resolve_access(struct resolver *r, const struct mr_access *raw, struct report_access *out)
{
	uint32_t i, n = raw->nframes < MR_FRAMES ? raw->nframes : MR_FRAMES;
	int e;

	memset(out, 0, sizeof(*out));
	out->op = resolve_op(raw->op);
	out->goroutine = raw->goid;
	out->tid = raw->tid;
	out->cpu = raw->cpu;
	out->time_ns = raw->time_ns > r->start_ns ? raw->time_ns - r->start_ns : 0;
	out->truncated = raw->flags & (MR_ACCESS_TRUNCATED | MR_ACCESS_BROKEN);
	out->partial = raw->flags & MR_ACCESS_PARTIAL;
	e = creation(r, raw, &out->created_by);
	for (i = 0; i < n && !e && out->nframes < RESOLVE_FRAMES_MAX; i++)
		e = frames_at(r, raw->pcs[i], i > 0 && !is_signal(out), out);
	if (!e && out->nframes == RESOLVE_FRAMES_MAX) {
		out->truncated |= i < n;
		r->stacks_cut += out->truncated;
	}
	if (!e)
		e = labels_read(r, raw, out);
	if (e) {
		report_access_free(out);
		return e;
	}
	drop_outer(out);
	return 0;
}

static int read_live(void *ctx, uint64_t addr, void *buf, size_t len)
{
	return process_read(ctx, addr, buf, len);
}

char *resolve_type(struct resolver *r, uint64_t type)
{
	struct resolver_file f = resolve_file(r, type);
	char name[512];

	if (!type)
		return strdup("");
	if (!go_binary_type_name(f.bin, type - f.bias, name, sizeof(name)))
		return strdup(name);
	if (!go_binary_live_type_name(r->bin, r->bias, type, read_live, (void *)r->process, name,
				      sizeof(name)))
		return strdup(name);
	return strdup("");
}

static uint64_t word_at(const uint8_t *header, size_t len, size_t offset)
{
	uint64_t v = 0;

	if (offset + sizeof(v) <= len)
		memcpy(&v, header + offset, sizeof(v));
	return v;
}

int resolve_map(struct resolver *r, uint64_t addr, uint64_t type, const uint8_t *header, size_t len,
		struct report_map *map)
{
	const struct go_layout *l = go_binary_layout(r->bin);

	memset(map, 0, sizeof(*map));
	map->addr = addr;
	map->type = resolve_type(r, type);
	if (!map->type)
		return -ENOMEM;
	map->swiss = l->map_impl == GO_MAP_SWISS;
	if (len < l->map_size)
		return 0;
	map->header_known = true;
	map->len = word_at(header, len, 0);
	map->writing = l->map_flags < len && header[l->map_flags] & l->map_writing_mask;
	if (map->swiss) {
		/* Swiss: Map{used u64 @0, seed @8, dirPtr @16, dirLen @24}; dirLen 0: one group of
		 * eight slots. Tables grow in one go. */
		map->seed = word_at(header, len, 8);
		if (!word_at(header, len, 24))
			map->buckets = 1;
		return 0;
	}
	/* classic: hmap{count @0, flags u8 @8, B u8 @9, noverflow u16 @10, hash0 u32 @12, buckets
	 * @16, oldbuckets @24} */
	map->seed = word_at(header, len, 8) >> 32;
	if (header[9] < 64)
		map->buckets = 1ull << header[9];
	map->growing = word_at(header, len, 24) != 0;
	return 0;
}
