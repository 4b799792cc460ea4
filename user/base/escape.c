/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "base/escape.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

size_t escape_decode(const unsigned char *s, size_t n, uint32_t *code)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t len, i;
	uint32_t c;

	if (!n)
		return 0;
	c = s[0];
	if (c < 0x80) {
		*code = c;
		return 1;
	}
	if (c >= 0xc2 && c <= 0xdf)
		len = 2;
	else if (c >= 0xe0 && c <= 0xef)
		len = 3;
	else if (c >= 0xf0 && c <= 0xf4)
		len = 4;
	else
		return 0;
	if (n < len)
		return 0;
	c &= 0x7f >> len;
	for (i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < smallest[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*code = c;
	return len;
}

/* Code points that move the cursor, change the direction of what follows, or cannot be seen. */
static bool is_deceptive(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0xad || c == 0x34f || c == 0x61c ||
	       c == 0x115f || c == 0x1160 || c == 0x180e || c == 0x3164 || c == 0xffa0 ||
	       (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2060 && c <= 0x206f) || (c >= 0xfe00 && c <= 0xfe0f) || c == 0xfeff ||
	       (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe0fff) ||
	       (c & 0xfffe) == 0xfffe;
}

static void escape_bytes(FILE *out, const unsigned char *p, size_t left, size_t max)
{
	size_t shown = 0, len;
	uint32_t code;

	while (left) {
		len = escape_decode(p, left, &code);
		if (shown + (len ? len : 1) > max) {
			fputs("...", out);
			return;
		}
		if (!len) {
			fprintf(out, "\\x%02x", *p);
			len = 1;
		} else if (!is_deceptive(code)) {
			fwrite(p, 1, len, out);
		} else if (code < 0x80) {
			fprintf(out, "\\x%02x", (unsigned int)code);
		} else {
			fprintf(out, "\\u{%x}", (unsigned int)code);
		}
		p += len;
		left -= len;
		shown += len;
	}
}

void escape_text(FILE *out, const char *s)
{
	s = s ? s : "";
	escape_bytes(out, (const unsigned char *)s, strlen(s), ESCAPE_TEXT_MAX);
}

void escape_line(FILE *out, const char *s, size_t len)
{
	escape_bytes(out, (const unsigned char *)s, len, SIZE_MAX);
}

char *escape_utf8(const char *s)
{
	const unsigned char *p = (const unsigned char *)(s ? s : "");
	size_t left = strlen((const char *)p), len;
	char *copy, *out;
	uint32_t code;

	if (left > (SIZE_MAX - 1) / 4)
		return NULL;
	out = copy = malloc(4 * left + 1);
	if (!copy)
		return NULL;
	while (left) {
		len = escape_decode(p, left, &code);
		if (len) {
			memcpy(out, p, len);
			out += len;
		} else {
			len = 1;
			out += sprintf(out, "\\x%02x", *p);
		}
		p += len;
		left -= len;
	}
	*out = '\0';
	return copy;
}
