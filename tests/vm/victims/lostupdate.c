// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * Counts in a kernel BPF map, in ways that lose updates and in ways that do not, and says how many
 * were lost.
 *
 *   lostupdate MODE [SECONDS]
 *
 * Says "ready" when its programs are loaded, and begins when there is a line on its standard input.
 * Two workers for each mode, for SECONDS at least. The last line is "truth counted=N final=N
 * missing=N": every increment that is missing in the final value is one lost update.
 */
#define _GNU_SOURCE
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lostupdate.skel.h"

enum { KEY = 7, PAUSE = 200 };
enum { ROUNDS = 500, BATCH = 20 }; /* that each worker does at least; between looks at the clock */
enum { PERIOD_NS = 200000 };	   /* of a timer */
enum { LATEST = 10 };		   /* times SECONDS: whatever was done by then */

static struct shared { /* with the workers */
	volatile uint64_t counted[2];
	volatile uint64_t rounds[2];
	volatile int ready;
	volatile int stop;
} * shared;

static struct lostupdate_bpf *object;
static int map;
static struct timespec began;
static double seconds = 2;

static void die(const char *what)
{
	fprintf(stderr, "lostupdate: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	return getenv("LOSTUPDATE_VERBOSE") ? vfprintf(stderr, format, args) : 0;
}

/* Where the machine is slow, or lets the workers take turns, it takes longer until they have met. */
static bool time_is_over(void)
{
	struct timespec now;
	double took;

	clock_gettime(CLOCK_MONOTONIC, &now);
	took = (double)(now.tv_sec - began.tv_sec) + (double)(now.tv_nsec - began.tv_nsec) / 1e9;
	return took >= seconds * LATEST ||
	       (took >= seconds && shared->rounds[0] >= ROUNDS && shared->rounds[1] >= ROUNDS);
}

/* A process's work between read and write, and between one round and the next. */
static void ponder(void)
{
	for (volatile int i = 0; i < PAUSE; i++)
		;
}

static void pin_to(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu % (int)sysconf(_SC_NPROCESSORS_ONLN), &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static uint64_t lookup(uint32_t key, uint64_t flags)
{
	uint64_t value = 0;

	if (bpf_map_lookup_elem_flags(map, &key, &value, flags) && errno != ENOENT)
		die("look-up");
	return value;
}

static void update(uint32_t key, uint64_t value, uint64_t flags)
{
	if (bpf_map_update_elem(map, &key, &value, flags))
		die("update");
}

/* The unsafe one: look-up, add, update. */
static void work_increment(int worker)
{
	uint64_t value = lookup(KEY, 0);

	ponder();
	update(KEY, value + 1, BPF_ANY);
	shared->counted[worker]++;
}

static void work_disjoint(int worker)
{
	uint32_t key = KEY + (uint32_t)worker;
	uint64_t value = lookup(key, 0);

	update(key, value + 1, BPF_ANY);
	shared->counted[worker]++;
}

/* Claims a key that is free, and gives it back. */
static void work_noexist(int worker)
{
	uint32_t key = KEY;
	uint64_t mine = (uint64_t)worker + 1;

	(void)lookup(key, 0);
	if (bpf_map_update_elem(map, &key, &mine, BPF_NOEXIST))
		return;
	shared->counted[worker]++;
	bpf_map_delete_elem(map, &key);
}

/* Many read, one writes. */
static void work_one_writer(int worker)
{
	uint64_t value = lookup(KEY, 0);

	if (worker)
		return;
	update(KEY, value + 1, BPF_ANY);
	shared->counted[0]++;
}

static void work_percpu(int worker)
{
	uint32_t key = KEY;
	uint64_t values[256] = {0};

	if (bpf_map_lookup_elem(map, &key, values) && errno != ENOENT)
		die("look-up");
	if (bpf_map_update_elem(map, &key, values, BPF_ANY))
		die("update");
	(void)worker;
}

struct locked {
	struct bpf_spin_lock lock;
	uint32_t writer;
	uint64_t value;
};

/* Whole values are put in place under the value's lock, without having been read. */
static void work_locked(int worker)
{
	struct locked value = {.writer = (uint32_t)worker, .value = shared->counted[worker]++};
	uint32_t key = KEY;

	if (bpf_map_update_elem(map, &key, &value, BPF_F_LOCK))
		die("locked update");
}

static uint64_t lookup_locked(void)
{
	struct locked value;
	uint32_t key = KEY;

	if (bpf_map_lookup_elem_flags(map, &key, &value, BPF_F_LOCK))
		die("locked look-up");
	return value.value;
}

/* Each step is atomic under the value's lock; the two together are not. */
static void work_locked_increment(int worker)
{
	struct locked value;
	uint32_t key = KEY;

	if (bpf_map_lookup_elem_flags(map, &key, &value, BPF_F_LOCK))
		die("locked look-up");
	ponder();
	value.value++;
	if (bpf_map_update_elem(map, &key, &value, BPF_F_LOCK))
		die("locked update");
	shared->counted[worker]++;
}

/* Each run of an XDP program costs milliseconds beside the packets: many of them. */
static void run_packets(const char *program, int worker, int packets)
{
	struct bpf_program *p = bpf_object__find_program_by_name(object->obj, program);
	uint8_t packet[64] = {0}, out[64];
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet, .data_size_in = sizeof(packet),
		    .data_out = out, .data_size_out = sizeof(out), .repeat = packets);

	if (bpf_prog_test_run_opts(bpf_program__fd(p), &options))
		die(program);
	shared->rounds[worker] += (uint64_t)packets;
}

static void work_xdp(int worker)
{
	run_packets("count_xdp", worker, 500);
}

static void work_tc(int worker)
{
	run_packets("count_tc", worker, 20);
}

static void work_socket(int worker)
{
	run_packets("count_socket", worker, 20);
}

static void work_inner(int worker)
{
	run_packets("count_inner", worker, 500);
}

static void work_choice(int worker)
{
	run_packets("count_choice", worker, 500);
}

static void work_in_place(int worker)
{
	run_packets("count_in_place", worker, 500);
}

static void work_plain(int worker)
{
	run_packets("count_plain", worker, 500);
}

static void work_syscalls(int worker)
{
	(void)worker;
	syscall(SYS_getpgid, 0);
}

static void work_read(int worker)
{
	(void)worker;
	lookup(KEY, 0);
}

static void work_turn(int worker)
{
	run_packets("count_turn", worker, 5000);
}

static void work_none(int worker)
{
	(void)worker;
	usleep(PAUSE);
}

static const struct mode {
	const char *name;
	enum bpf_map_type type;
	const char *programs[2], *tick; /* tick: runs in a timer's interrupts on the first CPU */
	void (*work[2])(int worker);
	bool attach, locked, counts_missing, stays;
} modes[] = {
	{.name = "processes",
	 .type = BPF_MAP_TYPE_HASH,
	 .work = {work_increment, work_increment},
	 .counts_missing = true},
	{.name = "processes_lru",
	 .type = BPF_MAP_TYPE_LRU_HASH,
	 .work = {work_increment, work_increment},
	 .counts_missing = true},
	{.name = "processes_array",
	 .type = BPF_MAP_TYPE_ARRAY,
	 .work = {work_increment, work_increment},
	 .counts_missing = true},
	{.name = "processes_lock",
	 .type = BPF_MAP_TYPE_HASH,
	 .work = {work_locked_increment, work_locked_increment},
	 .locked = true,
	 .counts_missing = true},
	{.name = "xdp",
	 .type = BPF_MAP_TYPE_HASH,
	 .programs = {"count_xdp"},
	 .work = {work_increment, work_xdp},
	 .counts_missing = true},
	{.name = "tc",
	 .type = BPF_MAP_TYPE_HASH,
	 .programs = {"count_tc"},
	 .work = {work_increment, work_tc},
	 .counts_missing = true},
	{.name = "socket",
	 .type = BPF_MAP_TYPE_HASH,
	 .programs = {"count_socket"},
	 .work = {work_increment, work_socket},
	 .counts_missing = true},
	{.name = "inner",
	 .type = BPF_MAP_TYPE_HASH,
	 .programs = {"count_inner"},
	 .work = {work_increment, work_inner},
	 .counts_missing = true},
	{.name = "choice",
	 .type = BPF_MAP_TYPE_HASH,
	 .programs = {"count_choice"},
	 .work = {work_increment, work_choice},
	 .counts_missing = true},
	{.name = "tracers",
	 .type = BPF_MAP_TYPE_HASH,
	 .programs = {"count_raw_tp", "count_kprobe"},
	 .work = {work_syscalls, work_syscalls},
	 .attach = true,
	 .counts_missing = true},
	{.name = "plain",
	 .type = BPF_MAP_TYPE_HASH,
	 .programs = {"count_plain"},
	 .work = {work_increment, work_plain},
	 .counts_missing = true,
	 .stays = true},
	{.name = "safe_percpu",
	 .type = BPF_MAP_TYPE_PERCPU_HASH,
	 .programs = {"count_xdp"},
	 .work = {work_percpu, work_xdp}},
	{.name = "safe_lock",
	 .type = BPF_MAP_TYPE_HASH,
	 .work = {work_locked, work_locked},
	 .locked = true},
	{.name = "safe_in_place",
	 .type = BPF_MAP_TYPE_HASH,
	 .programs = {"count_in_place"},
	 .work = {work_read, work_in_place},
	 .counts_missing = true},
	{.name = "safe_one_writer",
	 .type = BPF_MAP_TYPE_HASH,
	 .work = {work_one_writer, work_one_writer},
	 .counts_missing = true},
	{.name = "safe_disjoint",
	 .type = BPF_MAP_TYPE_HASH,
	 .work = {work_disjoint, work_disjoint},
	 .counts_missing = true},
	{.name = "safe_turns",
	 .type = BPF_MAP_TYPE_HASH,
	 .programs = {"count_turn"},
	 .tick = "count_tick",
	 .work = {work_turn, work_none},
	 .counts_missing = true},
	{.name = "safe_noexist", .type = BPF_MAP_TYPE_HASH, .work = {work_noexist, work_noexist}},
};

/* A map whose value has a lock needs type information of it, which only an object can give; this
 * one is made by hand. */
static int make_locked_map(void)
{
	struct btf *btf = btf__new_empty();
	LIBBPF_OPTS(bpf_map_create_opts, options);
	int u32_id, u64_id, lock_id, value_id, fd;

	u32_id = btf__add_int(btf, "unsigned int", 4, 0);
	u64_id = btf__add_int(btf, "unsigned long", 8, 0);
	lock_id = btf__add_struct(btf, "bpf_spin_lock", 4);
	btf__add_field(btf, "val", u32_id, 0, 0);
	value_id = btf__add_struct(btf, "locked", sizeof(struct locked));
	btf__add_field(btf, "lock", lock_id, 0, 0);
	btf__add_field(btf, "writer", u32_id, 32, 0);
	btf__add_field(btf, "value", u64_id, 64, 0);
	if (btf__load_into_kernel(btf))
		die("type information");
	options.btf_fd = (uint32_t)btf__fd(btf);
	options.btf_key_type_id = (uint32_t)u32_id;
	options.btf_value_type_id = (uint32_t)value_id;
	fd = bpf_map_create(BPF_MAP_TYPE_HASH, "counter", 4, sizeof(struct locked), 64, &options);
	if (fd < 0)
		die("map with a lock");
	return fd;
}

static void open_map(const struct mode *mode)
{
	struct bpf_program *program;
	struct locked first = {.value = 0};
	uint32_t key = KEY, zero = 0;

	object = lostupdate_bpf__open();
	if (!object)
		die("object");
	bpf_map__set_type(object->maps.counter, mode->type);
	object->rodata->victim_tgid = (uint32_t)getpid();
	for (int i = 0; i < 2 && mode->programs[i]; i++) {
		program = bpf_object__find_program_by_name(object->obj, mode->programs[i]);
		bpf_program__set_autoload(program, true);
	}
	if (mode->tick)
		bpf_program__set_autoload(bpf_object__find_program_by_name(object->obj, mode->tick),
					  true);
	if (lostupdate_bpf__load(object))
		die("load");
	map = bpf_map__fd(object->maps.counter);
	if (mode->locked) {
		map = make_locked_map();
		if (bpf_map_update_elem(map, &key, &first, BPF_ANY))
			die("first value");
	}
	if (bpf_map_update_elem(bpf_map__fd(object->maps.outer), &zero, &map, BPF_ANY) &&
	    !strcmp(mode->name, "inner"))
		die("outer map");
	if (mode->type == BPF_MAP_TYPE_HASH && !mode->locked &&
	    strcmp(mode->name, "safe_noexist") != 0)
		update(KEY, 0, BPF_ANY);
}

/* raw_tp and kprobe programs run on whoever calls getpgid(2) here, so that their workers are
 * threads of this very process. */
static void attach(const struct mode *mode)
{
	for (int i = 0; i < 2 && mode->programs[i]; i++) {
		struct bpf_program *p =
			bpf_object__find_program_by_name(object->obj, mode->programs[i]);

		if (!bpf_program__attach(p))
			die(mode->programs[i]);
	}
}

/* PERIOD_NS of the CPU's clock apart, for as long as this process lives. */
static void attach_tick(const char *name)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE,
				       .size = sizeof(attr),
				       .config = PERF_COUNT_SW_CPU_CLOCK,
				       .sample_period = PERIOD_NS};
	int fd = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd < 0)
		die("perf_event_open");
	if (!bpf_program__attach_perf_event(bpf_object__find_program_by_name(object->obj, name),
					    fd))
		die(name);
}

