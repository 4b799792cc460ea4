/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_DETECT_BPFMAP_KEYS_H
#define MAPRACE_DETECT_BPFMAP_KEYS_H

#include <stddef.h>
#include <stdint.h>

struct btf;

/* Bytes of a key or a value for a person. Both are malloc'ed; NULL: no memory. */
/* "07 00 00 00", with " ..." when the whole is longer than what is at hand. */
char *bytes_hex(const uint8_t *bytes, size_t have, size_t whole);
/*
 * As C would write it, "{.addr = 0x0a000001, .port = 80}", by type id; "" when the type is not
 * known or the bytes at hand do not reach. The type information comes from whoever made the map:
 * depth, length and numbers of members are bounded.
 */
char *bytes_typed(const struct btf *btf, uint32_t type, const uint8_t *bytes, size_t have);

#endif
