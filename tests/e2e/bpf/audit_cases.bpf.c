/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Programs for `maprace bpf audit`, of which the name is the verdict: racy_KIND_what has exactly
 * one finding, of that kind (rmw, check, update, insert, partial), whose store is on the line that
 * says
 * @what; safe_what has none.
 */
#include "audit_cases.h"

static __always_inline struct value *find(void *map, __u32 key)
{
	return bpf_map_lookup_elem(map, &key);
}

/* --- read-modify-write of one field --- */

RACY(rmw_increment)
{
	struct value *v = find(&hash, skb->protocol);

	if (v)
		v->count++; /* @increment */
	return 0;
}

RACY(rmw_add)
{
	struct value *v = find(&array, 1);

	if (v)
		v->bytes += skb->len; /* @add */
	return 0;
}

RACY(rmw_lru)
{
	struct value *v = find(&lru, skb->protocol);

	if (v)
		v->count -= 2; /* @lru */
	return 0;
}

RACY(rmw_bits)
{
	struct value *v = find(&hash, skb->protocol);

	if (v)
		v->flags |= 1 << (skb->mark & 7); /* @bits */
	return 0;
}

RACY(rmw_bitfield)
{
	struct value *v = find(&hash, skb->protocol);

	if (v)
		v->second = 3; /* @bitfield */
	return 0;
}

RACY(rmw_byte)
{
	struct value *v = find(&hash, skb->protocol);

	if (v)
		v->small++; /* @byte */
	return 0;
}

RACY(rmw_nested)
{
	struct value *v = find(&hash, skb->protocol);

	if (v)
		v->in[2].b++; /* @nested */
	return 0;
}

RACY(rmw_slot)
{
	struct value *v = find(&hash, skb->protocol);

	if (v)
		v->slots[skb->mark & 15]++; /* @slot */
	return 0;
}

RACY(rmw_scalar_value)
{
	__u32 key = 2;
	__u64 *n = bpf_map_lookup_elem(&numbers, &key);

	if (n)
		*n = *n * 3 + skb->len; /* @scalar_value */
	return 0;
}

RACY(rmw_average)
{
	struct value *v = find(&hash, skb->protocol);

	if (v)
		v->last = (v->last * 7 + skb->len) / 8; /* @average */
	return 0;
}

RACY(rmw_global)
{
	total += skb->len; /* @global */
	return 0;
}

/* not by each run */
RACY(rmw_global_returned)
{
	if (skb->len < 100)
		return 1;
	bpf_trace_printk("x", 2);
	total += skb->mark; /* @global_returned */
	return 0;
}

RACY(rmw_global_field)
{
	everything.in[1].a++; /* @global_field */
	return 0;
}

RACY(rmw_static_volatile)
{
	hidden++; /* @static_volatile */
	return 0;
}

RACY(rmw_maximum)
{
	struct value *v = find(&hash, skb->protocol);
	__u64 now;

	if (!v)
		return 0;
	now = v->bytes;
	if (now & 1)
		now = now * 3 + 1;
	else
		now = now / 2;
	v->bytes = now; /* @maximum */
	return 0;
}

RACY(rmw_inner)
{
	__u32 key = 1;
	void *inner = bpf_map_lookup_elem(&outer, &key);
	struct value *v = inner ? bpf_map_lookup_elem(inner, &key) : 0;

	if (v)
		v->count++; /* @inner */
	return 0;
}

static noinline void bump(struct value *v, __u64 n)
{
	if (v)
		v->count += n; /* @subprogram @subprogram_twice */
}

RACY(rmw_subprogram)
{
	bump(find(&hash, skb->protocol), skb->len);
	return 0;
}

/* one line, whoever calls it */
RACY(rmw_subprogram_twice)
{
	bump(find(&hash, skb->protocol), 1);
	bump(find(&hash, skb->mark), 2);
	return 0;
}

static noinline struct value *find_or_make(__u32 key)
{
	struct value zero = {}, *v = bpf_map_lookup_elem(&hash, &key);

	if (v)
		return v;
	bpf_map_update_elem(&hash, &key, &zero, BPF_NOEXIST);
	return bpf_map_lookup_elem(&hash, &key);
}

