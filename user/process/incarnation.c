/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "process/incarnation.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>

#include "process/live_reader.h"
#include "process/proc_text.h"

#define MOST 4096 /* of a small file of /proc */

/* Go puts others in their place as it begins (src/runtime/rand.go, since Go 1.22), and libraries of
 * C may wipe them: by the second look that is over. */
#define SETTLED 2

static bool addresses_are_fixed(pid_t pid)
{
	FILE *f = fopen("/proc/sys/kernel/randomize_va_space", "re");
	unsigned long bits = 0;
	int how = 1;
	size_t len;
	char *text;

	if (f) {
		if (fscanf(f, "%d", &how) != 1)
			how = 1;
		fclose(f);
	}
	if (!how)
		return true;
	text = proc_text(pid, "personality", MOST, &len);
	if (text)
		bits = strtoul(text, NULL, 16);
	free(text);
	return bits & ADDR_NO_RANDOMIZE;
}

static uint64_t address_of_bytes(pid_t pid)
{
	size_t len = 0, i;
	char *auxv = proc_text(pid, "auxv", MOST, &len);
	uint64_t entry[2], at = 0;

	for (i = 0; auxv && i + sizeof(entry) <= len; i += sizeof(entry)) {
		memcpy(entry, auxv + i, sizeof(entry));
		if (entry[0] == AT_RANDOM)
			at = entry[1];
	}
	free(auxv);
	return at;
}

bool incarnation_is_another(struct incarnation *i, pid_t pid)
{
	uint8_t now[sizeof(i->bytes)];

	if (!i->looks && addresses_are_fixed(pid))
		i->at = address_of_bytes(pid);
	i->looks += i->looks <= SETTLED;
	if (!i->at || live_read(pid, i->at, now, sizeof(now)))
		return false;
	if (i->looks > SETTLED)
		return memcmp(now, i->bytes, sizeof(now)) != 0;
	memcpy(i->bytes, now, sizeof(now));
	return false;
}
