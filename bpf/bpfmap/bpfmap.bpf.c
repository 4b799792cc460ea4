/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Watches the functions of kernel BPF maps. Every program here is optional: user space loads those
 * whose function the kernel has. */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "bpflost.bpf.h"
#include "common/arch.bpf.h"

char LICENSE[] SEC("license")
= "Dual BSD/GPL";

/* kernel/bpf/hashtab.c: the key, then, at the next multiple of 8, the value */
struct htab_elem___mr {
	char key[0];
} __attribute__((preserve_access_index));

/* More maps than rows: one map's counts make room for another's. */
static __always_inline void row_replaced(const struct mr_bpf_row *row)
{
	struct mr_bpf_cpu *c = cpu_get();

	if (row->id && c)
		bpf_count(c, MR_BPF_COUNT_ROW_REPLACED);
}

/* False: nobody asked for this map. The first question of all, and answered with constants, as
 * every call of maps that are none of our business pays for it. */
static __always_inline bool asked_for(const struct bpf_map *map)
{
	__u32 id, i;

	if (!bcfg.nlisted)
		return true;
	id = map->id;
	for (i = 0; i < MR_BPF_LISTED; i++)
		if (i < bcfg.nlisted && id == bcfg.listed[i])
			return true;
	return false;
}

/* The map's row; NULL when it is not to be watched. */
static __always_inline struct mr_bpf_row *row_of(const struct bpf_map *map)
{
	__u32 id = map->id, slot = id & (MR_BPF_ROWS - 1);
	struct mr_bpf_row *row;

	row = bpf_map_lookup_elem(&rows, &slot);
	if (!row)
		return NULL;
	if (row->id != id) {
		if (bcfg.only_listed || !id)
			return NULL;
		row_replaced(row);
		row->reads = row->writes = row->writers = row->conflicts = row->rewrites = 0;
		row->gap_ns = row->program_gap_ns = 0;
		row->type = map->map_type;
		row->flags = 0;
		row->id = id;
	}
	return row->flags & MR_BPF_ROW_IGNORE ? NULL : row;
}

/* The same, NULL too while the gate is shut. */
static __always_inline struct mr_bpf_row *row_watched(const struct bpf_map *map)
{
	struct mr_bpf_control *ctl;

	if (!asked_for(map))
		return NULL;
	ctl = control_get();
	return ctl && ctl->gate ? row_of(map) : NULL;
}

static __always_inline bool has_one_value(__u32 type)
{
	return type == BPF_MAP_TYPE_HASH || type == BPF_MAP_TYPE_LRU_HASH ||
	       type == BPF_MAP_TYPE_ARRAY || type == BPF_MAP_TYPE_LPM_TRIE;
}

/* The budget: over it, a CPU sees nothing until it has saved up the whole burst, so that what is
 * seen hangs together. */
static __always_inline bool affordable(struct mr_bpf_cpu *c, __u64 now)
{
	__u64 since = now - c->refilled_ns, earned;

	if (bcfg.ppm >= 1000000)
		return true;
	if (since > 10000000000ull)
		since = 10000000000ull;
	earned = since * bcfg.ppm / 1000000;
	if (earned) /* else what is too short to count is kept for the next time */
		c->refilled_ns = now;
	c->tokens_ns += earned;
	if (c->tokens_ns >= bcfg.burst_ns) {
		c->tokens_ns = bcfg.burst_ns;
		c->dry = 0;
	}
	return !c->dry;
}

/* A call goes unseen. */
static __always_inline void pass_by(struct mr_bpf_cpu *c, enum mr_bpf_counter why, __u64 now)
{
	struct mr_bpf_control *ctl = control_get();

	bpf_count(c, why);
	if (ctl)
		gap_note(ctl, now);
}

static __always_inline struct mr_bpf_cpu *enter(void)
{
	struct mr_bpf_cpu *c = cpu_get();
	__u64 now = bpf_ktime_get_ns();

	if (!c)
		return NULL;
	if (*(volatile __u32 *)&c->busy) {
		pass_by(c, MR_BPF_COUNT_NESTED, now);
		return NULL;
	}
	*(volatile __u32 *)&c->busy = 1;
	if (!affordable(c, now)) {
		pass_by(c, MR_BPF_COUNT_BUDGET, now);
		*(volatile __u32 *)&c->busy = 0;
		return NULL;
	}
	c->began_ns = now;
	return c;
}

static __always_inline void leave(struct mr_bpf_cpu *c, __u64 now)
{
	__u64 spent = now - c->began_ns;

	c->spent_ns += spent;
	if (bcfg.ppm < 1000000) {
		if (c->tokens_ns > spent) {
			c->tokens_ns -= spent;
		} else {
			c->tokens_ns = 0;
			c->dry = 1;
		}
	}
	store_fence();
	*(volatile __u32 *)&c->busy = 0;
}

