/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "go/heap_profile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "go/data_refs.h"
#include "go/go_layout.h"

#define MAX_CODE 4096
#define MAX_BUCKETS 100000
#define MAX_PCS (4u << 20)
#define MAX_STACK 1024 /* src/runtime/mprof.go: maxProfStackDepth, with room */
#define MAX_RATE (1ull << 40)
#define MAX_ADDRESS (1ull << 47)
#define WINDOW 12 /* bytes that may stand between two instructions that belong together */

/* type bucket, memRecord, memRecordCycle; the same in all versions, but for what a cycle counts. */
#define BUCKET_ALLNEXT 8
#define BUCKET_TYPE 16
#define BUCKET_HASH 24
#define BUCKET_SIZE 32
#define BUCKET_NSTK 40
#define BUCKET_BYTES 48
#define MEM_PROFILE 1
#define CYCLES 4 /* active, and three to come */

struct code {
	uint8_t bytes[MAX_CODE];
	size_t len;
	uint64_t at; /* link-time */
};

struct bucket {
	uint64_t next, hash, size;
	uint64_t stack[MAX_STACK];
	size_t n;
	struct heap_counts active, all;
};

static int read_code(const struct go_binary *bin, const char *name, struct code *c)
{
	const char *const names[] = {name};
	struct go_func f = {};

	if (go_binary_find_funcs(bin, names, 1, &f) || !f.name || f.end <= f.entry)
		return -ENOENT;
	c->len = f.end - f.entry < MAX_CODE ? (size_t)(f.end - f.entry) : MAX_CODE;
	c->at = f.entry;
	return elf_file_read(go_binary_elf(bin), f.entry, c->bytes, c->len) ? -ENOENT : 0;
}

/* Where an operand is that is told by its distance from the end of the instruction: tail bytes
 * stand behind the four of the distance. */
static uint64_t operand(const struct code *c, size_t at, size_t tail)
{
	return c->at + at + 4 + tail + (uint64_t)(int64_t)(int32_t)get_le32(c->bytes + at);
}

/* ---- how much is sampled ---- */

/* cmpb $0, disableMemoryProfiling; je; movq $0, MemProfileRate */
static bool find_rate_that_is_cleared(const struct code *c, uint64_t *out)
{
	static const uint8_t cmpb[] = {0x80, 0x3d}, movq[] = {0x48, 0xc7, 0x05};
	size_t i, k;

	for (i = 0; i + 7 <= c->len; i++) {
		if (memcmp(c->bytes + i, cmpb, sizeof(cmpb)) != 0 || c->bytes[i + 6])
			continue;
		for (k = i + 7; k < i + 7 + WINDOW && k + 11 <= c->len; k++)
			if (!memcmp(c->bytes + k, movq, sizeof(movq)) &&
			    !get_le32(c->bytes + k + 7)) {
				*out = operand(c, k + 3, 4);
				return true;
			}
	}
	return false;
}

/* movq MemProfileRate, %rax; cmpq $1, %rax */
static bool find_rate_that_is_compared(const struct code *c, uint64_t *out)
{
	static const uint8_t movq[] = {0x48, 0x8b, 0x05}, cmpq[] = {0x48, 0x83, 0xf8, 0x01};
	size_t i, k;

	for (i = 0; i + 7 <= c->len; i++) {
		if (memcmp(c->bytes + i, movq, sizeof(movq)) != 0)
			continue;
		for (k = i + 7; k < i + 7 + WINDOW && k + 4 <= c->len; k++)
			if (!memcmp(c->bytes + k, cmpq, sizeof(cmpq))) {
				*out = operand(c, i + 3, 0);
				return true;
			}
	}
	return false;
}

static uint64_t find_rate(const struct go_binary *bin, struct code *c)
{
	uint64_t at;

	if (!(!read_code(bin, "runtime.schedinit", c) && find_rate_that_is_cleared(c, &at)) &&
	    !(!read_code(bin, "runtime.profilealloc", c) && find_rate_that_is_compared(c, &at)))
		return 0;
	return data_has(bin, at) ? at : 0;
}

