/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_REPORT_STATUS_H
#define MAPRACE_REPORT_STATUS_H

#include <stdint.h>

/*
 * The single line at the bottom of a terminal that is redrawn while watching. There is one
 * terminal, so there is one line. The caller decides whether there is a terminal at all: until
 * status_open() was called everything here does nothing, so a pipe never sees a control byte.
 */
struct status {
	double elapsed_s;
	uint64_t operations; /* since the start; the rate is taken from the difference to the last
				draw */
	uint64_t maps, holds, races;
	double cost_percent; /* negative: unknown */
	double unwatched;    /* part of the operations, 0 to 1 */
};

/* fd is the terminal's (standard error); it is not closed here. */
void status_open(int fd);
/* Redraws the line in place, cut to the terminal's width. */
void status_draw(const struct status *status);
/* Takes the line off the terminal, so that something else can be printed there; the next draw
 * brings it back. For log_set_before(). */
void status_clear(void);
/* Takes it off for good. */
void status_close(void);

#endif
