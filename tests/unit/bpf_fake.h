/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_TESTS_BPF_FAKE_H
#define MAPRACE_TESTS_BPF_FAKE_H

/*
 * The kernel's side of the engine when it runs as ordinary C: tables, ring buffer, clock, and reads
 * of the target's memory with faults on demand. Included once, after gomap.bpf.c.
 */

static struct mr_map map_table[MR_MAP_RECORDS];
static struct mr_fastpath fastpath_table[MR_CPUS * MR_FASTPATH_SLOTS];
static struct mr_caller caller_table[MR_CALLER_SLOTS];
static struct mr_near near_table[MR_NEARS];
static struct mr_hold hold_table[MR_HOLD_SLOTS];
static struct mr_trial trial_table[MR_TRIAL_SLOTS];
static struct mr_stack stack_table[2 * MR_SUSPECT_SLOTS];
static struct mr_suspect suspect_table[64];
static __u64 suspect_keys[64];
static struct mr_grower grower_table[MR_GROWERS];
static struct mr_inside inside_table[MR_GROWERS];
static struct mr_grown grown_table[MR_GROWN];
static struct mr_iterator iterator_table[MR_ITERATORS];
static struct mr_panic_site panic_site_table[64];
static __u64 panic_site_keys[64];
static struct mr_panicking panicking_table[16];
static __u64 panicking_keys[16];
static bool suspects_full;
static atomic_uint claim_table[MR_CLAIM_SLOTS]; /* keys of the first generation, by slot */
static __u32 late_claims[16];			/* all other keys */
static void (*at_lookup)(void); /* and what is done at such a look for a map's record */
static pthread_mutex_t claim_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned int stuck_deletes; /* so many deletions of claims fail */
static void (*at_claim)(void);	   /* what another CPU does between the look and the claim */
#define PAIR_ENTRIES (MR_PAIRS + 4 * MR_PAIRS_OWN)
static struct mr_pair pair_table[PAIR_ENTRIES];
static __u64 pair_keys[PAIR_ENTRIES];
static pthread_mutex_t pair_lock = PTHREAD_MUTEX_INITIALIZER,
		       event_lock = PTHREAD_MUTEX_INITIALIZER;
static struct mr_event_race *event_list[MAX_EVENTS];
static size_t event_count;
static struct mr_event_call call_list[16]; /* call sites that were asked for */
static size_t call_count;
static struct mr_event_near near_list[16]; /* call sites that were armed, or found ordered */
static size_t near_count;
static _Thread_local __u32 current_cpu;
static _Thread_local __u32 current_tid = TGID;
static __u32 current_tgid = TGID;
static bool every_pair; /* do not de-duplicate: each collision is an event */
static bool ring_full;
static __u64 ring_used; /* bytes that user space has not read */
static unsigned int wakeups;
static __u64 fault_addr; /* reads of this word fail */
static atomic_uint fault_hits;
static __u64 (*simulated_clock)(void); /* NULL: the real one */
static _Atomic __u64 random_state;

static struct mr_pair *pair_find(__u64 key)
{
	size_t i;

	for (i = 0; i < PAIR_ENTRIES; i++)
		if (pair_keys[i] == key)
			return &pair_table[i];
	return NULL;
}

static struct mr_suspect *suspect_find(__u64 key)
{
	size_t i;

	for (i = 0; i < 64; i++)
		if (suspect_keys[i] == key)
			return &suspect_table[i];
	return NULL;
}

static bool late_claim_swap(__u32 from, __u32 to)
{
	bool done = false;
	size_t i;

	pthread_mutex_lock(&claim_lock);
	for (i = 0; i < 16 && !done; i++)
		if (late_claims[i] == from) {
			late_claims[i] = to;
			done = true;
		}
	pthread_mutex_unlock(&claim_lock);
	return done;
}

static bool late_claimed(__u32 key)
{
	return late_claim_swap(key, key);
}

static long claim_insert(__u32 key)
{
	unsigned int unclaimed = 0;
	void (*meanwhile)(void) = at_claim;

	at_claim = NULL;
	if (meanwhile)
		meanwhile();
	if (key >= MR_CLAIM_SLOTS)
		return !late_claimed(key) && late_claim_swap(0, key) ? 0 : -17;
	return atomic_compare_exchange_strong(&claim_table[key], &unclaimed, 1) ? 0 : -17;
}

/* The place of a key, or with key 0 the first free one; n: there is none. */
static size_t key_place(const __u64 *keys, size_t n, __u64 key)
{
	size_t i = 0;

	while (i < n && keys[i] != key)
		i++;
	return i;
}

