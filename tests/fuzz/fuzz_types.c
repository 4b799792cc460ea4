/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The input is the section of type descriptors and their names, in a small program that is right
 * otherwise, and at the same time the memory of a process in which reflection has made types.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "../unit/memfile.h"
#include "base/bits.h"
#include "go/go_binary.h"
#include "mini_elf.h"

#define HEAP 0xc000000000u

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	uint8_t sample[1024];
	size_t n;

	if (size >= 128)
		return LLVMFuzzerMutate(data, size, max);
	n = mini_types(sample);
	mini_put(sample + 32 + 48, HEAP + 128, 8); /* key and element of the map */
	mini_put(sample + 32 + 56, HEAP + (seed & 1 ? 32 : 224), 8);
	if (n > max)
		return LLVMFuzzerMutate(data, size, max);
	memcpy(data, sample, n);
	return n;
}

struct memory {
	const uint8_t *data;
	size_t size;
	int reads;
};

static int read_memory(void *ctx, uint64_t addr, void *buf, size_t len)
{
	struct memory *mem = ctx;

	if (++mem->reads > 1000)
		abort(); /* a type of types of types… must end */
	if (addr < HEAP || !range_fits(addr - HEAP, len, mem->size))
		return -EFAULT;
	memcpy(buf, mem->data + (addr - HEAP), len);
	return 0;
}

static void ask(const struct go_binary *bin, uint64_t types, const uint8_t *data, size_t size)
{
	static const size_t lens[] = {64, 16, 3, 1};
	struct memory mem = {data, size, 0};
	char buf[64];

	for (size_t at = 0; at <= size && at < 4096; at += 32) {
		size_t len = lens[at / 32 % 4];

		memset(buf, 'x', sizeof(buf));
		go_binary_type_name(bin, types + at, buf, len);
		if (!memchr(buf, 0, len))
			abort();
		memset(buf, 'x', sizeof(buf));
		mem.reads = 0;
		go_binary_live_type_name(bin, 0, HEAP + at, read_memory, &mem, buf, len);
		if (!memchr(buf, 0, len))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct mini_elf mini;
	struct mini_piece piece = {data, size}, sample = {NULL, 0};
	struct err err = {.text = ""};
	struct go_binary *bin;
	struct memfile m;

	mini_make(&mini, 24, false, sample, sample, piece);
	m = memfile_make(mini.data, mini.size);
	if (go_binary_open(&bin, m.path, &err))
		abort(); /* the program around it is right */
	ask(bin, mini.types, data, size);
	go_binary_close(bin);
	memfile_close(&m);
	return 0;
}
