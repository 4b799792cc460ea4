/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_GO_GOMAP_HASH_H
#define MAPRACE_GO_GOMAP_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "go/go_binary.h"
#include "process/memory.h"

/*
 * The hash functions of Go's maps, computed anew outside of the process. What they depend on is in
 * it: random keys that it made at its start, and whether its CPU has AES. Source:
 * src/runtime/alg.go, hash64.go, asm_amd64.s; from 1.27 on src/internal/runtime/maps.
 */
struct gomap_keys {
	bool aes;
	uint8_t schedule[128]; /* aeskeysched */
	uint64_t hashkey[4];   /* without AES; the constants of older versions included */
};

/*
 * The keys of a process. They have no symbols in a stripped program, but the code of memhash64
 * refers to them. -ENOENT where it is not as it is known, -EFAULT.
 */
int gomap_keys_read(struct gomap_keys *keys, const struct go_binary *bin, uint64_t bias,
		    struct memory *memory);

uint64_t gomap_memhash(const struct gomap_keys *keys, const uint8_t *data, size_t len,
		       uint64_t seed);
uint64_t gomap_memhash32(const struct gomap_keys *keys, uint32_t data, uint64_t seed);
uint64_t gomap_memhash64(const struct gomap_keys *keys, uint64_t data, uint64_t seed);

/* How a type of key is hashed. */
enum gomap_hasher {
	GOMAP_HASH_NONE, /* not known, or not by us */
	GOMAP_HASH_ZERO, /* no bytes: the seed */
	GOMAP_HASH_32,
	GOMAP_HASH_64,
	GOMAP_HASH_BYTES, /* memhash of the whole key */
	GOMAP_HASH_STRING,
	GOMAP_HASH_TYPE,     /* by the parts of its type, as the runtime does: typehash() */
	GOMAP_HASH_COMPILED, /* by the parts of its type, as the compiler does */
};

struct gomap_hash {
	const struct gomap_keys *keys;
	const struct go_layout *layout;
	struct memory *memory;
	enum gomap_hasher how;
	uint64_t key_type; /* its descriptor, in the process */
	uint64_t key_size;
};

/*
 * The hash of a key that was copied from the process. 0; -ENOTSUP this one has none that can be
 * known (a NaN has a random one), or is not known to us; -EFAULT what it refers to cannot be read;
 * -ETIME.
 */
int gomap_hash_key(const struct gomap_hash *h, const uint8_t *key, uint64_t seed, uint64_t *out);

#endif
