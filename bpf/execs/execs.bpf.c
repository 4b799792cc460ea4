/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who executes what, on this host: told when it has happened, so that nobody waits for anybody.
 * What is executed is told by the kernel's own numbers of the file: user space looks at a file
 * once, and at processes that run it not at all where it is nothing to it.
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include <maprace/execs.h>

char LICENSE[] SEC("license")
= "Dual BSD/GPL";

#define LEVELS 33 /* of PID namespaces, MAX_PID_NS_LEVEL and the initial one */

/* Types by parts: only these members are looked for in the kernel's. */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct linux_binprm___parts {
	struct file *file;
};

struct inode___parts {
	__u32 i_generation;
	long long i_size;
};
#pragma clang attribute pop

const volatile __u32 own_pidns = 0; /* inode number of our PID namespace */

volatile __u64 lost = 0; /* no room in the ring */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, EXECS_RING_BYTES);
} events SEC(".maps");

/* Its process number in our namespace; 0: it has none there. */
static __u32 own_pid(struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, group_leader, thread_pid);
	const char *numbers = (const char *)pid + bpf_core_field_offset(struct pid, numbers);
	__u32 level = BPF_CORE_READ(pid, level), i;
	struct upid number;

	for (i = 0; i < LEVELS; i++) {
		if (i > level ||
		    bpf_probe_read_kernel(&number, sizeof(number), numbers + i * sizeof(number)))
			return 0;
		if (BPF_CORE_READ(number.ns, ns.inum) == own_pidns)
			return (__u32)number.nr;
	}
	return 0;
}

static void read_file(struct execs_file *to, struct linux_binprm___parts *bprm)
{
	struct inode *inode = BPF_CORE_READ(bprm, file, f_inode);
	struct inode___parts *parts = (void *)inode;

	to->ino = BPF_CORE_READ(inode, i_ino);
	to->dev = BPF_CORE_READ(inode, i_sb, s_dev);
	to->size = BPF_CORE_READ(parts, i_size);
	to->generation = BPF_CORE_READ(parts, i_generation);
}

SEC("raw_tracepoint/sched_process_exec")
int maprace_exec(struct bpf_raw_tracepoint_args *ctx)
{
	__u32 pid = own_pid((struct task_struct *)ctx->args[0]);
	struct execs_event *e;

	if (!pid)
		return 0;
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) {
		__sync_fetch_and_add(&lost, 1);
		return 0;
	}
	e->time_ns = bpf_ktime_get_ns();
	e->pid = pid;
	e->unused = 0;
	read_file(&e->file, (struct linux_binprm___parts *)ctx->args[2]);
	bpf_ringbuf_submit(e, 0);
	return 0;
}
