/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A program that may be preempted must keep its variables on its thread's own stack.
 *
 * Since Linux 6.13 the programs of kprobes and uprobes get a private stack, one for each CPU, as if
 * nothing could come between. That is true of kprobes; but a uprobe's program can be preempted, and
 * a hold nearly always is. The next thread on that CPU that meets a uprobe then writes over the
 * variables of the held one, pointers included: kernel 7.2 crashed within half a minute in each of
 * four boots of the test with two processes of one executable (tests/vm, other_process).
 *
 * The verifier gives no private stack to a program with a tail call in it, even one that can never
 * be made. This is that tail call: `make_tail_call` is read-only and false, so nothing of it is
 * left in the loaded program.
 */
#ifndef MAPRACE_PRIVATE_STACK_BPF_H
#define MAPRACE_PRIVATE_STACK_BPF_H

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} dummy_tail_call SEC(".maps");

static const volatile bool make_tail_call;

static __always_inline void no_private_stack(void *ctx)
{
	if (make_tail_call)
		bpf_tail_call(ctx, &dummy_tail_call, 0);
}

#endif
