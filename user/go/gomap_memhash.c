/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <string.h>

#include "base/bits.h"
#include "go/aes_round.h"
#include "go/gomap_hash.h"

/* src/runtime/hash64.go */
#define M5 0x1d8e4e27c47d124full

static void load(struct aes_block *b, const uint8_t *data, size_t len)
{
	memset(b, 0, sizeof(*b));
	memcpy(b->bytes, data, len);
}

static void xor_in(struct aes_block *b, const uint8_t *data)
{
	size_t i;

	for (i = 0; i < 16; i++)
		b->bytes[i] ^= data[i];
}

static void scramble(struct aes_block *b, int times)
{
	while (times--)
		aes_round(b, b);
}

/* Lanes of 16 bytes: the first from the front, as many from the back, which may overlap. */
static uint64_t hash_lanes(const struct gomap_keys *keys, struct aes_block seed,
			   const uint8_t *data, size_t len, size_t lanes)
{
	struct aes_block x[8] = {};
	size_t i, k, half = lanes / 2;

	for (i = 0; i < lanes; i++) {
		x[i] = seed;
		xor_in(&x[i], keys->schedule + 16 * i);
		scramble(&x[i], 1);
	}
	if (len > 128) {
		for (i = 0; i < 8; i++)
			xor_in(&x[i], data + len - 128 + 16 * i);
		for (k = (len - 1) >> 7; k; k--, data += 128) {
			for (i = 0; i < 8; i++) {
				struct aes_block block;

				load(&block, data + 16 * i, 16);
				scramble(&x[i], 1);
				aes_round(&x[i], &block);
			}
		}
	} else {
		for (i = 0; i < half; i++) {
			xor_in(&x[i], data + 16 * i);
			xor_in(&x[half + i], data + len - 16 * (half - i));
		}
	}
	for (i = 0; i < lanes; i++) {
		scramble(&x[i], 3);
		if (i)
			xor_in(&x[0], x[i].bytes);
	}
	return get_le64(x[0].bytes);
}

static uint64_t hash_aes(const struct gomap_keys *keys, const uint8_t *data, size_t len,
			 uint64_t seed)
{
	struct aes_block x = {}, first;
	size_t i;

	memcpy(x.bytes, &seed, 8);
	for (i = 8; i < 16; i += 2) {
		x.bytes[i] = (uint8_t)len;
		x.bytes[i + 1] = (uint8_t)(len >> 8);
	}
	if (len > 16)
		return hash_lanes(keys, x, data, len, len > 64 ? 8 : len > 32 ? 4 : 2);
	xor_in(&x, keys->schedule);
	scramble(&x, 1);
	if (!len) {
		scramble(&x, 1);
		return get_le64(x.bytes);
	}
	load(&first, data, len);
	xor_in(&first, x.bytes);
	scramble(&first, 3);
	return get_le64(first.bytes);
}

static uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)(product >> 64) ^ (uint64_t)product;
}

static uint64_t hash_plain(const struct gomap_keys *keys, const uint8_t *p, size_t len,
			   uint64_t seed)
{
	const uint64_t *k = keys->hashkey;
	uint64_t a, b, seed1, seed2;
	size_t left = len;

	seed ^= k[0];
	if (!len)
		return seed;
	if (len < 4) {
		a = p[0] | (uint64_t)p[len >> 1] << 8 | (uint64_t)p[len - 1] << 16;
		b = 0;
	} else if (len <= 8) {
		a = len == 8 ? get_le64(p) : get_le32(p);
		b = len == 8 ? a : get_le32(p + len - 4);
	} else if (len <= 16) {
		a = get_le64(p);
		b = get_le64(p + len - 8);
	} else {
		if (left > 48) {
			seed1 = seed2 = seed;
			for (; left > 48; left -= 48, p += 48) {
				seed = mix(get_le64(p) ^ k[1], get_le64(p + 8) ^ seed);
				seed1 = mix(get_le64(p + 16) ^ k[2], get_le64(p + 24) ^ seed1);
				seed2 = mix(get_le64(p + 32) ^ k[3], get_le64(p + 40) ^ seed2);
			}
			seed ^= seed1 ^ seed2;
		}
		for (; left > 16; left -= 16, p += 16)
			seed = mix(get_le64(p) ^ k[1], get_le64(p + 8) ^ seed);
		/* may begin before p: 16 bytes that end where the data do */
		a = get_le64(p + left - 16);
		b = get_le64(p + left - 8);
	}
	return mix(M5 ^ len, mix(a ^ k[1], b ^ seed));
}

uint64_t gomap_memhash(const struct gomap_keys *keys, const uint8_t *data, size_t len,
		       uint64_t seed)
{
	return keys->aes ? hash_aes(keys, data, len, seed) : hash_plain(keys, data, len, seed);
}

static uint64_t hash_word(const struct gomap_keys *keys, uint64_t data, uint64_t size,
			  uint64_t seed)
{
	struct aes_block x = {}, key;
	size_t i;

	if (!keys->aes)
		return mix(M5 ^ size, mix(data ^ keys->hashkey[1], data ^ seed ^ keys->hashkey[0]));
	memcpy(x.bytes, &seed, 8);
	memcpy(x.bytes + 8, &data, size);
	for (i = 0; i < 3; i++) {
		load(&key, keys->schedule + 16 * i, 16);
		aes_round(&x, &key);
	}
	return get_le64(x.bytes);
}

uint64_t gomap_memhash32(const struct gomap_keys *keys, uint32_t data, uint64_t seed)
{
	return hash_word(keys, data, 4, seed);
}

uint64_t gomap_memhash64(const struct gomap_keys *keys, uint64_t data, uint64_t seed)
{
	return hash_word(keys, data, 8, seed);
}
