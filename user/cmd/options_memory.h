/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_CMD_OPTIONS_MEMORY_H
#define MAPRACE_CMD_OPTIONS_MEMORY_H

#include "cmd/option_values.h"
#include "cmd/optable.h"
#include "cmd/options.h"

/* Rows for options that begin with a struct watch_options. Each of them turns it on; on: which
 * member of the table's options, O, does so. */
#define MEMORY_ROW_ON(O, on)                                                                 \
	{                                                                                    \
		"memory", 0, NULL, OPTION_FLAG(O, on), NULL,                                 \
			"tell when a process has used 80, 92, 97 percent of its memory, by " \
			"the limits that apply to it, and whether it was killed for it"      \
	}
#define MEMORY_ROW_LIMIT                                                                       \
	{                                                                                      \
		"memory-limit", 0, "SIZE", OPTION_ALL(option_memory_limit), EXPECTS_SIZE,      \
			"a limit of what is resident of each process, beside those that apply" \
	}
#define MEMORY_ROW_AT                                                                     \
	{                                                                                 \
		"memory-at", 0, "N,N,N", OPTION_ALL(option_memory_at),                    \
			"three ascending percentages from 1 to 100, as in 80,92,97",      \
			"tell at these percentages (80,92,97); at the second its heap's " \
			"profile, at the third once more"                                 \
	}
#define MEMORY_ROW_DIR                                                                        \
	{                                                                                     \
		"memory-dir", 0, "DIR", OPTION_ALL(option_memory_dir), EXPECTS_DIRECTORY,     \
			"write the profiles there, for go tool pprof: heap-PID-PERCENT.pb.gz" \
	}

int option_memory_limit(void *value, const char *arg);
int option_memory_at(void *value, const char *arg);
int option_memory_dir(void *value, const char *arg);
void options_memory_defaults(struct watch_options *o);

#endif