/* A table of these keys gets one more. */
static long key_insert(__u64 *keys, void *values, size_t n, size_t size, __u64 key,
		       const void *value)
{
	size_t i = key_place(keys, n, 0);

	if (key_place(keys, n, key) < n)
		return -17;
	if (i == n)
		return -7;
	keys[i] = key;
	memcpy((char *)values + i * size, value, size);
	return 0;
}

static void *key_find(const __u64 *keys, void *values, size_t n, size_t size, __u64 key)
{
	size_t i = key_place(keys, n, key);

	return i < n ? (char *)values + i * size : NULL;
}

/* Where every pair is new: what the one that has just been inserted is found as, once. */
static struct mr_pair any_pair;
static _Thread_local struct mr_pair *just_inserted;

void *bpf_map_lookup_elem(void *map, const void *key)
{
	struct mr_pair *p;

	if (map == (void *)&maps) {
		void (*meanwhile)(void) = at_lookup;

		at_lookup = NULL;
		if (meanwhile)
			meanwhile();
		return &map_table[*(const __u32 *)key];
	}
	if (map == (void *)&fastpath)
		return &fastpath_table[*(const __u32 *)key];
	if (map == (void *)&callers)
		return &caller_table[*(const __u32 *)key];
	if (map == (void *)&nears)
		return &near_table[*(const __u32 *)key];
	if (map == (void *)&holds)
		return &hold_table[*(const __u32 *)key];
	if (map == (void *)&trials)
		return &trial_table[*(const __u32 *)key];
	if (map == (void *)&stacks)
		return &stack_table[*(const __u32 *)key];
	if (map == (void *)&suspects)
		return suspect_find(*(const __u64 *)key);
	if (map == (void *)&growers)
		return &grower_table[*(const __u32 *)key];
	if (map == (void *)&insides)
		return &inside_table[*(const __u32 *)key];
	if (map == (void *)&grown)
		return &grown_table[*(const __u32 *)key];
	if (map == (void *)&iterators)
		return &iterator_table[*(const __u32 *)key];
	if (map == (void *)&panic_sites)
		return key_find(panic_site_keys, panic_site_table, 64, sizeof(struct mr_panic_site),
				*(const __u64 *)key);
	if (map == (void *)&panicking)
		return key_find(panicking_keys, panicking_table, 16, sizeof(struct mr_panicking),
				*(const __u64 *)key);
	if (every_pair) {
		p = just_inserted;
		just_inserted = NULL;
		return p;
	}
	pthread_mutex_lock(&pair_lock);
	p = pair_find(*(const __u64 *)key);
	pthread_mutex_unlock(&pair_lock);
	return p;
}

long bpf_map_update_elem(void *map, const void *key, const void *value, __u64 flags)
{
	long r = -17;
	size_t i;

	(void)flags;
	if (map == (void *)&suspects) {
		for (i = 0; i < 64 && !suspects_full; i++)
			if (!suspect_keys[i]) {
				suspect_keys[i] = *(const __u64 *)key;
				suspect_table[i] = *(const struct mr_suspect *)value;
				return 0;
			}
		return -7;
	}
	if (map == (void *)&panic_sites)
		return key_insert(panic_site_keys, panic_site_table, 64,
				  sizeof(struct mr_panic_site), *(const __u64 *)key, value);
	if (map == (void *)&panicking)
		return key_insert(panicking_keys, panicking_table, 16, sizeof(struct mr_panicking),
				  *(const __u64 *)key, value);
	if (map == (void *)&claims)
		return claim_insert(*(const __u32 *)key);
	if (every_pair) {
		just_inserted = &any_pair;
		return 0;
	}
	pthread_mutex_lock(&pair_lock);
	for (i = 0; i < PAIR_ENTRIES && !pair_find(*(const __u64 *)key); i++)
		if (!pair_keys[i]) {
			pair_keys[i] = *(const __u64 *)key;
			pair_table[i] = *(const struct mr_pair *)value;
			r = 0;
		}
	pthread_mutex_unlock(&pair_lock);
	return r;
}

long bpf_map_delete_elem(void *map, const void *key)
{
	__u32 claim = *(const __u32 *)key;
	size_t i;

	if (map == (void *)&panicking) {
		i = key_place(panicking_keys, 16, *(const __u64 *)key);
		if (i == 16)
			return -2;
		panicking_keys[i] = 0;
		return 0;
	}
	assert_ptr_equal(map, (void *)&claims);
	if (stuck_deletes) {
		stuck_deletes--;
		return -16;
	}
	if (claim >= MR_CLAIM_SLOTS)
		return late_claim_swap(claim, 0) ? 0 : -2;
	return atomic_exchange(&claim_table[claim], 0) ? 0 : -2;
}

