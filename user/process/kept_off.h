/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROCESS_KEPT_OFF_H
#define MAPRACE_PROCESS_KEPT_OFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Whether a thread of a process that wants to run has been kept from it for most of the time since
 * the last look: by others, who are less nice, by a quota of its control group, by a page that does
 * not come, by a debugger that stops it alone. All zero before the first look. */
struct kept_off {
	uint64_t looked_ns, waited_ns;
	uint64_t asked_ns; /* all threads, whether or not anybody waited */
	unsigned int cpus; /* 0: as many as there are */
	struct kept_off_thread {
		pid_t tid;
		char state;
		uint64_t cpu_ns, switches;
	} * threads; /* that wanted to run at the last look */
	size_t n;
};

/* root: "" but in tests, what /proc is below. What cannot be read says nothing. */
bool kept_off_look(struct kept_off *k, const char *root, pid_t pid, uint64_t now_ns);
void kept_off_free(struct kept_off *k);

#endif
