/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The input is the memory of a process: the list of goroutines, goroutines with stacks, a map's type
 * and a map, each at the place where the sample has it, and whatever else follows from that. One
 * byte chooses the version and how hashes are made, and the registers of a thread stand behind it.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "../unit/memfile.h"
#include "base/bits.h"
#include "base/clock.h"
#include "go/go_binary.h"
#include "go/gomap.h"
#include "mini_elf.h"
#include "process/memory.h"
#include "snapshot/goroutines.h"
#include "snapshot/groups.h"

#define AT 0xc000000000ull
#define SIZE 65536u /* a piece of frozen memory */
#define HEAD 32u    /* bytes before the memory */
#define TYPE_AT 0x100u
#define KEY_TYPE 0x200u
#define MAP 0x300u
#define DIRECTORY 0x340u
#define TABLE 0x380u
#define GROUPS 0x400u
#define GS 0x600u
#define STACK 0xa00u
#define SAMPLE 0xc00u
#define TID 77
#define MAX_NS 30000000 /* enough for nearly all that can be in so little memory */

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

static void put_goroutine(uint8_t *memory, const struct go_layout *l, size_t at, uint32_t status)
{
	uint8_t *g = memory + at;

	mini_put(g + l->g_stack_lo, AT + STACK, 8);
	mini_put(g + l->g_stack_hi, AT + STACK + 512, 8);
	mini_put(g + l->g_m, AT + GS, 8);
	mini_put(g + l->g_goid, 1 + at, 8);
	mini_put(g + l->g_status, status, 4);
	mini_put(g + l->g_sched_sp, AT + STACK + 16, 8);
	mini_put(g + l->g_sched_pc, MINI_TEXT + 80, 8);
	mini_put(g + l->g_syscallsp, AT + STACK + 16, 8);
	mini_put(g + l->g_syscallpc, MINI_TEXT + 20, 8);
	mini_put(g + l->g_gopc, MINI_TEXT + 5, 8);
	mini_put(g + l->m_procid, TID, 8);
}

/* What a small process has there. */
static size_t sample(uint8_t *out, bool swiss)
{
	const struct go_layout *l = go_layout_find(swiss ? 24 : 23, false);
	uint8_t *memory = out + HEAD;
	size_t i;

	memset(out, 0, HEAD + SAMPLE);
	out[0] = swiss;
	mini_put(out + 8, MINI_TEXT + 90, 8);
	mini_put(out + 16, AT + STACK + 32, 8);
	mini_put(out + 24, AT + STACK + 64, 8);
	mini_put(memory, AT + 0x20, 8);
	mini_put(memory + 8, 2, 8);
	mini_put(memory + 16, 4, 8);
	mini_put(memory + 0x20, AT + GS, 8);
	mini_put(memory + 0x28, AT + GS + 512, 8);
	put_goroutine(memory, l, GS, GOROUTINE_RUNNING);
	put_goroutine(memory, l, GS + 512, GOROUTINE_WAITING);
	for (i = 0; i < 512; i += 16) {
		mini_put(memory + STACK + i, AT + STACK + i + 48, 8);
		mini_put(memory + STACK + i + 8, MINI_TEXT + 30 + i / 4, 8);
	}
	memory[TYPE_AT + 23] = 21;
	mini_put(memory + TYPE_AT, 8, 8);
	mini_put(memory + TYPE_AT + 48, AT + KEY_TYPE, 8);
	mini_put(memory + TYPE_AT + 56, AT + KEY_TYPE, 8);
	mini_put(memory + KEY_TYPE, 8, 8);
	memory[KEY_TYPE + 20] = 8;
	memory[KEY_TYPE + 23] = 2;
	mini_put(memory + MAP, 3, 8);
	if (swiss) {
		mini_put(memory + TYPE_AT + 80, 136, 8);
		mini_put(memory + TYPE_AT + 88, 16, 8);
		mini_put(memory + TYPE_AT + 96, 8, 8);
		mini_put(memory + MAP + 16, AT + DIRECTORY, 8);
		mini_put(memory + MAP + 24, 1, 8);
		memory[MAP + 33] = 64;
		mini_put(memory + DIRECTORY, AT + TABLE, 8);
		mini_put(memory + TABLE, 3, 2);
		mini_put(memory + TABLE + 2, 16, 2);
		mini_put(memory + TABLE + 16, AT + GROUPS, 8);
		mini_put(memory + TABLE + 24, 1, 8);
		memset(memory + GROUPS + 3, 0x80, 5);
		memset(memory + GROUPS + 136, 0x80, 8);
	} else {
		memory[TYPE_AT + 80] = memory[TYPE_AT + 81] = 8;
		mini_put(memory + TYPE_AT + 82, 144, 2);
		memory[MAP + 9] = 1;
		mini_put(memory + MAP + 16, AT + GROUPS, 8);
		memset(memory + GROUPS, 9, 3);
	}
	return HEAD + SAMPLE;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	if (size < 1024 && max >= HEAD + SAMPLE)
		return sample(data, seed & 1);
	return LLVMFuzzerMutate(data, size, max);
}