/* The target's code: one call of a function, and nothing else. */
#define TEXT_LO 0x400000u
#define TEXT_HI 0x700000u
static __u64 text_call_ret, text_call_of;

static void text_read(__u8 *to, __u32 size, __u64 from)
{
	__s32 distance = (__s32)(text_call_of - text_call_ret);

	memset(to, 0, size);
	if (from != text_call_ret - 5 || size != 5)
		return;
	to[0] = 0xe8;
	memcpy(to + 1, &distance, sizeof(distance));
}

long bpf_probe_read_user(void *dst, __u32 size, const void *src)
{
	__u64 from = (__u64)(uintptr_t)src;

	if (from < 4096 || (fault_addr && from <= fault_addr && from + size > fault_addr)) {
		atomic_fetch_add(&fault_hits, 1);
		memset(dst, 0, size);
		return -14;
	}
	if (from >= TEXT_LO && from < TEXT_HI) {
		text_read(dst, size, from);
		return 0;
	}
	memcpy(dst, src, size);
	return 0;
}

long bpf_probe_read_kernel(void *dst, __u32 size, const void *src)
{
	memcpy(dst, src, size);
	return 0;
}

__u64 bpf_ktime_get_ns(void)
{
	struct timespec ts;

	if (simulated_clock)
		return simulated_clock();
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (__u64)ts.tv_sec * 1000000000u + (__u64)ts.tv_nsec;
}

long bpf_loop(__u32 n, void *step, void *ctx, __u64 flags)
{
	long (*body)(__u64, void *) = step;
	__u32 i;

	(void)flags;
	for (i = 0; i < n; i++)
		if (body(i, ctx))
			return i + 1;
	return n;
}

/* splitmix64: the same numbers for the same random_state */
__u32 bpf_get_prandom_u32(void)
{
	__u64 x = atomic_fetch_add(&random_state, 0x9e3779b97f4a7c15ull);

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return (__u32)(x >> 32);
}

static __u32 signal_sent; /* the last one; 0: none */

long bpf_send_signal(__u32 sig)
{
	signal_sent = sig;
	return 0;
}

__u64 bpf_get_current_pid_tgid(void)
{
	return (__u64)current_tgid << 32 | current_tid;
}

long bpf_get_ns_current_pid_tgid(__u64 dev, __u64 ino, struct bpf_pidns_info *ns, __u32 size)
{
	(void)dev;
	(void)size;
	if (ino != 77)
		return -22;
	ns->pid = current_tid;
	ns->tgid = current_tgid;
	return 0;
}

__u32 bpf_get_smp_processor_id(void)
{
	return current_cpu;
}

static void (*at_reserve)(void); /* what another CPU does meanwhile */

void *bpf_ringbuf_reserve(void *ring, __u64 size, __u64 flags)
{
	(void)ring;
	(void)flags;
	if (at_reserve)
		at_reserve();
	return ring_full ? NULL : malloc(size);
}

__u64 bpf_ringbuf_query(void *ring, __u64 flags)
{
	(void)ring;
	assert_int_equal(flags, BPF_RB_AVAIL_DATA);
	return ring_used;
}

/* Without a flag the kernel wakes only who has read all that came before. */
static void ring_wake(__u64 flags)
{
	if (flags == BPF_RB_FORCE_WAKEUP || (!flags && !ring_used))
		wakeups++;
}

void bpf_ringbuf_submit(void *data, __u64 flags)
{
	const struct mr_event_call *call = data;

	pthread_mutex_lock(&event_lock);
	ring_wake(flags);
	if (call->header.kind == MR_EVENT_CALL) {
		call_list[call_count++ % 16] = *call;
		free(data);
	} else if (call->header.kind == MR_EVENT_NEAR) {
		near_list[near_count++ % 16] = *(const struct mr_event_near *)data;
		free(data);
	} else if (event_count < MAX_EVENTS)
		event_list[event_count++] = data;
	else
		free(data);
	pthread_mutex_unlock(&event_lock);
}

void bpf_ringbuf_discard(void *data, __u64 flags)
{
	pthread_mutex_lock(&event_lock);
	ring_wake(flags);
	pthread_mutex_unlock(&event_lock);
	free(data);
}

#endif