enum { CALL_SYSCALL = 1, CALL_INNER = 2 }; /* of mr_bpf_call's members of these names */

static __always_inline void call_set(struct mr_bpf_cpu *c, const struct bpf_map *map,
				     const struct mr_bpf_row *row, __u64 key, __u64 value,
				     __u64 flags, __u32 op, __u32 how)
{
	c->call.map = (__u64)map;
	c->call.map_id = row->id;
	c->call.slot = row->id & (MR_BPF_ROWS - 1);
	c->call.gap_ns = row->gap_ns;
	c->call.program_gap_ns = row->program_gap_ns;
	c->call.key_size = map->key_size;
	c->call.value_size = map->value_size;
	c->call.key = key;
	c->call.value = value;
	c->call.flags = flags;
	c->call.op = op;
	c->call.syscall = how & CALL_SYSCALL;
	c->call.inner = how & CALL_INNER;
}

/* bpf(2) has copied a value out, and there is nothing more to it. */
static __always_inline int copy_forget(void)
{
	struct mr_bpf_cpu *c = cpu_get();

	if (c && c->copy_task == bpf_get_current_pid_tgid())
		c->copy_task = 0;
	return 0;
}

static __always_inline int looked_up(void *ctx, const struct bpf_map *map, __u64 key, __u64 value,
				     __u32 how)
{
	struct mr_bpf_row *row = row_watched(map);
	struct mr_bpf_cpu *c;

	if (!row)
		return 0;
	if (!has_one_value(row->type)) {
		__sync_fetch_and_add(&row->reads, 1);
		return how & CALL_SYSCALL ? copy_forget() : 0;
	}
	c = enter();
	if (!c)
		return 0;
	call_set(c, map, row, key, value, 0, MR_BPF_READ, how);
	c->now_ns = c->began_ns;
	if (on_read(ctx, c))
		__sync_fetch_and_add(&row->reads, 1);
	if (how & CALL_SYSCALL)
		c->copy_task = 0;
	leave(c, c->now_ns); /* no clock after the value was looked at */
	return 0;
}

static __always_inline int write_begins(void *ctx, const struct bpf_map *map, __u64 key,
					__u64 value, __u64 flags, __u32 op)
{
	struct mr_bpf_row *row = row_watched(map);
	struct mr_bpf_cpu *c;

	if (!row)
		return 0;
	if (!has_one_value(row->type)) {
		__sync_fetch_and_add(&row->writes, 1);
		return 0;
	}
	c = enter();
	if (!c)
		return 0;
	call_set(c, map, row, key, value, flags, op, 0);
	on_write(ctx, c);
	leave(c, bpf_ktime_get_ns());
	return 0;
}

static __always_inline int write_ends(const struct bpf_map *map, __u64 key, long result)
{
	struct mr_bpf_row *row = row_watched(map);
	struct mr_bpf_cpu *c;

	if (!row || !has_one_value(row->type))
		return 0;
	c = enter();
	if (!c)
		return 0;
	c->call.map = (__u64)map;
	c->call.key = key;
	on_written(c, row, result);
	leave(c, bpf_ktime_get_ns());
	return 0;
}

/* Calls of functions that are only counted: values of which every CPU has its own, queues. */
static __always_inline int counted(const struct bpf_map *map, bool write)
{
	struct mr_bpf_row *row = row_watched(map);

	if (row)
		__sync_fetch_and_add(write ? &row->writes : &row->reads, 1);
	return 0;
}

/* Many keys at once are read or deleted, and none of that is seen. */
static __always_inline int unseen(const struct bpf_map *map)
{
	struct mr_bpf_row *row = row_watched(map);

	if (row)
		row->gap_ns = bpf_ktime_get_ns();
	return 0;
}

