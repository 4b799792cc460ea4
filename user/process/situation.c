/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "process/situation.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "process/proc_text.h"

#define CPU_WORDS 128 /* 8192 CPUs, the most that the kernel can be built for */

#define MOST 65536 /* of an environment or a command line: what is looked for comes early */

bool situation_is_stopped(pid_t pid)
{
	size_t len;
	char *stat = proc_text(pid, "stat", 511, &len), *at;
	bool stopped;

	/* the name may have anything in it */
	at = stat ? strrchr(stat, ')') : NULL;
	stopped = at && at[1] && (at[2] == 'T' || at[2] == 't');
	free(stat);
	return stopped;
}

/* Threads may be bound one by one. */
static unsigned int allowed_cpus(pid_t pid)
{
	uint64_t all[CPU_WORDS] = {}, one[CPU_WORDS];
	unsigned int n = 0, i;
	struct dirent *entry;
	char path[64];
	DIR *dir;
	long r;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		r = syscall(SYS_sched_getaffinity, strtol(entry->d_name, NULL, 10), sizeof(one),
			    one);
		for (i = 0; r > 0 && i < (unsigned long)r / sizeof(*one) && i < CPU_WORDS; i++)
			all[i] |= one[i];
	}
	if (dir)
		closedir(dir);
	for (i = 0; i < CPU_WORDS; i++)
		n += (unsigned int)__builtin_popcountll(all[i]);
	return n;
}

void situation_look(pid_t pid, struct situation *s)
{
	s->stopped = situation_is_stopped(pid);
	s->cpus = allowed_cpus(pid);
	cgroup_look("", pid, &s->group);
}

unsigned int situation_gomaxprocs(pid_t pid)
{
	static const char name[] = "GOMAXPROCS=";
	size_t len, at;
	char *env = proc_text(pid, "environ", MOST, &len), *end;
	unsigned long n = 0;

	/* the runtime takes the first one, and a whole number above 0 only (src/runtime/proc.go) */
	if (!env)
		return 0;
	for (at = 0; at < len; at += strlen(env + at) + 1) {
		if (strncmp(env + at, name, sizeof(name) - 1))
			continue;
		n = strtoul(env + at + sizeof(name) - 1, &end, 10);
		if (*end || n > INT32_MAX)
			n = 0;
		break;
	}
	free(env);
	return (unsigned int)n;
}

void situation_subcommand(pid_t pid, char *word, size_t size)
{
	size_t len, at;
	char *args = proc_text(pid, "cmdline", MOST, &len);

	word[0] = '\0';
	if (!args)
		return;
	for (at = strlen(args) + 1; at < len; at += strlen(args + at) + 1) {
		if (!strcmp(args + at, "-C") || !strcmp(args + at, "--C")) {
			at += strlen(args + at) + 1; /* its directory */
			if (at >= len)
				break;
		} else if (args[at] != '-') {
			snprintf(word, size, "%s", args + at);
			break;
		}
	}
	free(args);
}
