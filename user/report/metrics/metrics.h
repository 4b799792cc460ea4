/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_REPORT_METRICS_H
#define MAPRACE_REPORT_METRICS_H

#include <stdint.h>
#include <stdio.h>

#include "model/model.h"
#include "model/snapshot.h"

/* Prometheus' text format, version 0.0.4: what a report and a daemon have counted. */

struct metrics_race { /* of one program, in all processes that have run it */
	char id[17];
	enum report_kind kind;
	const char *exe, *unit, *module;
	uint64_t sightings, processes;
};

struct metrics_row {		/* of all processes of a program */
	const char *what, *and; /* labels of its own, static storage; and: "" where it has one */
	const char *exe, *unit, *module;
	uint64_t n;
};

struct metrics_memory { /* of the fullest process of a program */
	const char *exe, *unit, *module;
	uint64_t used, limit;
};

struct metrics_memory_sum {
	double at[3]; /* thresholds, in percent; 0: nobody asked */
	uint64_t passed[3], oom_kills, profiles, profiles_failed;
	const struct metrics_memory *programs;
	size_t nprograms;
};

struct metrics_leak { /* a place that makes goroutines which do not end, in all of a program's
			 processes */
	const char *exe, *unit, *module, *site;
	uint64_t n; /* in so many it was named */
};

struct metrics_daemon {
	uint64_t log_lines, log_lost, log_rotations;
	uint64_t reloads, failed_reloads;
	uint64_t resident_bytes, clients_busy;
	double cpu_seconds;
	const struct metrics_race *races;
	size_t nraces;
	uint64_t races_unlisted;	  /* different ones, beyond those that there is room for */
	const struct metrics_row *deaths; /* by cause */
	size_t ndeaths;
	uint64_t deaths_unlisted;
	const struct metrics_row *panics; /* by kind and outcome */
	size_t npanics;
	uint64_t panics_unlisted;
	struct metrics_memory_sum memory;
	const struct metrics_leak *leaks;
	size_t nleaks;
	uint64_t leaks_unlisted;
	uint64_t goroutine_looks, goroutine_looks_failed;
	double goroutine_cpu_seconds;
};

void metrics_print(FILE *out, const struct report *report, const struct metrics_daemon *daemon);

#endif
