/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "process/limits.h"

#include <dirent.h>
#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

/* How many files are open, the one that this takes included. */
static size_t open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n > 2 ? n - 2 : 0; /* without "." and ".." */
}

int limits_files(size_t more, struct err *err)
{
	size_t need = open_files() + more, ask;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= need)
		return 0;
	limit.rlim_cur = limit.rlim_max;
	if (limit.rlim_max >= need && !setrlimit(RLIMIT_NOFILE, &limit))
		return 0;
	for (ask = 1024; ask < need; ask *= 2)
		;
	err_hint(err, "raise it: ulimit -n %zu (in a unit of systemd: LimitNOFILE=%zu)", ask, ask);
	return err_set(
		err, -EMFILE,
		"the limit of open files is %llu, and maprace needs %zu for its probes and tables",
		(unsigned long long)limit.rlim_max, need);
}

int limits_proc(struct err *err)
{
	if (!access("/proc/self/maps", F_OK))
		return 0;
	err_hint(err, "mount it: mount -t proc proc /proc");
	return err_set(
		err, -ENOENT,
		"/proc is not mounted here: what runs in a process, and where, cannot be found out without it");
}