static void work(const struct mode *mode, int worker)
{
	pin_to(worker);
	__atomic_add_fetch(&shared->ready, 1, __ATOMIC_SEQ_CST);
	while (shared->ready < 2)
		sched_yield();
	clock_gettime(CLOCK_MONOTONIC, &began);
	while (!time_is_over()) {
		for (int i = 0; i < BATCH; i++)
			mode->work[worker](worker);
		shared->rounds[worker] += BATCH;
	}
}

static void *thread_work(void *mode)
{
	work(mode, 1);
	return NULL;
}

static void run_workers(const struct mode *mode)
{
	pthread_t thread;
	pid_t child;
	int status;

	if (mode->attach) {
		if (pthread_create(&thread, NULL, thread_work, (void *)mode))
			die("thread");
		work(mode, 0);
		pthread_join(thread, NULL);
		return;
	}
	child = fork();
	if (child < 0)
		die("fork");
	if (!child) {
		work(mode, 1);
		_exit(0);
	}
	work(mode, 0);
	if (waitpid(child, &status, 0) != child || status)
		die("worker");
}

static uint64_t counted_in_all(void)
{
	uint64_t sum = shared->counted[0] + shared->counted[1], n;

	for (uint32_t i = 0; i < 8; i++) {
		if (bpf_map_lookup_elem(bpf_map__fd(object->maps.done), &i, &n))
			die("count");
		sum += n;
	}
	return sum;
}

