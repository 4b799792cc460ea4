/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "base/clock.h"

#include <stdbool.h>
#include <stdio.h>

int64_t clock_offset_ns(const char *path)
{
	FILE *f = fopen(path, "re");
	long long s = 0, ns = 0;
	char line[128];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "monotonic %lld %lld", &s, &ns) == 2)
			break;
	if (f)
		fclose(f);
	return s * 1000000000 + ns;
}

int64_t clock_offset_of(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/timens_offsets", (int)pid);
	return clock_offset_ns(path);
}

/* It is one and the same for as long as we run. */
static int64_t own_offset_ns(void)
{
	static int64_t offset;
	static bool known;

	if (!__atomic_load_n(&known, __ATOMIC_ACQUIRE)) {
		__atomic_store_n(&offset, clock_offset_ns("/proc/self/timens_offsets"),
				 __ATOMIC_RELAXED);
		__atomic_store_n(&known, true, __ATOMIC_RELEASE);
	}
	return __atomic_load_n(&offset, __ATOMIC_RELAXED);
}

uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;
	uint64_t ns;

	if (clock_gettime(clock, &ts))
		return 0;
	ns = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
	return clock == CLOCK_MONOTONIC ? ns - (uint64_t)own_offset_ns() : ns;
}
