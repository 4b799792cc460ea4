/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROCESS_NAMES_H
#define MAPRACE_PROCESS_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * What people call a process by. Container, pod and unit are what its control groups, of version 1
 * or 2, are named after. Source: the names that Docker, containerd, CRI-O, Podman, kubelet, LXC and
 * systemd give them (man systemd.unit; kubernetes pkg/kubelet/cm/cgroup_manager_linux.go).
 */
struct names {
	char container[80]; /* its id, 64 hex digits, or its name (LXC, nspawn); "": none */
	char pod[40];	    /* of Kubernetes: uid with dashes as it is shown; "": none */
	char unit[256];	    /* of systemd: "nginx.service"; "": none */
};

/* groups: what /proc/PID/cgroup says. What is not found is "". */
void names_of_groups(struct names *names, const char *groups);
/* Whether one of its groups is that path, or below it; with or without /sys/fs/cgroup before it. */
bool names_in_group(const char *groups, const char *path);

struct identity {     /* owned, but for its fields of a fixed size */
	pid_t parent; /* 0: not known, or none */
	uid_t uid;    /* effective */
	char *args;   /* the command line, with blanks between; "" when unknown */
	char *groups; /* as /proc/PID/cgroup says; "" */
	struct names names;
};
#define IDENTITY_ARGS 500 /* bytes of it */

/* 0, -ESRCH it is gone, -ENOMEM. To be freed whatever comes back. */
int identity_read(struct identity *id, pid_t pid);
void identity_free(struct identity *id);

#endif