RACY(rmw_returned)
{
	struct value *v = find_or_make(skb->protocol);

	if (v)
		v->count++; /* @returned */
	return 0;
}

/* the pointer goes through the stack */
RACY(rmw_spilled)
{
	struct value *volatile kept = find(&hash, skb->protocol);
	__u32 key = 9;
	struct value *v;

	bpf_map_delete_elem(&lru, &key);
	v = kept;
	if (v)
		v->count++; /* @spilled */
	return 0;
}

static noinline int through_context(__u32 i, void *context)
{
	struct value **v = context;

	if (*v)
		(*v)->bytes += i; /* @loop_context */
	return 0;
}

RACY(rmw_loop_context)
{
	struct value *v = find(&hash, skb->protocol);

	bpf_loop(10, through_context, &v, 0);
	return 0;
}

static noinline long each(void *map, __u32 *key, struct value *v, void *context)
{
	v->count++; /* @for_each */
	return 0;
}

RACY(rmw_for_each)
{
	bpf_for_each_map_elem(&hash, each, 0, 0);
	return 0;
}

/* the process's number is that of all its threads */
RACY(rmw_by_process)
{
	struct value *v = find(&by_thread, bpf_get_current_pid_tgid() >> 32);

	if (v)
		v->count++; /* @by_process */
	return 0;
}

/* the same, without any shift */
RACY(rmw_by_upper_half)
{
	volatile __u64 both = bpf_get_current_pid_tgid();
	__u32 process = ((volatile __u32 *)&both)[1];
	struct value *v = bpf_map_lookup_elem(&by_thread, &process);

	if (v)
		v->count++; /* @by_upper_half */
	return 0;
}

/* read in one critical section, written in the next */
RACY(rmw_lock_left)
{
	__u32 key = skb->protocol;
	struct locked *v = bpf_map_lookup_elem(&locks, &key);
	__u64 n;

	if (!v)
		return 0;
	bpf_spin_lock(&v->lock);
	n = v->count;
	bpf_spin_unlock(&v->lock);
	bpf_spin_lock(&v->lock);
	v->count = n + 1; /* @lock_left */
	bpf_spin_unlock(&v->lock);
	return 0;
}

RACY(rmw_loop)
{
	__u32 i, key;
	struct value *v;

#pragma clang loop unroll(disable)
	for (i = 0; i < 8; i++) {
		key = i;
		v = bpf_map_lookup_elem(&hash, &key);
		if (v)
			v->count++; /* @loop */
	}
	return 0;
}

/* --- check, then act --- */

RACY(check_zero)
{
	struct value *v = find(&hash, skb->protocol);

	if (v && !v->state)
		v->state = skb->mark; /* @zero */
	return 0;
}

RACY(check_constant)
{
	struct value *v = find(&hash, skb->protocol);

	if (!v || v->state == 3)
		return 0;
	bpf_trace_printk("x", 2);
	v->state = 3; /* @constant */
	return 0;
}

RACY(check_newer)
{
	struct value *v = find(&hash, skb->protocol);
	__u64 now = bpf_ktime_get_ns();

	if (v && v->last < now)
		v->last = now; /* @newer */
	return 0;
}

RACY(check_global)
{
	if (total < skb->len)
		total = skb->len; /* @global */
	return 0;
}

/* --- by the helper --- */

RACY(update_written_back)
{
	__u32 key = skb->protocol;
	struct value *v = bpf_map_lookup_elem(&hash, &key), next = {};

	if (!v)
		return 0;
	next.count = v->count + 1;
	bpf_map_update_elem(&hash, &key, &next, BPF_ANY); /* @written_back */
	return 0;
}

RACY(update_number)
{
	__u32 key = 3;
	__u64 *n = bpf_map_lookup_elem(&numbers, &key), next;

	if (!n)
		return 0;
	next = *n + skb->len;
	bpf_map_update_elem(&numbers, &key, &next, BPF_EXIST); /* @number */
	return 0;
}