static int read_rate(uint64_t at, struct memory *memory, uint64_t *rate, struct err *err)
{
	int r = memory_u64(memory, at, rate);

	if (r)
		return err_set(err, r, "how much the runtime samples cannot be read: %s",
			       err_name(r));
	if (*rate > MAX_RATE)
		return err_set(err, -ENOENT,
			       "how much the runtime samples is no number that can be");
	if (!*rate)
		return err_set(
			err, -ENODATA,
			"the program does not sample its allocations (runtime.MemProfileRate is "
			"0, as the linker leaves it where nothing refers to runtime.MemProfile)");
	return 0;
}

/* ---- buckets ---- */

uint64_t heap_profile_hash(const uint64_t *pcs, size_t n, uint64_t size)
{
	uint64_t h = 0;
	size_t i;

	for (i = 0; i <= n; i++) {
		h += i < n ? pcs[i] : size;
		h += h << 10;
		h ^= h >> 6;
	}
	h += h << 3;
	return h ^ h >> 11;
}

static void add_cycle(struct heap_counts *to, const uint8_t *raw, bool has_bytes, uint64_t size)
{
	uint64_t allocs = get_le64(raw), frees = get_le64(raw + 8);

	to->allocs += allocs;
	to->frees += frees;
	to->alloc_bytes += has_bytes ? get_le64(raw + 16) : allocs * size;
	to->free_bytes += has_bytes ? get_le64(raw + 24) : frees * size;
}

/* 0, -EINVAL it is no bucket of memory, or what reading gave. */
static int read_bucket(const struct go_binary *bin, struct memory *memory, uint64_t at,
		       struct bucket *b)
{
	bool has_bytes = !go_binary_layout(bin)->mem_record_counts_only;
	size_t cycle = has_bytes ? 32 : 16, i;
	uint8_t raw[BUCKET_BYTES], cycles[CYCLES * 32];
	int r;

	if (at & 7 || at < 4096 || at >= MAX_ADDRESS)
		return -EINVAL;
	r = memory_read(memory, at, raw, sizeof(raw));
	if (r)
		return r;
	b->next = get_le64(raw + BUCKET_ALLNEXT);
	b->hash = get_le64(raw + BUCKET_HASH);
	b->size = get_le64(raw + BUCKET_SIZE);
	b->n = (size_t)get_le64(raw + BUCKET_NSTK);
	if (get_le64(raw + BUCKET_TYPE) != MEM_PROFILE || get_le64(raw + BUCKET_NSTK) > MAX_STACK)
		return -EINVAL;
	r = memory_read(memory, at + BUCKET_BYTES, b->stack, 8 * b->n);
	if (!r)
		r = memory_read(memory, at + BUCKET_BYTES + 8 * b->n, cycles, CYCLES * cycle);
	if (r)
		return r;
	if (heap_profile_hash(b->stack, b->n, b->size) != b->hash)
		return -EINVAL;
	b->active = b->all = (struct heap_counts){};
	add_cycle(&b->active, cycles, has_bytes, b->size);
	for (i = 0; i < CYCLES; i++)
		add_cycle(&b->all, cycles + i * cycle, has_bytes, b->size);
	return 0;
}

/* The list that the function refers to whose first element is a bucket of memory. 0: there is none
 * so far, or it cannot be read. */
static uint64_t find_list(const struct go_binary *bin, uint64_t bias, struct memory *memory,
			  struct code *c, struct bucket *b)
{
	uint64_t at, head;
	size_t i;

	if (read_code(bin, "runtime.stkbucket", c))
		return 0;
	for (i = 0; i + 4 <= c->len && !memory_late(memory); i++) {
		at = operand(c, i, 0);
		if (!(at & 7) && data_has(bin, at) && !memory_u64(memory, at + bias, &head) &&
		    head && !read_bucket(bin, memory, head, b))
			return at;
	}
	return 0;
}

int heap_profile_find(struct heap_place *place, const struct go_binary *bin, uint64_t bias,
		      struct memory *memory)
{
	struct code *code = malloc(sizeof(*code));
	struct bucket *bucket = calloc(1, sizeof(*bucket));
	int r = code && bucket ? 0 : -ENOMEM;

