/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "report/xml.h"

#include <stdlib.h>

#include "base/escape.h"

void xml_plain(FILE *out, const char *s)
{
	for (; *s; s++) {
		switch (*s) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		case '\'':
			fputs("&#39;", out);
			break;
		default:
			fputc(*s, out);
		}
	}
}

void xml_text(FILE *out, const char *s)
{
	char *safe = NULL;
	size_t len = 0;
	FILE *memory = open_memstream(&safe, &len);

	if (!memory)
		return;
	escape_text(memory, s);
	if (!fclose(memory))
		xml_plain(out, safe);
	free(safe);
}