RACY(insert_absent)
{
	__u32 key = skb->protocol;
	struct value first = {.count = 1};
	struct value *v = bpf_map_lookup_elem(&hash, &key);

	if (v)
		__sync_fetch_and_add(&v->count, 1);
	else
		bpf_map_update_elem(&hash, &key, &first, BPF_ANY); /* @absent */
	return 0;
}

/* --- a part of what belongs together: the value has a lock, and it is not held --- */

RACY(partial_unlocked)
{
	__u32 key = skb->protocol;
	struct locked *v = bpf_map_lookup_elem(&locks, &key);

	if (!v)
		return 0;
	v->state = skb->mark;
	v->count = skb->len; /* @unlocked */
	return 0;
}

RACY(partial_lock_of_other)
{
	__u32 key = skb->protocol, other = skb->mark;
	struct locked *v = bpf_map_lookup_elem(&locks, &key);
	struct locked *w = bpf_map_lookup_elem(&locks, &other);

	if (!v || !w)
		return 0;
	bpf_spin_lock(&w->lock);
	v->state = skb->mark;
	v->count = 5; /* @lock_of_other */
	bpf_spin_unlock(&w->lock);
	return 0;
}

RACY(partial_half_locked)
{
	__u32 key = skb->protocol, mark = skb->mark, len = skb->len;
	struct locked *v = bpf_map_lookup_elem(&locks, &key);

	if (!v)
		return 0;
	bpf_spin_lock(&v->lock);
	v->state = mark;
	bpf_spin_unlock(&v->lock);
	v->count = len; /* @half_locked */
	return 0;
}

/* --- safe --- */

SAFE(atomic)
{
	struct value *v = find(&hash, skb->protocol);

	if (v)
		__sync_fetch_and_add(&v->count, skb->len);
	return 0;
}

SAFE(percpu)
{
	struct value *v = find(&percpu, 0);

	if (v)
		v->count++;
	return 0;
}

SAFE(percpu_hash)
{
	__u32 key = skb->protocol;
	struct value zero = {}, *v = bpf_map_lookup_elem(&percpu_hash, &key);

	if (!v) {
		bpf_map_update_elem(&percpu_hash, &key, &zero, BPF_ANY);
		return 0;
	}
	v->count++;
	if (!v->state)
		v->state = 1;
	return 0;
}

SAFE(lock)
{
	__u32 key = skb->protocol;
	struct locked *v = bpf_map_lookup_elem(&locks, &key);

	if (!v)
		return 0;
	bpf_spin_lock(&v->lock);
	v->count++;
	if (!v->state)
		v->state = 1;
	bpf_spin_unlock(&v->lock);
	return 0;
}

SAFE(lock_two_fields)
{
	__u32 key = skb->protocol, mark = skb->mark, len = skb->len;
	struct locked *v = bpf_map_lookup_elem(&locks, &key);

	if (!v)
		return 0;
	bpf_spin_lock(&v->lock);
	v->state = mark;
	v->count = len;
	bpf_spin_unlock(&v->lock);
	return 0;
}

/* nothing else belongs to it */
SAFE(one_field_unlocked)
{
	__u32 key = skb->protocol;
	struct locked *v = bpf_map_lookup_elem(&locks, &key);

	if (v)
		v->count = skb->len;
	return 0;
}

/* one or the other */
SAFE(either_field_unlocked)
{
	__u32 key = skb->protocol;
	struct locked *v = bpf_map_lookup_elem(&locks, &key);

	if (v && skb->len > 100)
		v->count = skb->len;
	else if (v)
		v->state = skb->mark;
	return 0;
}

/* of different elements */
SAFE(two_values_unlocked)
{
	__u32 key = skb->protocol, other = skb->mark;
	struct locked *v = bpf_map_lookup_elem(&locks, &key);
	struct locked *w = bpf_map_lookup_elem(&locks, &other);

	if (!v || !w)
		return 0;
	v->count = skb->len;
	w->state = skb->mark;
	return 0;
}

/* no lock says that they belong together */
SAFE(two_fields_without_lock)
{
	struct value *v = find(&hash, skb->protocol);

	if (!v)
		return 0;
	v->bytes = skb->len;
	v->last = skb->mark;
	return 0;
}

