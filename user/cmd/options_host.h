/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_CMD_OPTIONS_HOST_H
#define MAPRACE_CMD_OPTIONS_HOST_H

#include "cmd/option_values.h"
#include "cmd/optable.h"
#include "cmd/options.h"

#define HOST_BUDGET_PERCENT 5
/* Go sleeps in epoll_wait, whole milliseconds: in an idle process nobody comes sooner */
#define HOST_MAX_HOLD_NS 2000000
/* A probe spins in the kernel for that long at the most: far beyond what proves a race, far below
 * what stalls a CPU. */
#define HOST_LONGEST_HOLD_NS 10000000
#define HOST_WINDOW_NS 100000000
#define HOST_PROCESSES 200

/* Rows for options that begin with a struct watch_options; more: behind the help. */
#define HOST_ROW_MATCH(more)                                                                      \
	{                                                                                         \
		"match", 0, "PATTERN", OPTION_ALL(option_host_match), "a pattern, as in 'api-*'", \
			"those whose program (path or name) or command line is like that, with "  \
			"*, ? and [...] as a shell has them" more                                 \
	}
#define HOST_ROW_CGROUP(more)                                                  \
	{                                                                      \
		"cgroup", 0, "PATH", OPTION_ALL(option_host_cgroup),           \
			"a path below /sys/fs/cgroup",                         \
			"those in that control group, or in one below it" more \
	}
#define HOST_ROW_CONTAINER(more)                                                                        \
	{                                                                                               \
		"container", 0, "ID", OPTION_ALL(option_host_container),                                \
			"an id, or the beginning of one",                                               \
			"those in that container (Docker, containerd, CRI-O, Podman, LXC, nspawn)" more \
	}
#define HOST_ROW_USER(more)                                                                      \
	{                                                                                        \
		"user", 0, "NAME", OPTION_ALL(option_host_user), "the name or number of a user", \
			"those that this user runs" more                                         \
	}
#define HOST_ROW_MOST(more)                                                                        \
	{                                                                                          \
		"max-processes", 0, "N", OPTION_ALL(option_host_most), "a number from 1 to 1000",  \
			"so many at a time (200): of more, those that have used most CPU time by " \
			"then; the others come when one has ended" more                            \
	}

int option_host_match(void *options, const char *arg);
int option_host_cgroup(void *options, const char *arg);
int option_host_container(void *options, const char *arg);
int option_host_user(void *options, const char *arg);
int option_host_most(void *options, const char *arg);
/* A hold's length, or "0"; value: a uint64_t. */
int option_max_hold(void *value, const char *arg);
/* The same, of so much at the most. */
int option_hold(const char *arg, uint64_t most_ns, uint64_t *ns);

#endif
