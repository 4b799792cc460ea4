/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROCESS_CGROUP_H
#define MAPRACE_PROCESS_CGROUP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* What control groups, of version 1 or 2, do to a process. Source: cgroups(7), Linux
 * Documentation/admin-guide/cgroup-v2.rst, scheduler/sched-bwc.rst. */
struct cgroup {
	double cpus; /* so many it may use, by the tightest of its groups; 0: no limit is known */
	bool frozen; /* as `docker pause` does it */
};

/* root: "" but in tests, what /proc and the groups are below. Nothing is said of what cannot be
 * read. */
void cgroup_look(const char *root, pid_t pid, struct cgroup *cg);

/* Only how many CPUs, struct cgroup's. */
double cgroup_cpus(const char *root, pid_t pid);

/* How much more memory its groups let it have, what they would drop of files included; UINT64_MAX:
 * no limit is known. */
uint64_t cgroup_memory_left(const char *root, pid_t pid);

/* A group of it that counts memory. */
struct cgroup_memory {
	bool old;	  /* of version 1 */
	const char *dir;  /* where its files are */
	const char *name; /* as its hierarchy has it: "/system.slice/a.service" */
	uint64_t most;	  /* what it may have; UINT64_MAX: no limit of its own */
};

/* Its own group first, then those above it, as far as they are to be seen here. */
void cgroup_memory_each(const char *root, pid_t pid,
			void (*each)(void *arg, const struct cgroup_memory *g), void *arg);
/* What a group uses: all of it, or without what it would drop of files at once (inactive_file), as
 * Kubernetes counts it. 0: it cannot be read. */
uint64_t cgroup_memory_used(const char *dir, bool old, bool without_files);
/* How many processes of this very group the kernel's OOM killer has killed; UINT64_MAX: it is not
 * known. Source: cgroup-v2.rst, memory.events.local; cgroup-v1/memory.rst, memory.oom_control. */
uint64_t cgroup_memory_oom_kills(const char *dir, bool old);
/* How often it has had all that it may, so that more could not be had at once; UINT64_MAX: it is
 * not known. Sources as above: oom of memory.events.local, memory.failcnt. */
uint64_t cgroup_memory_hits(const char *dir, bool old);
/* Whether nobody but that process is in it, nor any group below it. */
bool cgroup_has_only(const char *dir, pid_t pid);

/* Whether it is frozen, asked again and again: the files stay open, of the groups that it was in at
 * first. All zero before. */
struct cgroup_freezer {
	bool open;
	int events, state; /* of version 2, of version 1; -1: none */
};
bool cgroup_freezer_frozen(struct cgroup_freezer *f, const char *root, pid_t pid);
void cgroup_freezer_close(struct cgroup_freezer *f);

#endif
