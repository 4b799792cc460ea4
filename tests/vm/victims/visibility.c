// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * From where can operations on a kernel BPF map be seen? Observes the kernel's map functions by
 * kprobe, then by fentry, while every kind of actor works on one map, and counts.
 *
 *   visibility MAP_TYPE       hash lru percpu array lpm
 *
 * One line for each function, way of observing and actor: "TYPE HOW FUNCTION ACTOR OPERATIONS
 * SEEN"; SEEN is "-" where the function cannot be observed that way, OPERATIONS 0 where the actor
 * cannot run on this kernel.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "visibility.h"
#include "visibility_obs.skel.h"
#include "visibility_src.skel.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

enum { OPERATIONS = 10 };

static const char *const source_names[SOURCES] = {
	[SOURCE_SYSCALL] = "bpf(2)",
	[SOURCE_BATCH] = "bpf(2)-batch",
	[SOURCE_SOCKET] = "socket",
	[SOURCE_XDP] = "xdp",
	[SOURCE_TC] = "tc",
	[SOURCE_RAW_TP] = "raw_tp",
	[SOURCE_FENTRY] = "fentry",
	[SOURCE_KPROBE] = "kprobe",
	[SOURCE_TRACEPOINT] = "tracepoint",
	[SOURCE_PERF_EVENT] = "perf_event",
	[SOURCE_UPROBE] = "uprobe",
};

static const struct map_kind {
	const char *name;
	enum bpf_map_type type;
	uint32_t key_size, flags;
	const char *functions[20];
} map_kinds[] = {
	{"hash",
	 BPF_MAP_TYPE_HASH,
	 4,
	 0,
	 {"htab_map_lookup_elem", "__htab_map_lookup_elem", "htab_map_update_elem",
	  "htab_map_delete_elem", "htab_map_lookup_batch", "__htab_map_lookup_and_delete_batch"}},
	{"lru",
	 BPF_MAP_TYPE_LRU_HASH,
	 4,
	 0,
	 {"htab_lru_map_lookup_elem", "htab_lru_map_lookup_elem_sys", "__htab_map_lookup_elem",
	  "htab_lru_map_update_elem", "htab_lru_map_delete_elem"}},
	{"percpu",
	 BPF_MAP_TYPE_PERCPU_HASH,
	 4,
	 0,
	 {"htab_percpu_map_lookup_elem", "__htab_map_lookup_elem", "htab_percpu_map_update_elem",
	  "__htab_percpu_map_update_elem", "htab_map_update_elem_in_place",
	  "bpf_percpu_hash_update", "bpf_percpu_hash_copy", "htab_map_delete_elem"}},
	{"array",
	 BPF_MAP_TYPE_ARRAY,
	 4,
	 0,
	 {"array_map_lookup_elem", "array_map_update_elem", "array_map_delete_elem"}},
	{"lpm",
	 BPF_MAP_TYPE_LPM_TRIE,
	 8,
	 BPF_F_NO_PREALLOC,
	 {"trie_lookup_elem", "trie_update_elem", "trie_delete_elem"}},
};

/* Those that are the same for every type of map. */
static const char *const common_functions[] = {
	"bpf_map_update_value",	    "bpf_map_copy_value",	"bpf_map_lookup_elem",
	"bpf_map_update_elem",	    "bpf_map_delete_elem",	"generic_map_update_batch",
	"generic_map_lookup_batch", "generic_map_delete_batch",
};

static struct observer {
	const char *function;
	struct visibility_obs_bpf *object; /* NULL: cannot be observed this way */
	struct bpf_link *link;
} observers[MAX_OBSERVERS];
static uint32_t nobservers;

static int control_fd, seen_fd;
static struct visibility_src_bpf *sources;
static bool verbose;

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	return verbose ? vfprintf(stderr, format, args) : 0;
}

