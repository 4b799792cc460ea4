/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPRACE_TARGET_BPF_H
#define MAPRACE_TARGET_BPF_H

/* The only place that reads the watched process: its registers and its memory. */
#include "common/arch.bpf.h"
#include "count.bpf.h"
#include "tables.bpf.h"

/* Addresses may be tagged, or not. */
static __always_inline long target_read(void *to, __u32 size, __u64 from)
{
	return bpf_probe_read_user(to, size, (const void *)mr_addr(from));
}

static __always_inline long target_u64(__u64 from, __u64 *to)
{
	return bpf_probe_read_user(to, sizeof(*to), (const void *)mr_addr(from));
}

/* Whose this address is. */
static __always_inline volatile struct mr_target *target_of(__u64 tagged)
{
	return &targets[(__u32)(tagged >> MR_TAG_SHIFT) & cfg.target_mask];
}

/* A loss of the target that this address is one of, unless that one is gone: its slot may be
 * another one's by now. A function of its own: the verifier goes through it once. */
__noinline int count_of(__u64 tagged, __u32 which)
{
	__u32 cpu;

	if (tagged && target_of(tagged)->tag == mr_tag(tagged))
		count(this_cpu(tagged, &cpu), which & (MR_COUNT_MAX - 1));
	return 0;
}

/* Most are in the place that is theirs. */
__noinline int site_further(__u64 ip, __u32 tgid, __u32 place)
{
	__u32 i;

	for (i = 0; i < MR_SITE_STEPS; i++, place++) {
		const volatile struct mr_site *s = &sites[place & (MR_SITES - 1)];

		if (s->site.ip == ip && s->tgid == tgid)
			break;
	}
	return (int)place;
}

/* Counts a hit at no site: of an address that is none of ours (the process replaced its program, or
 * an event is late), or of a process that is none of ours. */
__noinline int site_missing(__u32 tgid)
{
	__u32 i, cpu, place = mr_process_place(tgid);

	for (i = 0; i < MR_SITE_STEPS; i++) {
		const volatile struct mr_process *p = &processes[(place + i) & (MR_PROCESSES - 1)];

		if (tgid && p->tgid == tgid) {
			count(this_cpu((__u64)p->tag << MR_TAG_SHIFT, &cpu), MR_COUNT_UNKNOWN_SITE);
			return 0;
		}
	}
	count(this_cpu(0, &cpu), MR_COUNT_FOREIGN);
	return 0;
}

/* A hit at a site of nobody's is counted: of a target that has gone, and whose slot may be another
 * one's. While a gate is shut for a moment nothing is lost that anybody waits for. */
__noinline int gate_is_shut(__u64 tag, __u32 tgid)
{
	if (target_of(tag)->tag != mr_tag(tag))
		site_missing(tgid);
	return 0;
}

/* Keeps the compiler from merging loads of different registers into one with a computed offset,
 * which the verifier refuses on a context. */
static __always_inline __u64 plain(__u64 value)
{
	asm volatile("" : "+r"(value));
	return value;
}

/*
 * Copies the probe site at ip in this process: whose it is, as the tag of its addresses, its number
 * and what it does. False: it is none of ours.
 */
static __always_inline bool site_at(__u64 ip, __u32 tgid, __u64 *tag, __u32 *number,
				    struct mr_probe_site *site)
{
	__u64 i = mr_site_place(tgid, ip);
	const volatile struct mr_site *s = &sites[i];

	if ((s->site.ip ^ ip) | (s->tgid ^ tgid))
		i = (__u32)site_further(ip, tgid, (__u32)i);
	i = plain(i) & (MR_SITES - 1); /* one path from here on, for the verifier too */
	s = &sites[i];
	if ((s->site.ip ^ ip) | (s->tgid ^ tgid))
		return false;
	*tag = (__u64)s->tag << MR_TAG_SHIFT;
	*number = s->number;
	site->op = s->site.op;
	site->map_arg = s->site.map_arg;
	site->type_arg = s->site.type_arg;
	site->jump = s->site.jump;
	return true;
}

static __always_inline __u64 tagged(__u64 addr, __u64 tag)
{
	return mr_addr(addr) | tag;
}

static __always_inline __u64 tag_of(__u64 tagged)
{
	return tagged >> MR_TAG_SHIFT << MR_TAG_SHIFT;
}

/* A record that is taken over just now may have a note of whose it was. */
static __always_inline bool same_target(__u64 a, __u64 b)
{
	return !((a ^ b) >> MR_TAG_SHIFT);
}

/* The register that an argument is in, or is reached from. As it is, without a tag. */
static __always_inline __u64 site_word(struct pt_regs *ctx, __u8 arg)
{
	switch (arg) {
	case MR_ARG_1:
		return plain(REG_ARG1(ctx));
	case MR_ARG_2:
		return plain(REG_ARG2(ctx));
	default:
		return plain(REG_ARG0(ctx));
	}
}

/* Value of an argument; 0 with *fault set where memory could not be read. */
static __always_inline __u64 site_arg(struct pt_regs *ctx, __u8 arg, __u32 iter_offset, int *fault)
{
	__u64 word = site_word(ctx, arg), value = 0;

	if (arg == MR_ARG_0 || arg == MR_ARG_1 || arg == MR_ARG_2)
		return word;
	if (arg == MR_ARG_ITER && target_u64(word + iter_offset, &value)) {
		*fault = 1;
		return 0;
	}
	return value;
}

#endif