/* A value's address is returned, or NULL. */
#define WATCH_LOOKUP(function)                                            \
	SEC("?fexit/" #function)                                          \
	int read_##function(__u64 *ctx)                                   \
	{                                                                 \
		return looked_up(ctx, (void *)ctx[0], ctx[1], ctx[2], 0); \
	}

/* The same, of the element, in which the value follows the key. */
#define WATCH_HASH_LOOKUP(function)                                                 \
	SEC("?fexit/" #function)                                                    \
	int read_##function(__u64 *ctx)                                             \
	{                                                                           \
		const struct bpf_map *map = (void *)ctx[0];                         \
		__u64 elem = ctx[2];                                                \
                                                                                    \
		if (elem)                                                           \
			elem += bpf_core_field_offset(struct htab_elem___mr, key) + \
				((map->key_size + 7) & ~7u);                        \
		return looked_up(ctx, map, ctx[1], elem, CALL_INNER);               \
	}

#define WATCH_UPDATE(function)                                                                   \
	SEC("?fentry/" #function)                                                                \
	int enter_##function(__u64 *ctx)                                                         \
	{                                                                                        \
		return write_begins(ctx, (void *)ctx[0], ctx[1], ctx[2], ctx[3], MR_BPF_UPDATE); \
	}                                                                                        \
	SEC("?fexit/" #function)                                                                 \
	int leave_##function(__u64 *ctx)                                                         \
	{                                                                                        \
		return write_ends((void *)ctx[0], ctx[1], (int)ctx[4]);                          \
	}

#define WATCH_DELETE(function)                                                         \
	SEC("?fentry/" #function)                                                      \
	int enter_##function(__u64 *ctx)                                               \
	{                                                                              \
		return write_begins(ctx, (void *)ctx[0], ctx[1], 0, 0, MR_BPF_DELETE); \
	}                                                                              \
	SEC("?fexit/" #function)                                                       \
	int leave_##function(__u64 *ctx)                                               \
	{                                                                              \
		return write_ends((void *)ctx[0], ctx[1], (int)ctx[2]);                \
	}

/* (map, key, value, flags): bpf(2) gets what it deletes, in one step. */
#define WATCH_TAKE(function)                                                                      \
	SEC("?fentry/" #function)                                                                 \
	int enter_##function(__u64 *ctx)                                                          \
	{                                                                                         \
		return write_begins(ctx, (void *)ctx[0], ctx[1], 0, READS_ITSELF, MR_BPF_DELETE); \
	}                                                                                         \
	SEC("?fexit/" #function)                                                                  \
	int leave_##function(__u64 *ctx)                                                          \
	{                                                                                         \
		return write_ends((void *)ctx[0], ctx[1], (int)ctx[4]);                           \
	}

#define COUNT(function, write)                           \
	SEC("?fentry/" #function)                        \
	int count_##function(__u64 *ctx)                 \
	{                                                \
		return counted((void *)ctx[0], (write)); \
	}

#define UNSEEN(function)                       \
	SEC("?fentry/" #function)              \
	int unseen_##function(__u64 *ctx)      \
	{                                      \
		return unseen((void *)ctx[0]); \
	}

WATCH_UPDATE(htab_map_update_elem)
WATCH_DELETE(htab_map_delete_elem)
WATCH_HASH_LOOKUP(__htab_map_lookup_elem)
WATCH_TAKE(htab_map_lookup_and_delete_elem)
WATCH_UPDATE(htab_lru_map_update_elem)
WATCH_DELETE(htab_lru_map_delete_elem)
WATCH_TAKE(htab_lru_map_lookup_and_delete_elem)
WATCH_UPDATE(array_map_update_elem)
WATCH_UPDATE(trie_update_elem)
WATCH_DELETE(trie_delete_elem)
WATCH_LOOKUP(trie_lookup_elem)
/* programs come to these two when they do not know their map in advance; of bpf(2)'s look-ups the
 * one below counts */
WATCH_LOOKUP(htab_map_lookup_elem)
WATCH_LOOKUP(htab_lru_map_lookup_elem)

UNSEEN(__htab_map_lookup_and_delete_batch)
UNSEEN(bpf_for_each_hash_elem)

COUNT(htab_percpu_map_lookup_elem, false)
COUNT(htab_percpu_map_update_elem, true)
COUNT(bpf_percpu_hash_update, true)
COUNT(htab_lru_percpu_map_lookup_elem, false)
COUNT(htab_lru_percpu_map_update_elem, true)
COUNT(bpf_percpu_array_update, true)
COUNT(queue_stack_map_push_elem, true)
COUNT(queue_map_pop_elem, true)
COUNT(stack_map_pop_elem, true)
COUNT(queue_map_peek_elem, false)
COUNT(stack_map_peek_elem, false)

/* bpf(2)'s look-ups in maps of every type: (map, key, value, flags), the value copied to where
 * value points. Somebody may write between the copying and the end of the function: what counts is
 * when it began. */
SEC("?fentry/bpf_map_copy_value")
int enter_bpf_map_copy_value(__u64 *ctx)
{
	struct mr_bpf_cpu *c;

	if (!row_watched((void *)ctx[0]))
		return 0;
	c = cpu_get();
	if (!c)
		return 0;
	c->copy_task = bpf_get_current_pid_tgid();
	c->copy_ns = bpf_ktime_get_ns();
	return 0;
}

SEC("?fexit/bpf_map_copy_value")
int read_bpf_map_copy_value(__u64 *ctx)
{
	int result = (int)ctx[4];

	if (result && result != -2) /* -ENOENT: not there, which is an answer too */
		return copy_forget();
	return looked_up(ctx, (void *)ctx[0], ctx[1], result ? 0 : ctx[2], CALL_SYSCALL);
}
