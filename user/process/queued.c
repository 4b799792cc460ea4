/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "process/queued.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>

static uint64_t thread_queued_ns(pid_t pid, const char *tid)
{
	char path[64];
	uint64_t ran, queued = 0;
	FILE *f;

	if (snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", (int)pid, tid) >=
	    (int)sizeof(path))
		return 0;
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%" SCNu64 " %" SCNu64, &ran, &queued) != 2)
		queued = 0;
	(void)fclose(f);
	return queued;
}

uint64_t process_queued_ns(pid_t pid)
{
	const struct dirent *entry;
	uint64_t sum = 0;
	char path[32];
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	tasks = opendir(path);
	if (!tasks)
		return 0;
	while ((entry = readdir(tasks)))
		if (entry->d_name[0] != '.')
			sum += thread_queued_ns(pid, entry->d_name);
	(void)closedir(tasks);
	return sum;
}
