/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "detect/audit/together.h"

#include <stddef.h>

#include <linux/bpf.h>

/* docs/bpf-maps.md has the same table. No type is kept to one CPU by the kernel as a whole. */
static const struct {
	uint32_t type;
	const char *why;
} reasons[] = {
	{BPF_PROG_TYPE_SOCKET_FILTER, "yes: each CPU delivers packets, of one socket too"},
	{BPF_PROG_TYPE_XDP, "yes: one run for each receive queue, on the queue's CPU"},
	{BPF_PROG_TYPE_SCHED_CLS, "yes: each CPU sends and receives packets"},
	{BPF_PROG_TYPE_SCHED_ACT, "yes: each CPU sends and receives packets"},
	{BPF_PROG_TYPE_CGROUP_SKB, "yes: each CPU sends and receives packets"},
	{BPF_PROG_TYPE_SK_SKB, "yes: each CPU delivers packets, of different sockets"},
	{BPF_PROG_TYPE_SK_MSG, "yes: any thread sends, on different sockets"},
	{BPF_PROG_TYPE_SOCK_OPS, "yes: one run for each socket's event, on any CPU"},
	{BPF_PROG_TYPE_SK_LOOKUP, "yes: each CPU receives packets"},
	{BPF_PROG_TYPE_SK_REUSEPORT, "yes: each CPU receives packets"},
	{BPF_PROG_TYPE_FLOW_DISSECTOR, "yes: each CPU receives packets"},
	{BPF_PROG_TYPE_LWT_IN, "yes: each CPU sends and receives packets"},
	{BPF_PROG_TYPE_LWT_OUT, "yes: each CPU sends and receives packets"},
	{BPF_PROG_TYPE_LWT_XMIT, "yes: each CPU sends and receives packets"},
	{BPF_PROG_TYPE_LWT_SEG6LOCAL, "yes: each CPU sends and receives packets"},
	{35, "yes: each CPU sends and receives packets"}, /* netfilter */
	{BPF_PROG_TYPE_KPROBE, "yes: any CPU may be at the place that it is attached to"},
	{BPF_PROG_TYPE_TRACEPOINT, "yes: any CPU may be at the tracepoint"},
	{BPF_PROG_TYPE_RAW_TRACEPOINT, "yes: any CPU may be at the tracepoint"},
	{BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE, "yes: any CPU may be at the tracepoint"},
	{BPF_PROG_TYPE_TRACING,
	 "yes: any CPU may be in the function; an iterator runs for each reader"},
	{BPF_PROG_TYPE_PERF_EVENT,
	 "yes, where events are opened on several CPUs, as they mostly are"},
	{BPF_PROG_TYPE_LSM, "yes: any thread may be at the hook"},
	{BPF_PROG_TYPE_EXT, "yes, as the program that it is put into"},
	{BPF_PROG_TYPE_STRUCT_OPS,
	 "yes, but for the same object (socket, queue, task) one after the other, as far as the "
	 "kernel locks it"},
	{BPF_PROG_TYPE_SYSCALL, "yes, if several threads run it at once: it runs when asked to"},
	{BPF_PROG_TYPE_CGROUP_SOCK, "yes: any thread in the cgroup"},
	{BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "yes: any thread in the cgroup"},
	{BPF_PROG_TYPE_CGROUP_DEVICE, "yes: any thread in the cgroup"},
	{BPF_PROG_TYPE_CGROUP_SYSCTL, "yes: any thread in the cgroup"},
	{BPF_PROG_TYPE_CGROUP_SOCKOPT, "yes: any thread in the cgroup"},
	{BPF_PROG_TYPE_LIRC_MODE2, "yes, with several devices: one event at a time of each"},
};

const char *audit_together(uint32_t prog_type)
{
	size_t i;

	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].type == prog_type)
			return reasons[i].why;
	return "its type is not known: taken to be possible";
}
