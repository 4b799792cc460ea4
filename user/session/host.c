/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "session/host.h"

#include <errno.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#ifndef MAPRACE_VERSION
#define MAPRACE_VERSION "unknown"
#endif

int host_fill(struct report *report)
{
	struct utsname host;

	uname(&host);
	report->version = strdup(MAPRACE_VERSION);
	report->kernel = strdup(host.release);
	report->arch = strdup(host.machine);
	report->cpus = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
	return report->version && report->kernel && report->arch ? 0 : -ENOMEM;
}
