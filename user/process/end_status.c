/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "process/end_status.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXIT_CODE_FIELD 52 /* of /proc/PID/stat; the state is the third */
#define FLAGS_FIELD 9
#define FLAG_EXITING 4 /* PF_EXITING */
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

/* The state in /proc/PID/stat, with all that comes behind it; NULL: it cannot be read. */
static char *read_stat(pid_t pid, char line[LINE])
{
	char path[64], *at;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	at = f && fgets(line, LINE, f) ? strrchr(line, ')') : NULL;
	if (f)
		fclose(f);
	return at && at[1] == ' ' ? at + 2 : NULL;
}

/* at: the state. NULL: there is no such field. */
static char *find_field(char *at, int which)
{
	int field;

	for (field = 3; field < which && at; field++) {
		at = strchr(at, ' ');
		at = at ? at + 1 : NULL;
	}
	return at;
}

static bool has_ended(const char *state)
{
	return *state == 'Z' || *state == 'X';
}

static int from_stat(const struct process *p, int *status)
{
	char line[LINE], *state = read_stat(p->pid, line), *at;

	if (!state || !has_number(p))
		return -ENODATA;
	at = find_field(state, EXIT_CODE_FIELD);
	if (!has_ended(state) || !at)
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

static bool is_to_be_killed(pid_t pid)
{
	unsigned long long signals, all = 0;
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "SigPnd: %llx", &signals) == 1 ||
		    sscanf(line, "ShdPnd: %llx", &signals) == 1)
			all |= signals;
	if (f)
		fclose(f);
	return all & 1ull << (SIGKILL - 1);
}

/* First the signal: once a thread has taken it, it ends. */
bool process_is_ending(pid_t pid)
{
	bool killed = is_to_be_killed(pid);
	char line[LINE], *state = read_stat(pid, line), *flags;

	flags = state ? find_field(state, FLAGS_FIELD) : NULL;
	return killed || !flags || has_ended(state) || strtoul(flags, NULL, 10) & FLAG_EXITING;
}
