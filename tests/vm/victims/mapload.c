// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * Updates one key of a kernel BPF map without pause: what does watching cost?
 *
 *   mapload SECONDS [WATCHED TYPE [ROUNDS]]
 *   mapload rounds RATE
 *
 * Prints "updates/s N", of the best slice of time, and "updates N", all of them. With WATCHED there
 * is a second map of that name and type (hash, array), pinned by it, which nobody uses. With
 * ROUNDS it also computes something between any two updates; the second form says how much of that
 * lets it do RATE updates a second.
 */
#include <bpf/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define SLICE 0.002 /* s: even a busy host leaves a virtual CPU alone that long, now and then */
#define BURST 20    /* updates between two looks at the clock */
#define WORK 1000   /* rounds of work between two */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Something to do between two updates. */
static uint64_t work(uint64_t rounds)
{
	static volatile uint64_t sink;

	while (rounds--)
		sink = sink * 6364136223846793005ull + 1442695040888963407ull;
	return sink;
}

static void update(int fd, uint64_t *value)
{
	uint32_t key = 7;

	if (bpf_map_update_elem(fd, &key, value, BPF_ANY)) {
		perror("mapload");
		exit(1);
	}
	++*value;
}

static int fd;
static uint64_t value, pause_rounds;

/* How often a second, in the best slice of that time; `count` are done by each burst. A machine
 * that is busy elsewhere slows some slices, and speeds up none. */
static double best_rate(void (*burst)(void), double count, double seconds)
{
	double best = 0, began, end, done, took;

	for (end = now() + seconds; (began = now()) < end;) {
		for (done = 0; (took = now() - began) < SLICE; done += count)
			burst();
		if (done / took > best)
			best = done / took;
	}
	return best;
}

static void burst_of_updates(void)
{
	for (int i = 0; i < BURST; i++) {
		update(fd, &value);
		work(pause_rounds);
	}
}

static void burst_of_work(void)
{
	work(WORK);
}

/* Rounds of work after each update for this many updates a second. */
static uint64_t rounds_for(double rate)
{
	double one = 1 / best_rate(burst_of_updates, BURST, 0.5);
	double round = 1 / best_rate(burst_of_work, WORK, 0.5);

	return 1 / rate > one ? (uint64_t)((1 / rate - one) / round) : 0;
}

int main(int argc, char **argv)
{
	struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
	double seconds = argc > 1 ? strtod(argv[1], NULL) : 2, best;
	char pin[64] = "";
	int second = -1;

	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	fd = bpf_map_create(BPF_MAP_TYPE_HASH, "loaded", 4, 8, 64, NULL);
	if (argc > 3) {
		second = bpf_map_create(strcmp(argv[3], "array") ? BPF_MAP_TYPE_HASH
								 : BPF_MAP_TYPE_ARRAY,
					argv[2], 4, 8, 64, NULL);
		snprintf(pin, sizeof(pin), "/sys/fs/bpf/%s", argv[2]);
	}
	if (fd < 0 || (argc > 3 && (second < 0 || bpf_obj_pin(second, pin)))) {
		perror("mapload");
		return 1;
	}
	if (argc > 2 && !strcmp(argv[1], "rounds")) {
		printf("%llu\n", (unsigned long long)rounds_for(strtod(argv[2], NULL)));
		return 0;
	}
	pause_rounds = argc > 4 ? strtoull(argv[4], NULL, 10) : 0;
	fprintf(stderr, "ready\n");
	getchar(); /* until somebody watches */
	best = best_rate(burst_of_updates, BURST, seconds);
	if (pin[0])
		unlink(pin);
	printf("updates/s %.0f\nupdates %llu\n", best, (unsigned long long)value);
	return 0;
}
