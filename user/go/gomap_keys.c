/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Where a process keeps what its hashes depend on. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "go/gomap_hash.h"

#define MAX_CODE 4096

/* src/runtime/hash64.go to 1.22: constants where later versions have random keys */
#define M1 0xa0761d6478bd642full
#define M2 0xe7037ed1a0b428dbull
#define M3 0x8ebc6af09c88c6e3ull
#define M4 0x589965cc75374cc3ull

struct code {
	uint8_t bytes[MAX_CODE];
	size_t len;
	uint64_t at; /* link-time */
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

/* Where an instruction's operand is whose address is a signed 32-bit number behind the opcode,
 * relative to the instruction's end. mask: bits of the opcode's bytes that count. */
static bool find_operand(const struct code *c, const uint8_t *opcode, const uint8_t *mask, size_t n,
			 size_t tail, uint64_t *out)
{
	size_t i, k;

	for (i = 0; i + n + 4 + tail <= c->len; i++) {
		for (k = 0; k < n && (c->bytes[i + k] & mask[k]) == opcode[k]; k++)
			;
		if (k < n)
			continue;
		*out = c->at + i + n + 4 + tail +
		       (uint64_t)(int64_t)(int32_t)get_le32(c->bytes + i + n);
		return true;
	}
	return false;
}

static bool find_in(const struct go_binary *bin, const char *const *names, const uint8_t *opcode,
		    const uint8_t *mask, size_t n, size_t tail, uint64_t *out)
{
	struct code *c = malloc(sizeof(*c));
	bool found = false;

	for (; c && *names && !found; names++)
		found = !read_code(bin, *names, c) && find_operand(c, opcode, mask, n, tail, out);
	free(c);
	return found;
}

int gomap_keys_read(struct gomap_keys *keys, const struct go_binary *bin, uint64_t bias,
		    struct memory *memory)
{
	static const char *const users[] = {"runtime.memhash64", "internal/runtime/maps.MemHash64",
					    NULL};
	static const char *const aes[] = {"runtime.memhash64", "internal/runtime/maps.memHash64AES",
					  NULL};
	static const char *const plain[] = {"runtime.memhash64Fallback",
					    "internal/runtime/maps.MemHash64",
					    "internal/runtime/maps.memHash64Fallback", NULL};
	static const uint8_t cmpb[] = {0x80, 0x3d}, aesenc[] = {0x66, 0x0f, 0x38, 0xdc, 0x05};
	static const uint8_t xorq[] = {0x48, 0x33, 0x05}, all[] = {0xff, 0xff, 0xff, 0xff, 0xff};
	static const uint8_t xor_mask[] = {0xff, 0xff, 0xc7}; /* any register */
	uint64_t at, words[4];
	uint8_t flag, raw[32];
	size_t i;

	memset(keys, 0, sizeof(*keys));
	if (!find_in(bin, users, cmpb, all, sizeof(cmpb), 1, &at))
		return -ENOENT;
	if (memory_read(memory, at + bias, &flag, 1))
		return -EFAULT;
	keys->aes = flag != 0;
	if (keys->aes) {
		if (!find_in(bin, aes, aesenc, all, sizeof(aesenc), 0, &at))
			return -ENOENT;
		return memory_read(memory, at + bias, keys->schedule, sizeof(keys->schedule))
			       ? -EFAULT
			       : 0;
	}
	if (!find_in(bin, plain, xorq, xor_mask, sizeof(xorq), 0, &at))
		return -ENOENT;
	if (memory_read(memory, at + bias, raw, sizeof(raw)))
		return -EFAULT;
	for (i = 0; i < 4; i++)
		words[i] = get_le64(raw + 8 * i);
	if (go_binary_layout(bin)->hash_constants) {
		words[0] ^= M1;
		words[1] = M2;
		words[2] = M3;
		words[3] = M4;
	}
	memcpy(keys->hashkey, words, sizeof(words));
	return 0;
}
