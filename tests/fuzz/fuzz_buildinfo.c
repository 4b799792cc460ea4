/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The input stands where the build info of a small program stands: strings, lengths and pointers. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "../unit/memfile.h"
#include "go/buildinfo.h"
#include "go/go_binary.h"
#include "mini_elf.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	uint8_t sample[512];
	size_t n;

	if (size >= 32)
		return LLVMFuzzerMutate(data, size, max);
	n = mini_buildinfo(sample, 24);
	if (seed % 3 == 0) { /* Go up to 1.17: pointers to string headers behind them */
		sample[15] = 0;
		mini_put(sample + 16, MINI_BASE + MINI_BUILDINFO + 32, 8);
		mini_put(sample + 24, MINI_BASE + MINI_BUILDINFO + 48, 8);
		mini_put(sample + 32, MINI_BASE + MINI_BUILDINFO + 64, 8);
		mini_put(sample + 40, 9, 8);
		mini_put(sample + 48, MINI_BASE + MINI_BUILDINFO + 70, 8);
		mini_put(sample + 56, 30, 8);
		memcpy(sample + 64, "go1.15.15 ", 10);
	}
	if (n > max)
		return LLVMFuzzerMutate(data, size, max);
	memcpy(data, sample, n);
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct mini_elf mini;
	struct mini_piece piece = {data, size}, sample = {NULL, 0};
	struct err err = {.text = ""};
	struct buildinfo info;
	struct elf_file *elf;
	struct memfile m;
	int code;

	mini_make(&mini, 24, false, piece, sample, sample);
	m = memfile_make(mini.data, mini.size);
	if (elf_file_open(&elf, m.path, &err))
		abort(); /* the file around it is right */
	code = buildinfo_read(&info, elf, "input", &err);
	if (!code) {
		if (info.minor != buildinfo_minor(info.version) ||
		    strlen(info.module) >= sizeof(info.module))
			abort();
		buildinfo_free(&info);
	} else if (code == -EBADMSG && !err.text[0]) {
		abort();
	}
	elf_file_close(elf);
	memfile_close(&m);
	return 0;
}
