/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_GO_AES_ROUND_H
#define MAPRACE_GO_AES_ROUND_H

#include <stdint.h>

struct aes_block {
	uint8_t bytes[16];
};

/* One round of AES encryption (the instruction AESENC): shift rows, substitute, mix columns, xor
 * with the key, which may be the state itself. Works on any CPU. */
void aes_round(struct aes_block *state, const struct aes_block *key);
/* The same without the CPU's help, for tests. */
void aes_round_plain(struct aes_block *state, const struct aes_block *key);

#endif
