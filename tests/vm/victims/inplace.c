// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * Two CPUs run one program of inplace.bpf.c.
 *
 *   inplace PROGRAM
 *
 * Says "ready ID" when it is loaded, then works until its standard input ends. The last line is
 * "truth runs=N counted=N missing=N": each increment that is missing in the map was lost.
 */
#define _GNU_SOURCE
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "inplace.skel.h"

enum { KEY = 7, PACKETS = 200, CALLS = 100, LEAST = 60, MOST_CPUS = 256 };

static struct inplace_bpf *object;
static struct bpf_program *program;
static volatile bool stop;

static void die(const char *what)
{
	fprintf(stderr, "inplace: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	return getenv("INPLACE_VERBOSE") ? vfprintf(stderr, format, args) : 0;
}

/* The packet's length is a key of racy_apart. */
static void run_packets(int worker)
{
	uint8_t packet[LEAST + 10] = {0}, out[sizeof(packet)];
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet,
		    .data_size_in = (uint32_t)(LEAST + worker), .data_out = out,
		    .data_size_out = sizeof(out), .repeat = PACKETS);

	if (bpf_prog_test_run_opts(bpf_program__fd(program), &options))
		die("test run");
}

static void *work(void *arg)
{
	int worker = (int)(intptr_t)arg;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(worker % (int)sysconf(_SC_NPROCESSORS_ONLN), &set);
	sched_setaffinity(0, sizeof(set), &set);
	while (!stop) {
		if (bpf_program__type(program) != BPF_PROG_TYPE_RAW_TRACEPOINT)
			run_packets(worker);
		else
			for (int i = 0; i < CALLS; i++)
				syscall(SYS_getpgid, 0);
	}
	return NULL;
}

struct value {
	uint64_t first, second;
};

static void put(const struct bpf_map *map, uint32_t key)
{
	struct value none[MOST_CPUS] = {{0, 0}};

	if (bpf_map_update_elem(bpf_map__fd(map), &key, none, BPF_ANY))
		die(bpf_map__name(map));
}

static uint64_t get(const struct bpf_map *map, uint32_t key, bool second)
{
	struct value values[MOST_CPUS] = {{0, 0}};
	uint64_t sum = 0;

	if (bpf_map_lookup_elem(bpf_map__fd(map), &key, values) && errno != ENOENT)
		die(bpf_map__name(map));
	for (int i = 0; i < MOST_CPUS; i++)
		sum += second ? values[i].second : values[i].first;
	return sum;
}

/* In whichever map the program has counted: the others have nothing. */
static uint64_t counted(void)
{
	return get(object->maps.counts, KEY, false) + get(object->maps.counts, LEAST, false) +
	       get(object->maps.counts, LEAST + 1, false) + get(object->maps.recent, KEY, false) +
	       get(object->maps.slots, KEY, false) + get(object->maps.own, KEY, false) +
	       get(object->maps.locks, KEY, true) + object->bss->total;
}

static void load(const char *name)
{
	struct bpf_prog_info info = {0};
	uint32_t size = sizeof(info);

	object = inplace_bpf__open();
	program = object ? bpf_object__find_program_by_name(object->obj, name) : NULL;
	if (!program)
		die(name);
	object->rodata->victim_tgid = (uint32_t)getpid();
	bpf_program__set_autoload(program, true);
	if (inplace_bpf__load(object))
		die("load");
	put(object->maps.counts, KEY);
	put(object->maps.counts, LEAST);
	put(object->maps.counts, LEAST + 1);
	put(object->maps.recent, KEY);
	put(object->maps.locks, KEY);
	put(object->maps.own, KEY);
	if (bpf_program__type(program) == BPF_PROG_TYPE_RAW_TRACEPOINT &&
	    !bpf_program__attach(program))
		die("attach");
	if (bpf_prog_get_info_by_fd(bpf_program__fd(program), &info, &size))
		die("its id");
	printf("ready %u\n", info.id);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
	pthread_t workers[2];
	uint64_t runs, sum;

	if (argc != 2) {
		fprintf(stderr, "usage: inplace PROGRAM\n");
		return 2;
	}
	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	libbpf_set_print(quiet);
	load(argv[1]);
	for (int i = 0; i < 2; i++)
		if (pthread_create(&workers[i], NULL, work, (void *)(intptr_t)i))
			die("thread");
	while (getchar() != EOF)
		;
	stop = true;
	for (int i = 0; i < 2; i++)
		pthread_join(workers[i], NULL);
	runs = get(object->maps.done, 0, false);
	sum = counted();
	printf("truth runs=%llu counted=%llu missing=%lld\n", (unsigned long long)runs,
	       (unsigned long long)sum, (long long)(runs - sum));
	return 0;
}