static void die(const char *what)
{
	fprintf(stderr, "visibility: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void control_set(uint32_t word, uint32_t value)
{
	if (bpf_map_update_elem(control_fd, &word, &value, BPF_ANY))
		die("control");
}

static uint64_t count_get(int fd, uint32_t index)
{
	uint64_t value = 0;

	if (bpf_map_lookup_elem(fd, &index, &value))
		die("count");
	return value;
}

/* Loads and attaches one observer; leaves object NULL where the kernel does not allow it. */
static void observer_attach(struct observer *observer, uint32_t row, bool fentry)
{
	struct visibility_obs_bpf *object = visibility_obs_bpf__open();
	struct bpf_program *program;

	if (!object)
		die("observer");
	object->rodata->observer = row;
	program = fentry ? object->progs.by_fentry : object->progs.by_kprobe;
	bpf_program__set_autoload(program, true);
	observer->link = NULL;
	observer->object = NULL;
	if (bpf_map__reuse_fd(object->maps.control, control_fd) ||
	    bpf_map__reuse_fd(object->maps.seen, seen_fd))
		die("observer's maps");
	if (!(fentry && bpf_program__set_attach_target(program, 0, observer->function)) &&
	    !visibility_obs_bpf__load(object)) {
		observer->link =
			fentry ? bpf_program__attach(program)
			       : bpf_program__attach_kprobe(program, false, observer->function);
	}
	if (!observer->link) {
		visibility_obs_bpf__destroy(object);
		return;
	}
	observer->object = object;
}

static void observer_detach(struct observer *observer)
{
	if (!observer->object)
		return;
	bpf_link__destroy(observer->link);
	visibility_obs_bpf__destroy(observer->object);
	observer->object = NULL;
}

/* Ten look-ups, updates and deletions by system call. */
static uint64_t run_syscall(void)
{
	int fd = bpf_map__fd(sources->maps.watched);
	/* big enough for the per-CPU values of any guest */
	static uint64_t value[256];
	uint32_t key[2] = {32, 7}, gone[2] = {32, 9};

	for (int i = 0; i < OPERATIONS; i++) {
		bpf_map_update_elem(fd, key, value, BPF_ANY);
		bpf_map_lookup_elem(fd, key, value);
		bpf_map_delete_elem(fd, gone);
	}
	return OPERATIONS;
}

static uint64_t run_batch(void)
{
	int fd = bpf_map__fd(sources->maps.watched);
	static uint64_t values[64 * 256];
	uint32_t keys[64 * 2] = {32, 7}, count, next;

	for (int i = 0; i < OPERATIONS; i++) {
		count = 1;
		if (bpf_map_update_batch(fd, keys, values, &count, NULL))
			return 0;
		count = 64;
		bpf_map_lookup_batch(fd, NULL, &next, keys, values, &count, NULL);
		count = 1;
		bpf_map_delete_batch(fd, keys, &count, NULL);
	}
	return OPERATIONS;
}

static void run_socket(int program)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) ||
	    setsockopt(pair[1], SOL_SOCKET, SO_ATTACH_BPF, &program, sizeof(program)))
		die("socket filter");
	for (int i = 0; i < OPERATIONS; i++) {
		if (send(pair[0], "x", 1, MSG_DONTWAIT) != 1)
			die("send");
	}
	close(pair[0]);
	close(pair[1]);
}

static void run_packets(int program)
{
	uint8_t packet[64] = {0};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet, .data_size_in = sizeof(packet),
		    .repeat = OPERATIONS);

	if (bpf_prog_test_run_opts(program, &options))
		die("test run");
}

static void run_getpgid(void)
{
	for (int i = 0; i < OPERATIONS; i++)
		syscall(SYS_getpgid, 0);
}

__attribute__((noinline)) void visibility_probed(void)
{
	__asm__ volatile("" ::: "memory");
}

static void run_perf_event(struct bpf_program *program)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.size = sizeof(attr),
		.sample_period = 1000000, /* ns */
	};
	int fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
	struct bpf_link *link;
	time_t end = time(NULL) + 10;

	if (fd < 0)
		return;
	link = bpf_program__attach_perf_event(program, fd);
	if (!link) {
		close(fd);
		return;
	}
	while (count_get(bpf_map__fd(sources->maps.performed), SOURCE_PERF_EVENT) < OPERATIONS &&
	       time(NULL) < end)
		for (volatile int i = 0; i < 1000000; i++)
			;
	bpf_link__destroy(link);
}

static void run_attached(struct bpf_program *program, bool uprobe)
{
	struct bpf_link *link;

	if (uprobe) {
		LIBBPF_OPTS(bpf_uprobe_opts, options, .func_name = "visibility_probed");

		link = bpf_program__attach_uprobe_opts(program, 0, "/proc/self/exe", 0, &options);
	} else {
		link = bpf_program__attach(program);
	}
	if (!link)
		return;
	run_getpgid();
	for (int i = 0; uprobe && i < OPERATIONS; i++)
		visibility_probed();
	bpf_link__destroy(link);
}

