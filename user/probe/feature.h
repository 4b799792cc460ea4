/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROBE_FEATURE_H
#define MAPRACE_PROBE_FEATURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* enum bpf_attach_type BPF_TRACE_UPROBE_MULTI (Linux 6.6 include/uapi/linux/bpf.h), which Debian
 * 12's headers do not have yet. */
#define FEATURE_ATTACH_UPROBE_MULTI ((enum bpf_attach_type)48)

/*
 * What this kernel and these privileges allow: found by trying, on our own process, never by a
 * version number, because distributions backport. Each answer is looked for once and kept.
 */
enum feature {
	FEATURE_BPF,	 /* the bpf(2) system call lets us create maps */
	FEATURE_BTF,	 /* /sys/kernel/btf/vmlinux */
	FEATURE_RINGBUF, /* BPF_MAP_TYPE_RINGBUF */
	FEATURE_MEMORY,	 /* the limits let our tables be made */
	FEATURE_UPROBE,	 /* one perf event per site, firing in every thread, reading our memory */
	FEATURE_LOOP,	 /* bpf_loop() */
	FEATURE_UPROBE_MULTI, /* one link for many sites, firing in every thread */
	FEATURE_PIDNS,	  /* bpf_get_ns_current_pid_tgid(), needed only inside a PID namespace */
	FEATURE_PTRACE,	  /* the kernel shows us processes of others: what they run, their memory */
	FEATURE_EXECS,	  /* the kernel tells who executes what */
	FEATURE_GATE,	  /* the kernel asks us before anybody executes anything (fanotify) */
	FEATURE_TRACE,	  /* ptrace(2) of what we have started */
	FEATURE_PIDFD,	  /* pidfd_open() */
	FEATURE_CHILDREN, /* /proc/PID/task/TID/children */
	FEATURE_CGROUPS,  /* /proc/PID/cgroup */
	FEATURE_MAX,
};

struct feature_answer {
	const char *name;    /* "uprobe-multi" */
	const char *what;    /* one line */
	const char *without; /* what is lost without it; NULL: nothing works without it */
	bool have;
	char detail[160]; /* why not, or a remark */
	char fix[200];	  /* what to do, "" when it is there */
};

const struct feature_answer *feature_ask(enum feature feature);
static inline bool feature_have(enum feature feature)
{
	return feature_ask(feature)->have;
}

/* Before 5.11 maps count against the limit of locked memory: raises it, as far as we may. A failure
 * shows when a map is refused. */
void feature_raise_memory_limit(void);

/* A probe that only counts, on code of this executable, in process pid (ourselves, or a child),
 * as long as this process lives. 0 or negative errno. */
int feature_probe_place(int pid, uintptr_t addr);

/* The pid namespace of this process is not the initial one: BPF must translate ids. */
bool feature_in_pid_namespace(unsigned long long *dev, unsigned long long *ino);

#endif
