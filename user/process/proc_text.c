/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "process/proc_text.h"

#include <stdio.h>
#include <stdlib.h>

char *proc_text(pid_t pid, const char *name, size_t most, size_t *len)
{
	char path[64], *text = malloc(most + 1);
	FILE *f;

	*len = 0;
	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	f = text ? fopen(path, "re") : NULL;
	if (f) {
		*len = fread(text, 1, most, f);
		fclose(f);
	}
	if (text)
		text[*len] = '\0';
	return text;
}