int main(int argc, char **argv)
{
	struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
	const struct mode *mode = NULL;
	uint64_t counted, final = 0;

	for (size_t i = 0; argc > 1 && i < sizeof(modes) / sizeof(modes[0]); i++)
		if (!strcmp(argv[1], modes[i].name))
			mode = &modes[i];
	if (!mode) {
		fprintf(stderr, "usage: lostupdate MODE [SECONDS]\n");
		return 2;
	}
	if (argc > 2)
		seconds = strtod(argv[2], NULL);
	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	libbpf_set_print(quiet);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED)
		die("mmap");
	open_map(mode);
	if (mode->attach)
		attach(mode);
	fprintf(stderr, "ready\n");
	getchar(); /* until somebody watches */
	if (mode->tick)
		attach_tick(mode->tick);
	run_workers(mode);
	if (mode->stays) /* who watches may not have had a CPU until now, and looks at our program */
		sleep(3);
	counted = counted_in_all();
	if (mode->locked && mode->counts_missing)
		final = lookup_locked();
	else if (mode->counts_missing)
		final = lookup(KEY, 0) +
			(!strcmp(mode->name, "safe_disjoint") ? lookup(KEY + 1, 0) : 0);
	else
		final = counted;
	printf("truth counted=%llu final=%llu missing=%lld\n", (unsigned long long)counted,
	       (unsigned long long) final, (long long)(counted - final));
	return 0;
}
