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
/* What those share that watch all until they are told to end; O: the struct whose `watch` it is. */
#define HOST_ROW_BUDGET(O)                                                                        \
	{                                                                                         \
		"budget", 0, "PERCENT", OPTION_PERCENT(O, watch.budget_percent), EXPECTS_PERCENT, \
			"share of CPU that watching may cost, of all together (5)"                \
	}
#define HOST_ROW_MAX_HOLD(O)                                                                       \
	{                                                                                          \
		"max-hold", 0, "TIME", OPTION_BY(option_max_hold, uint64_t, O, watch.max_hold_ns), \
			"a time from 1us to 10ms, as in 500us or 1ms, or 0 for no delay",          \
			"longest single delay of an operation (2ms)"                               \
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

/* PID[,PID...]; value: a struct pid_list. */
int option_pids(void *value, const char *arg);
/* Of all of them together, as watched for as long as it lasts. */
void options_host_defaults(struct watch_options *o);

#endif