/* Lets one actor work; returns how many operations it did. */
static uint64_t source_run(enum source source)
{
	int performed = bpf_map__fd(sources->maps.performed);
	uint32_t index = source;
	uint64_t none = 0;

	if (bpf_map_update_elem(performed, &index, &none, BPF_ANY))
		die("performed");
	control_set(CONTROL_SOURCE, source);
	switch (source) {
	case SOURCE_SYSCALL:
		return run_syscall();
	case SOURCE_BATCH:
		return run_batch();
	case SOURCE_SOCKET:
		run_socket(bpf_program__fd(sources->progs.from_socket));
		break;
	case SOURCE_XDP:
		run_packets(bpf_program__fd(sources->progs.from_xdp));
		break;
	case SOURCE_TC:
		run_packets(bpf_program__fd(sources->progs.from_tc));
		break;
	case SOURCE_RAW_TP:
		run_attached(sources->progs.from_raw_tp, false);
		break;
	case SOURCE_FENTRY:
		run_attached(sources->progs.from_fentry, false);
		break;
	case SOURCE_KPROBE:
		run_attached(sources->progs.from_kprobe, false);
		break;
	case SOURCE_TRACEPOINT:
		run_attached(sources->progs.from_tracepoint, false);
		break;
	case SOURCE_PERF_EVENT:
		run_perf_event(sources->progs.from_perf_event);
		break;
	case SOURCE_UPROBE:
		run_attached(sources->progs.from_uprobe, true);
		break;
	case SOURCES:
		break;
	}
	return count_get(performed, index);
}

/* Opens the actors on a map of this kind. Programs that may not use such a map stay unloaded and do
 * nothing. */
static void sources_load(const struct map_kind *kind)
{
	struct bpf_map_info info = {0};
	uint32_t size = sizeof(info);
	struct bpf_program *program;

	sources = visibility_src_bpf__open();
	if (!sources)
		die("actors");
	bpf_map__set_type(sources->maps.watched, kind->type);
	bpf_map__set_key_size(sources->maps.watched, kind->key_size);
	bpf_map__set_map_flags(sources->maps.watched, kind->flags);
	bpf_object__for_each_program(program, sources->obj)
		bpf_program__set_autoload(program, true);
	if (visibility_src_bpf__load(sources))
		die("load the actors");
	if (bpf_map_get_info_by_fd(bpf_map__fd(sources->maps.watched), &info, &size))
		die("the map's id");
	control_set(CONTROL_MAP_ID, info.id);
}

static void observe(const struct map_kind *kind, bool fentry)
{
	uint64_t zero = 0;

	/* anew: before Linux 5.13 a tracing program cannot be attached a second time */
	sources_load(kind);
	for (uint32_t i = 0; i < MAX_OBSERVERS * SOURCES; i++)
		bpf_map_update_elem(seen_fd, &i, &zero, BPF_ANY);
	for (uint32_t i = 0; i < nobservers; i++)
		observer_attach(&observers[i], i, fentry);
	for (uint32_t source = 0; source < SOURCES; source++) {
		uint64_t operations = source_run((enum source)source);

		for (uint32_t i = 0; i < nobservers; i++) {
			printf("%s %s %s %s %llu ", kind->name, fentry ? "fentry" : "kprobe",
			       observers[i].function, source_names[source],
			       (unsigned long long)operations);
			if (observers[i].object)
				printf("%llu\n", (unsigned long long)count_get(
							 seen_fd, i * SOURCES + source));
			else
				printf("-\n");
		}
	}
	for (uint32_t i = 0; i < nobservers; i++)
		observer_detach(&observers[i]);
	visibility_src_bpf__destroy(sources);
}

int main(int argc, char **argv)
{
	struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
	const struct map_kind *kind = NULL;

	verbose = getenv("VISIBILITY_VERBOSE");
	for (size_t i = 0; argc == 2 && i < ARRAY_SIZE(map_kinds); i++) {
		if (!strcmp(argv[1], map_kinds[i].name))
			kind = &map_kinds[i];
	}
	if (!kind) {
		fprintf(stderr, "usage: visibility hash|lru|percpu|array|lpm\n");
		return 2;
	}
	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	libbpf_set_print(quiet);
	control_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "control", 4, 4, CONTROL_WORDS, NULL);
	seen_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "seen", 4, 8, MAX_OBSERVERS * SOURCES, NULL);
	if (control_fd < 0 || seen_fd < 0)
		die("maps");
	for (size_t i = 0; i < ARRAY_SIZE(kind->functions) && kind->functions[i]; i++)
		observers[nobservers++].function = kind->functions[i];
	for (size_t i = 0; i < ARRAY_SIZE(common_functions); i++)
		observers[nobservers++].function = common_functions[i];
	observe(kind, false);
	observe(kind, true);
	return 0;
}
