/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The input is a function table, in a small program that is right otherwise. What is left of it is
 * asked for every function, SP region, line and inlined frame. The first byte chooses the Go
 * version.
 */
#include <stdint.h>
#include <stdlib.h>

#include "../unit/memfile.h"
#include "go/go_binary.h"
#include "mini_elf.h"

static const int minors[] = {19, 24, 27};

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	uint8_t sample[1024];
	size_t n;

	if (size >= 73)
		return LLVMFuzzerMutate(data, size, max);
	sample[0] = (uint8_t)(seed % 3);
	n = 1 + mini_pclntab(sample + 1, seed % 3 == 0);
	if (n > max)
		return LLVMFuzzerMutate(data, size, max);
	memcpy(data, sample, n);
	return n;
}

static void check_function(const struct go_binary *bin, const struct go_func *f)
{
	struct go_sp_region regions[8];
	struct go_frame frames[8];
	uint64_t pcs[] = {f->entry, f->entry + 20, f->end - 1, f->end};
	int n = go_binary_sp_regions(bin, f, regions, 8);

	for (int i = 0; i < n && i < 8; i++) {
		if (regions[i].lo < f->entry || regions[i].hi > f->end ||
		    regions[i].lo >= regions[i].hi)
			abort();
	}
	for (size_t i = 0; i < sizeof(pcs) / sizeof(pcs[0]); i++) {
		n = go_binary_frames(bin, pcs[i], i & 1, frames, 8);
		if (n < 1 || n > 8)
			abort();
		for (int j = 0; j < n; j++) {
			if (!frames[j].function || !frames[j].file || frames[j].line < 0 ||
			    frames[j].start_line < 0)
				abort();
		}
	}
}

static void ask(const struct go_binary *bin)
{
	static const char *const names[] = {"main.main", "runtime.mapassign", "", "runtime.fatal"};
	struct go_func f, found[4];

	for (size_t i = 0; i < go_binary_func_count(bin) && i < 64; i++) {
		if (go_binary_func_at(bin, i, &f))
			continue;
		if (!f.name || f.index != i)
			abort();
		if (f.entry < f.end) /* an empty one is possible, and has no address of its own */
			check_function(bin, &f);
	}
	for (uint64_t pc = MINI_TEXT - 2; pc < MINI_TEXT + 256; pc += 9) {
		if (!go_binary_func_by_pc(bin, pc, &f) && (pc < f.entry || pc >= f.end))
			abort();
	}
	if (go_binary_find_funcs(bin, names, 4, found))
		abort();
	for (size_t i = 0; i < 4; i++) {
		if (found[i].name && strcmp(found[i].name, names[i]) != 0)
			abort();
	}
	go_binary_is_cgo(bin);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct mini_elf mini;
	struct mini_piece piece = {data + 1, size - 1}, sample = {NULL, 0};
	struct err err = {.text = ""};
	struct go_binary *bin;
	struct memfile m;

	if (!size)
		return 0;
	mini_make(&mini, minors[data[0] % 3], data[0] & 4, sample, piece, sample);
	m = memfile_make(mini.data, mini.size);
	if (!go_binary_open(&bin, m.path, &err)) {
		ask(bin);
		go_binary_close(bin);
	} else if (!err.text[0]) {
		abort();
	}
	memfile_close(&m);
	return 0;
}
