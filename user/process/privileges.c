/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "process/privileges.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The last two are for outputs: a file that a report replaces may be, and stay, another user's. */
static const int kept[] = {CAP_BPF,  CAP_SYS_PTRACE, CAP_CHECKPOINT_RESTORE,
			   CAP_KILL, CAP_SYS_NICE,   CAP_DAC_OVERRIDE,
			   CAP_CHOWN};

/* perf_event_open() of a uprobe asks for CAP_PERFMON, most kernels for CAP_SYS_ADMIN as well. */
static const int kept_for_perf[] = {CAP_PERFMON, CAP_SYS_ADMIN};

static bool keeps(int capability, bool perf)
{
	for (unsigned int i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (kept[i] == capability)
			return true;
	for (unsigned int i = 0; perf && i < sizeof(kept_for_perf) / sizeof(kept_for_perf[0]); i++)
		if (kept_for_perf[i] == capability)
			return true;
	return false;
}

int privileges_drop(bool perf)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	uint32_t mask[2] = {};
	int i;

	/* The bounding set can be lowered only by those who have CAP_SETPCAP, so it comes first;
	 * without it there is nothing to gain from the bounding set anyway, given no_new_privs. */
	for (i = 0; prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++)
		if (!keeps(i, perf))
			(void)prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	if (syscall(SYS_capget, &header, data))
		return -errno;
	for (i = 0; i < 64; i++)
		if (keeps(i, perf))
			mask[i / 32] |= 1u << (i % 32);
	for (i = 0; i < 2; i++) {
		data[i].permitted &= mask[i];
		data[i].effective &= mask[i];
		data[i].inheritable = 0;
	}
	return syscall(SYS_capset, &header, data) ? -errno : 0;
}