SAFE(store_only)
{
	struct value *v = find(&hash, skb->protocol);

	if (v)
		v->last = bpf_ktime_get_ns();
	return 0;
}

SAFE(read_only)
{
	struct value *v = find(&hash, skb->protocol);

	return v ? v->count + v->bytes : 0;
}

SAFE(other_field)
{
	struct value *v = find(&hash, skb->protocol);

	if (v)
		v->bytes = v->count + 1;
	return 0;
}

SAFE(other_map)
{
	struct value *v = find(&hash, skb->protocol), *w = find(&lru, skb->protocol);

	if (v && w)
		w->count = v->count + 1;
	return 0;
}

SAFE(other_element)
{
	struct value *v = find(&hash, 1), *w = find(&hash, 2);

	if (v && w)
		w->count = v->count + 1;
	return 0;
}

SAFE(local)
{
	struct value v = {.count = skb->len};
	struct value *volatile p = &v;
	__u32 key = skb->protocol;

	p->count++;
	bpf_map_update_elem(&hash, &key, &v, BPF_ANY);
	return 0;
}

SAFE(noexist)
{
	__u32 key = skb->protocol;
	struct value first = {.count = 1};
	struct value *v = bpf_map_lookup_elem(&hash, &key);

	if (v)
		__sync_fetch_and_add(&v->count, 1);
	else
		bpf_map_update_elem(&hash, &key, &first, BPF_NOEXIST);
	return 0;
}

SAFE(by_thread)
{
	struct value *v = find(&by_thread, bpf_get_current_pid_tgid());

	if (v)
		v->count++;
	return 0;
}

SAFE(by_thread_in_key)
{
	struct key key = {.pid = bpf_get_current_pid_tgid(), .kind = skb->mark};
	struct value *v = bpf_map_lookup_elem(&by_key, &key);

	if (v)
		v->count++;
	return 0;
}

/* copied as a whole, as bcc does */
SAFE(by_thread_in_copied_key)
{
	struct key key = {.pid = bpf_get_current_pid_tgid(), .kind = skb->mark};
	__u64 copy = *(volatile __u64 *)&key;
	struct value *v = bpf_map_lookup_elem(&by_key, &copy);

	if (v)
		v->count++;
	return 0;
}

SAFE(by_cpu_key)
{
	struct value *v = find(&by_cpu, bpf_get_smp_processor_id());

	if (v)
		v->count++;
	return 0;
}

SAFE(by_cpu_index)
{
	per_cpu_total[bpf_get_smp_processor_id() & 63]++;
	return 0;
}

const volatile _Bool one_each;

/* only where each CPU is counted apart */
SAFE(by_cpu_chosen)
{
	__u32 cpu = 0;

	if (one_each) {
		cpu = bpf_get_smp_processor_id();
		if (cpu >= 64)
			return 0;
	}
	if (one_each)
		per_cpu_total[cpu]++;
	else
		__sync_fetch_and_add(&per_cpu_total[cpu], 1);
	return 0;
}

SAFE(by_cpu_in_row)
{
	__u32 index = (skb->mark & 7) * 8 + bpf_get_smp_processor_id();
	struct value *v = find(&by_cpu, index);

	if (v)
		v->count++;
	return 0;
}

SAFE(set_again)
{
	__u32 key = skb->protocol;
	struct value next = {.count = skb->len};

	bpf_map_update_elem(&hash, &key, &next, BPF_ANY);
	return 0;
}

SAFE(other_key)
{
	__u32 key = skb->protocol, other = skb->mark;
	struct value next = {.count = 1};

	if (!bpf_map_lookup_elem(&hash, &key))
		bpf_map_update_elem(&hash, &other, &next, BPF_ANY);
	return 0;
}

static noinline void bump_atomic(struct value *v)
{
	if (v)
		__sync_fetch_and_add(&v->count, 1);
}

SAFE(subprogram)
{
	bump_atomic(find(&hash, skb->protocol));
	return 0;
}

char LICENSE[] SEC("license")
= "Dual BSD/GPL";
