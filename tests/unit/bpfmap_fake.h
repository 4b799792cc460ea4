/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_TESTS_BPFMAP_FAKE_H
#define MAPRACE_TESTS_BPFMAP_FAKE_H

/*
 * The kernel around bpfmap.bpf.c when it runs as ordinary C: tables, a clock that moves one
 * microsecond with every look at it, CPUs and threads that are whatever the test says, and one hash
 * map with one key. Every step of a look-up or an update is a function of its own here, so that a
 * test can order them as it likes.
 */

#pragma clang diagnostic ignored "-Wmissing-prototypes"
#pragma clang diagnostic ignored "-Wunused-parameter"
#define MR_FROZEN
#define __TARGET_ARCH_x86
#include "bpfmap/bpfmap.bpf.c"

#define KERNEL_CODE 0x100000000ull
#define KERNEL_END 0x110000000ull
#define OUR_CODE 0x200000000ull /* programs and trampolines */
#define PROGRAM_CODE 0x300000000ull
#define MAX_EVENTS 256

static struct mr_bpf_control the_control[1];
static struct mr_bpf_cpu the_cpus[MR_BPF_CPUS];
static struct mr_bpf_key the_keys[MR_BPF_KEYS];
static struct mr_bpf_read the_reads[MR_BPF_READS];
static struct mr_bpf_lineage the_lineages[MR_BPF_LINEAGES];
static struct mr_bpf_row the_rows[MR_BPF_ROWS];
static struct mr_bpf_finding the_findings[MR_BPF_FINDINGS];
static struct mr_bpf_chunk the_chunks[MR_BPF_CHUNKS];

static __u64 now_ns;
static __u32 now_cpu, now_tgid, now_tid;
static __u64 now_stack[4];
static struct task_struct___mr now_task;
static struct bpf_prog_stats {
	__u64 count, misses;
} now_hidden; /* what the kernel counts on every CPU */
static __u32 now_frames;
static struct mr_bpf_event_finding events[MAX_EVENTS];
static size_t events_n;
static union {
	struct mr_bpf_event header;
	char bytes[1024];
} ring_record;