	if (!r && !place->rate)
		place->rate = find_rate(bin, code);
	if (!r && !place->list)
		place->list = find_list(bin, bias, memory, code, bucket);
	free(code);
	free(bucket);
	return r;
}

static bool can_be(const struct heap_counts *c)
{
	return c->frees <= c->allocs && c->free_bytes <= c->alloc_bytes &&
	       c->alloc_bytes <= INT64_MAX;
}

struct reading {
	struct heap_profile *out;
	size_t room, pcs_room;
};

static int keep(struct reading *k, const struct bucket *b)
{
	struct heap_profile *p = k->out;

	if (p->n == k->room) {
		size_t room = 2 * k->room + 1024;
		struct heap_bucket *list = reallocarray(p->list, room, sizeof(*list));

		if (!list)
			return -ENOMEM;
		p->list = list;
		k->room = room;
	}
	if (p->npcs + b->n > k->pcs_room) {
		size_t room = 2 * k->pcs_room + 16384;
		uint64_t *pcs = reallocarray(p->pcs, room, sizeof(*pcs));

		if (!pcs)
			return -ENOMEM;
		p->pcs = pcs;
		k->pcs_room = room;
	}
	if (b->n)
		memcpy(p->pcs + p->npcs, b->stack, 8 * b->n);
	p->list[p->n++] = (struct heap_bucket){b->active, b->all, b->size, p->npcs, b->n};
	p->npcs += b->n;
	return 0;
}

static void drop_bad(struct heap_profile *p)
{
	size_t i, n = 0;

	for (i = 0; i < p->n; i++)
		if (can_be(&p->list[i].published) && can_be(&p->list[i].all))
			p->list[n++] = p->list[i];
		else
			p->bad++;
	p->n = n;
}

static int read_list(const struct go_binary *bin, struct memory *memory, uint64_t head,
		     struct bucket *b, struct heap_profile *out)
{
	struct reading k = {.out = out};
	uint64_t at = head;
	size_t n = 0;
	bool late;
	int r = 0;

	for (b->next = 0; at && !r; at = b->next) {
		r = n++ == MAX_BUCKETS || out->npcs > MAX_PCS ? -ETIME
							      : read_bucket(bin, memory, at, b);
		if (!r)
			r = keep(&k, b);
	}
	late = r == -ETIME;
	if (late) {
		out->cut = true;
		r = 0;
	} else if (r == -EINVAL || r == -EFAULT) {
		out->bad++;
		out->cut = true;
		r = 0;
	}
	if (!r && out->cut && !out->n)
		r = late ? -ETIME : -ENOENT;
	drop_bad(out);
	return r;
}

int heap_profile_read(struct heap_profile *out, struct heap_place *place,
		      const struct go_binary *bin, uint64_t bias, struct memory *memory,
		      struct err *err)
{
	struct bucket *bucket = malloc(sizeof(*bucket));
	uint64_t head = 0;
	int r = bucket ? heap_profile_find(place, bin, bias, memory) : -ENOMEM;

	*out = (struct heap_profile){.n = 0};
	if (!r && !place->rate)
		r = err_set(err, -ENOENT,
			    "where the runtime keeps how much it samples was not found");
	if (!r)
		r = read_rate(place->rate + bias, memory, &out->rate, err);
	if (!r && place->list)
		r = memory_u64(memory, place->list + bias, &head);
	if (!r && head)
		r = read_list(bin, memory, head, bucket, out);
	else if (!r)
		r = memory_late(memory) ? -ETIME : -ENOENT;
	if (r == -ENOENT)
		err_set(err, r,
			"the runtime's profile of its heap was not found, or is empty so far");
	else if (r && r != -ENOMEM)
		err_set(err, r, "the runtime's profile of its heap cannot be read: %s",
			err_name(r));
	free(bucket);
	if (r)
		heap_profile_free(out);
	return r;
}

void heap_profile_free(struct heap_profile *p)
{
	free(p->list);
	free(p->pcs);
	*p = (struct heap_profile){.n = 0};
}
