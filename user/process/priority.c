/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "process/priority.h"

#include <sched.h>
#include <sys/resource.h>

static int nice_before;

void priority_raise(void)
{
	const struct sched_param lowest = {.sched_priority = 1};

	nice_before = getpriority(PRIO_PROCESS, 0);
	if (sched_setscheduler(0, SCHED_FIFO, &lowest))
		(void)setpriority(PRIO_PROCESS, 0, -20);
}

void priority_restore(void)
{
	const struct sched_param none = {.sched_priority = 0};

	(void)sched_setscheduler(0, SCHED_OTHER, &none);
	(void)setpriority(PRIO_PROCESS, 0, nice_before);
}