static void read_goroutines(const struct go_binary *bin, struct memory *memory, const uint8_t *head)
{
	struct frozen_thread thread = {.tid = TID, .own = TID, .stopped = true, .known = true};
	struct freeze freeze = {.threads = &thread, .n = 1};
	struct report_snapshot out = {.pid = 1};
	struct goroutines gs;
	struct unwinder u;

	thread.regs.rip = get_le64(head + 8);
	thread.regs.rsp = get_le64(head + 16);
	thread.regs.rbp = get_le64(head + 24);
	if (unwinder_init(&u, bin, 0, memory))
		abort();
	if (!goroutines_read(&gs, go_binary_layout(bin), AT, get_le64(head + 24), memory, &freeze,
			     &u) &&
	    groups_make(&out, &gs, bin, 0, 1000000))
		abort();
	goroutines_free(&gs);
	unwinder_free(&u);
	report_snapshot_free(&out);
}

static void read_map(const struct go_binary *bin, struct memory *memory, uint8_t how)
{
	struct gomap_keys keys = {.aes = how & 4, .schedule = {1, 2, 3}, .hashkey = {1, 2, 3, 4}};
	struct gomap_type type;
	struct gomap_types types = {&type, 1};
	struct gomap g = {
		.layout = go_binary_layout(bin),
		.memory = memory,
		.keys = &keys,
		.types = &types,
		.bias = how & 2 ? AT : 0,
		.values = how & 8,
	};
	struct report_snapshot out = {.maps = calloc(1, sizeof(*out.maps)), .nmaps = 1};

	if (!gomap_type_read(&type, bin, 0, memory, AT + TYPE_AT)) {
		if (type.how == GOMAP_HASH_NONE)
			type.how = (enum gomap_hasher)(how >> 5);
		if (gomap_dump(&g, AT + MAP, how & 16 ? type.name : NULL, out.maps))
			abort();
	}
	report_snapshot_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct go_binary *bins[2];
	static uint8_t copy[SIZE];
	const struct memory_part part = {AT, copy, SIZE};
	struct memory *memory;
	struct err err = {.text = ""};
	struct mini_elf *mini;
	struct memfile m;
	int i;

	for (i = 0; i < 2 && !bins[i]; i++) {
		struct mini_piece none = {NULL, 0};

		mini = malloc(sizeof(*mini));
		mini_make(mini, i ? 24 : 23, false, none, none, none);
		m = memfile_make(mini->data, mini->size);
		if (go_binary_open(&bins[i], m.path, &err))
			abort(); /* it is right */
		memfile_close(&m);
		free(mini);
	}
	if (size < HEAD)
		return 0;
	memset(copy, 0, sizeof(copy));
	memcpy(copy, data + HEAD, size - HEAD < SIZE ? size - HEAD : SIZE);
	memory = data[0] & 2 ? memory_frozen(memory_parts(&part, 1)) : memory_parts(&part, 1);
	memory_deadline(memory, clock_ns(CLOCK_MONOTONIC) + MAX_NS);
	read_goroutines(bins[data[0] & 1], memory, data);
	read_map(bins[data[0] & 1], memory, data[0]);
	memory_close(memory);
	return 0;
}
