// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * Updates one key of a kernel BPF map as fast as it can: what does watching cost?
 *
 *   mapload SECONDS [WATCHED]
 *
 * Prints "updates/s N", of the best slice of time, and "updates N", all of them. With WATCHED there
 * is a second map of that name, pinned by it, which nobody uses.
 */
#include <bpf/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define SLICE 0.02 /* s */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
	double seconds = argc > 1 ? strtod(argv[1], NULL) : 2, best = 0, done, took, began, end;
	char pin[64] = "";
	uint64_t value = 0;
	uint32_t key = 7;
	int fd, second = -1;

	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	fd = bpf_map_create(BPF_MAP_TYPE_HASH, "loaded", 4, 8, 64, NULL);
	if (argc > 2) {
		second = bpf_map_create(BPF_MAP_TYPE_HASH, argv[2], 4, 8, 64, NULL);
		snprintf(pin, sizeof(pin), "/sys/fs/bpf/%s", argv[2]);
	}
	if (fd < 0 || (argc > 2 && (second < 0 || bpf_obj_pin(second, pin)))) {
		perror("mapload");
		return 1;
	}
	fprintf(stderr, "ready\n");
	getchar(); /* until somebody watches */
	for (end = now() + seconds; (began = now()) < end;) {
		/* a machine that is busy elsewhere slows some slices, and speeds up none */
		for (done = 0; (took = now() - began) < SLICE; done += 100)
			for (int i = 0; i < 100; i++, value++)
				if (bpf_map_update_elem(fd, &key, &value, BPF_ANY)) {
					perror("mapload");
					return 1;
				}
		if (done / took > best)
			best = done / took;
	}
	if (pin[0])
		unlink(pin);
	printf("updates/s %.0f\nupdates %llu\n", best, (unsigned long long)value);
	return 0;
}
