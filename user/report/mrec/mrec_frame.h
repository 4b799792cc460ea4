/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_REPORT_MREC_FRAME_H
#define MAPRACE_REPORT_MREC_FRAME_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <zlib.h>

/* Both heads, the file's and a record's, are four words, the last one the checksum of the others. */
#define MREC_FRAME 16

static inline void mrec_put_u32(unsigned char *p, uint32_t v)
{
	p[0] = v & 0xff;
	p[1] = v >> 8 & 0xff;
	p[2] = v >> 16 & 0xff;
	p[3] = v >> 24;
}

static inline uint32_t mrec_get_u32(const unsigned char *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint32_t mrec_crc(const void *data, size_t len)
{
	return (uint32_t)crc32(crc32(0, NULL, 0), data, (unsigned int)len);
}

#endif
