/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "process/end_status.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXIT_CODE_FIELD 52 /* of /proc/PID/stat; the state is the third */
#define LINE 4096

struct pidfd_info_parts { /* struct pidfd_info, as of 6.13; the code's place is a spare one
			     before 6.15 */
	uint64_t mask, cgroupid;
	uint32_t pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
	int32_t exit_code;
};

#define GET_INFO _IOWR(0xFF, 11, struct pidfd_info_parts)
#define INFO_EXIT (1ull << 3)

/* Whether the number is still that of this process, be it that it has ended. */
static bool has_number(const struct process *p)
{
	return p->pidfd >= 0 && !syscall(SYS_pidfd_send_signal, p->pidfd, 0, NULL, 0);
}

static int from_stat(const struct process *p, int *status)
{
	char path[64], line[LINE], *at;
	bool ended = false;
	int field = 3;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)p->pid);
	f = fopen(path, "re");
	at = f && fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;
	if (f)
		fclose(f);
	if (!at || at[1] != ' ' || !has_number(p))
		return -ENODATA;
	at += 2;
	ended = *at == 'Z' || *at == 'X';
	for (; field < EXIT_CODE_FIELD && at; field++) {
		at = strchr(at, ' ');
		at = at ? at + 1 : NULL;
	}
	if (!ended || !at)
		return -ENODATA;
	*status = (int)strtol(at, NULL, 10);
	return 0;
}

static int from_pidfd(const struct process *p, int *status)
{
	struct pidfd_info_parts info = {.mask = INFO_EXIT};

	if (p->pidfd < 0 || ioctl(p->pidfd, GET_INFO, &info) || !(info.mask & INFO_EXIT))
		return -ENODATA;
	*status = info.exit_code;
	return 0;
}

int process_end_status(const struct process *p, int *status)
{
	if (p->reaped) {
		*status = p->wait_status;
		return 0;
	}
	return from_stat(p, status) ? from_pidfd(p, status) : 0;
}
