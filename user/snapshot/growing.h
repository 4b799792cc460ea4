/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SNAPSHOT_GROWING_H
#define MAPRACE_SNAPSHOT_GROWING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Which places make goroutines that do not end. A process is looked at again and again; what is
 * counted here is by place of creation (the go statement). A place is named when, over six looks
 * that are a second apart (or ten, or a hundred), about as many of its goroutines come from each to
 * the next, nearly all of those that have lived for a step are there still, and wait, and no others
 * end instead. Goroutines that wait for the network, and as many others as such have come
 * meanwhile, are taken for clients that have come: they have to grow for an hour.
 *
 * It is a suspicion: a pool that is filled as steadily looks the same until it is full. Then it is
 * told that it has stopped.
 */
#define GROWING_ROWS 4	  /* spans of time */
#define GROWING_LOOKS 6	  /* of each */
#define GROWING_SITES 512 /* places of one process; the others are counted as one, and not judged */

struct growing_site {
	uint64_t gopc;		   /* link-time */
	uint32_t now, waiting, io; /* goroutines; of them that wait; for the network */
	uint32_t last;		   /* goroutines, at the last look that was over */
	/* of each row and look: how many there were; how many came from then to the next one and
	 * were there at the one after that; how many of those are there now */
	uint32_t count[GROWING_ROWS][GROWING_LOOKS];
	uint32_t came[GROWING_ROWS][GROWING_LOOKS];
	uint32_t kept[GROWING_ROWS][GROWING_LOOKS];
	/* what has been found */
	bool named, grows;
	uint64_t named_ns, grown_ns; /* when; when it was seen to have grown last */
	uint32_t from, most;	    /* how many there were when the growth began; the most so far */
	double per_second, seconds; /* the growth that it was named for */
	uint64_t quiet_ns;	    /* so long without growth it is said to have stopped */
};

#define GROWING_SLOTS (2 * GROWING_SITES)
struct growing {
	struct growing_site *sites;
	uint16_t slots[GROWING_SLOTS]; /* site + 1, by hash */
	size_t n;
	struct growing_row {
		size_t n;		       /* looks */
		uint64_t at_ns[GROWING_LOOKS]; /* oldest first */
		uint64_t id[GROWING_LOOKS];    /* the highest number of a goroutine then */
		uint32_t io[GROWING_LOOKS];    /* that waited for the network */
	} rows[GROWING_ROWS];
	uint64_t highest; /* number of a goroutine, at this look and before */
	uint32_t io;
	uint32_t others; /* of places that there is no room for, at this look */
	uint64_t scale;	 /* each that is counted stands for so many */
};

/* 0 or -ENOMEM. */
int growing_open(struct growing *g);
void growing_close(struct growing *g);
/* A look begins; then each goroutine. What is counted by another scale begins anew. */
void growing_begin(struct growing *g, uint64_t scale);
void growing_add(struct growing *g, uint64_t gopc, uint64_t id, bool waits, bool io);
/* It is over. How many places were named by it that were not before. */
size_t growing_end(struct growing *g, uint64_t now_ns);

#endif
