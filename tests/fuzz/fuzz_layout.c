/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The input is what a version is compared with, in a small program that is right otherwise: 128
 * bytes of code of runtime.schedinit, then the section of types with the runtime's own, and with
 * the variable that holds the version. One bit takes the build info away.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "../unit/memfile.h"
#include "go/go_binary.h"
#include "mini_elf.h"

#define CODE_AT 0x1000u /* in the file */
#define CODE_SIZE 128u
#define FILE_SIZE 0x1200u
#define TYPES_MAX 1200u
/* in the section of types: type g, its fields, names, the variable and its text */
#define FIELDS_AT 128u
#define NAMES_AT 480u
#define VERSION_AT 768u
#define NFIELDS 13u

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

static uint64_t types_of(struct mini_elf *mini, const uint8_t *types, size_t size,
			 bool without_info)
{
	static const uint8_t zeros[32];
	struct mini_piece piece = {types, size}, sample = {NULL, 0}, none = {zeros, sizeof(zeros)};

	mini_make(mini, 24, false, without_info ? none : sample, sample, piece);
	return mini->types;
}

static void put_name(uint8_t *at, const char *name)
{
	at[1] = (uint8_t)strlen(name);
	memcpy(at + 2, name, at[1]);
}

/* Type g of Go 1.24, and the variable that schedinit compares. */
static size_t sample(uint8_t *out, bool without_info)
{
	static const struct {
		const char *name;
		unsigned int offset;
	} fields[] = {
		{"stack", 0},	    {"m", 48},		 {"goid", 160},		{"gopc", 288},
		{"startpc", 304},   {"parentGoid", 280}, {"labels", 352},	{"sched", 56},
		{"syscallsp", 112}, {"syscallpc", 120},	 {"atomicstatus", 152}, {"waitsince", 176},
		{"waitreason", 184}};
	static struct mini_elf mini;
	uint8_t *code = out + 1, *t = code + CODE_SIZE;
	uint64_t types, name = NAMES_AT + 40;

	memset(out, 0, 1 + CODE_SIZE + VERSION_AT + 32);
	out[0] = without_info;
	types = types_of(&mini, t, VERSION_AT + 32, without_info);
	mini_put(t, 440, 8);
	t[23] = 25;
	mini_put(t + 40, NAMES_AT, 4);
	put_name(t + NAMES_AT, "*runtime.g");
	put_name(t + NAMES_AT + 20, "runtime");
	mini_put(t + 48, types + NAMES_AT + 20, 8);
	mini_put(t + 56, types + FIELDS_AT, 8);
	mini_put(t + 64, NFIELDS, 8);
	for (unsigned int i = 0; i < NFIELDS; i++) {
		mini_put(t + FIELDS_AT + 24 * i, types + name, 8);
		mini_put(t + FIELDS_AT + 24 * i + 16, fields[i].offset, 8);
		put_name(t + name, fields[i].name);
		name += strlen(fields[i].name) + 2;
	}
	mini_put(t + VERSION_AT, types + VERSION_AT + 16, 8);
	mini_put(t + VERSION_AT + 8, 8, 8);
	memcpy(t + VERSION_AT + 16, "go1.24.4", 8);
	memcpy(code, "\x48\x83\x3d", 3);
	mini_put(code + 3, types + VERSION_AT + 8 - (MINI_TEXT + 64 + 8), 4);
	return 1 + CODE_SIZE + VERSION_AT + 32;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	uint8_t out[1 + CODE_SIZE + VERSION_AT + 32];

	if (size > 1 + CODE_SIZE)
		return LLVMFuzzerMutate(data, size, max);
	if (sample(out, seed & 1) > max)
		return LLVMFuzzerMutate(data, size, max);
	memcpy(data, out, sizeof(out));
	return sizeof(out);
}

/* The second function becomes schedinit, and the file reaches as far as its code. */
static void complete(struct mini_elf *mini, const uint8_t *code)
{
	uint8_t *name = memmem(mini->data, mini->size, "runtime.mapassign", 17);

	if (!name || mini->size > CODE_AT)
		abort();
	memcpy(name, "runtime.schedinit", 17);
	memcpy(mini->data + CODE_AT + 64, code, CODE_SIZE);
	mini->size = FILE_SIZE;
	mini_put(mini->data + 64 + 32, FILE_SIZE, 8); /* p_filesz, p_memsz */
	mini_put(mini->data + 64 + 40, FILE_SIZE, 8);
}

static int try(const uint8_t *data, size_t size)
{
	static struct mini_elf mini;
	struct err err = {.text = ""};
	struct go_binary *bin;
	struct memfile m;
	size_t rest = size - 1 - CODE_SIZE;
	int code;

	types_of(&mini, data + 1 + CODE_SIZE, rest > TYPES_MAX ? TYPES_MAX : rest, data[0] & 1);
	complete(&mini, data + 1);
	m = memfile_make(mini.data, mini.size);
	code = go_binary_open(&bin, m.path, &err);
	if (!code) {
		if (go_binary_layout(bin)->minor != 24 && !(data[0] & 1))
			abort();
		go_binary_close(bin);
	} else if (!err.text[0]) {
		abort(); /* every refusal says why */
	}
	memfile_close(&m);
	return code;
}

/* Or nothing of what is behind the first refusal is looked at. */
static void check_samples(void)
{
	uint8_t out[1 + CODE_SIZE + VERSION_AT + 32];

	for (int i = 0; i < 2; i++) {
		if (try(out, sample(out, i)))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool checked;

	if (!checked)
		check_samples();
	checked = true;
	if (size > 1 + CODE_SIZE)
		try(data, size);
	return 0;
}