void *bpf_map_lookup_elem(void *map, const void *key)
{
	__u32 i = *(const __u32 *)key;

#define TABLE(name)                 \
	if (map == (void *)&(name)) \
	return i < sizeof(the_##name) / sizeof(the_##name[0]) ? &the_##name[i] : NULL
#define the_bcpus the_cpus
	TABLE(control);
	TABLE(bcpus);
	TABLE(keys);
	TABLE(reads);
	TABLE(lineages);
	TABLE(rows);
	TABLE(findings);
	TABLE(chunks);
	return NULL;
}

long bpf_probe_read_kernel(void *dst, __u32 size, const void *src)
{
	memcpy(dst, src, size);
	return 0;
}

__u64 bpf_ktime_get_ns(void)
{
	return now_ns += 1000;
}

__u64 bpf_get_current_pid_tgid(void)
{
	return (__u64)now_tgid << 32 | now_tid;
}

__u64 bpf_get_current_task(void)
{
	return (__u64)&now_task;
}

__u32 bpf_get_smp_processor_id(void)
{
	return now_cpu;
}

long bpf_get_current_comm(void *buf, __u32 size)
{
	memset(buf, 0, size);
	snprintf(buf, size, "task%u", now_tid);
	return 0;
}

long bpf_get_stack(void *ctx, void *buf, __u32 size, __u64 flags)
{
	(void)ctx;
	(void)flags;
	assert_true(size >= sizeof(now_stack));
	memcpy(buf, now_stack, now_frames * 8);
	return now_frames ? now_frames * 8 : -14;
}

void *bpf_ringbuf_reserve(void *ring, __u64 size, __u64 flags)
{
	(void)ring;
	(void)flags;
	assert_true(size <= sizeof(ring_record));
	return &ring_record;
}

void bpf_ringbuf_submit(void *data, __u64 flags)
{
	(void)flags;
	if (((struct mr_bpf_event *)data)->kind == MR_BPF_EVENT_FINDING && events_n < MAX_EVENTS)
		memcpy(&events[events_n++], data, sizeof(events[0]));
}

/* Whoever works on the map. */
struct actor {
	__u32 cpu, tid, program; /* program 0: a thread inside bpf(2) */
};

struct write { /* between entry and exit */
	struct actor who;
	__u64 key, value, flags;
};

static struct bpf_map the_map;
static struct {
	__u64 key; /* the element as the kernel has it: the key, then the value */
	__u64 value;
} element;
static bool present;
static __u64 unknown_code;

static void be(struct actor a)
{
	now_cpu = a.cpu;
	now_tid = a.tid;
	now_tgid = a.tid;
	now_stack[0] = OUR_CODE + 64;
	now_stack[1] = KERNEL_CODE + 0x2010; /* inside the watched function */
	now_stack[2] = a.program ? PROGRAM_CODE + a.program * 4096ull + 100 : KERNEL_CODE + 0x9000;
	if (unknown_code)
		now_stack[2] = unknown_code;
	now_frames = 3;
}

static void publish_program(__u32 id)
{
	__u64 at = (PROGRAM_CODE + id * 4096ull) >> 6, end = at + 8;

	for (; at < end; at++) {
		__u32 slot = mr_bpf_chunk_slot(at);

		while (the_chunks[slot].at)
			slot = (slot + 1) & (MR_BPF_CHUNKS - 1);
		the_chunks[slot] = (struct mr_bpf_chunk){.at = at, .prog_id = id};
	}
}

static void tell_hidden(void)
{
	size_t i;

	for (i = 0; i < MR_BPF_CPUS; i++)
		the_cpus[i].misses[0] = (uintptr_t)&now_hidden.misses;
	the_control[0].hidden_known = 1;
}

static void reset(void)
{
	__u32 id;

	memset(the_control, 0, sizeof(the_control));
	memset(the_cpus, 0, sizeof(the_cpus));
	memset(the_keys, 0, sizeof(the_keys));
	memset(the_reads, 0, sizeof(the_reads));
	memset(the_lineages, 0, sizeof(the_lineages));
	memset(the_rows, 0, sizeof(the_rows));
	memset(the_findings, 0, sizeof(the_findings));
	memset(the_chunks, 0, sizeof(the_chunks));
	events_n = 0;
	now_ns = 1000000000;
	now_task = (struct task_struct___mr){};
	now_hidden = (struct bpf_prog_stats){};
	unknown_code = 0;
	bcfg.text_lo = KERNEL_CODE;
	bcfg.text_hi = KERNEL_END;
	bcfg.function[MR_BPF_FUNCTIONS - 1] = KERNEL_CODE + 0x2000;
	bcfg.window_ns = 1000000000;
	bcfg.program_window_ns = 1000000000;
	bcfg.ppm = 1000000;
	bcfg.own_tgid = 9999;
	bcfg.hides = 1;
	bcfg.misses_offset = offsetof(struct bpf_prog_stats, misses);
	tell_hidden();
	the_control[0].gate = 1;
	the_map = (struct bpf_map){
		.id = 5, .map_type = BPF_MAP_TYPE_HASH, .key_size = 8, .value_size = 8};
	element.key = 7;
	element.value = 0;
	present = true;
	for (id = 1; id < 8; id++)
		publish_program(id);
}

/* A look-up, in one go: what the reader gets. */
static __u64 read_now(struct actor a)
{
	__u64 key = element.key, copy = element.value;
	__u64 enter[4] = {(__u64)&the_map, (__u64)&key, (__u64)&copy, 0};
	__u64 leave[5] = {(__u64)&the_map, (__u64)&key, (__u64)&copy, 0, present ? 0 : (__u64)-2};
	__u64 found[3] = {(__u64)&the_map, (__u64)&key, present ? (__u64)&element : 0};

	be(a);
	if (a.program) {
		read___htab_map_lookup_elem(found);
	} else {
		enter_bpf_map_copy_value(enter);
		read_bpf_map_copy_value(leave);
	}
	return present ? copy : 0;
}

/* The three steps of an update; w stays where it is meanwhile. */
static void write_enter(struct write *w, struct actor a, __u64 value, __u64 flags)
{
	__u64 ctx[4] = {(__u64)&the_map, 0, 0, flags};

	*w = (struct write){.who = a, .key = element.key, .value = value, .flags = flags};
	ctx[1] = (__u64)&w->key;
	ctx[2] = (__u64)&w->value;
	be(a);
	enter_htab_map_update_elem(ctx);
}

static void write_land(const struct write *w)
{
	element.value = w->value;
	present = true;
}

static void write_leave(struct write *w, long result)
{
	__u64 ctx[5] = {(__u64)&the_map, (__u64)&w->key, (__u64)&w->value, w->flags, (__u64)result};

	be(w->who);
	leave_htab_map_update_elem(ctx);
}

static void write_now(struct actor a, __u64 value, __u64 flags)
{
	struct write w;

	write_enter(&w, a, value, flags);
	write_land(&w);
	write_leave(&w, 0);
}

static inline void delete_now(struct actor a)
{
	__u64 key = element.key;
	__u64 enter[2] = {(__u64)&the_map, (__u64)&key};
	__u64 leave[3] = {(__u64)&the_map, (__u64)&key, 0};

	be(a);
	enter_htab_map_delete_elem(enter);
	present = false;
	leave_htab_map_delete_elem(leave);
}

static inline long long lost_in_all(void)
{
	long long lost = 0;
	size_t i;

	for (i = 0; i < MR_BPF_FINDINGS; i++)
		lost += the_findings[i].lost;
	return lost;
}

static size_t lost_updates(void)
{
	size_t i, n = 0;

	for (i = 0; i < events_n; i++)
		n += events[i].finding == MR_BPF_LOST_UPDATE;
	return n;
}

/* Who writes: three processes and two programs. */
static const struct actor one = {.cpu = 0, .tid = 100}, two = {.cpu = 1, .tid = 200},
			  three = {.cpu = 2, .tid = 300},
			  counter = {.cpu = 3, .tid = 0, .program = 3},
			  second_counter = {.cpu = 2, .tid = 0, .program = 4};

static int fresh(void **state)
{
	(void)state;
	reset();
	return 0;
}

#endif
