/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_DEATH_H
#define MAPRACE_DEATH_H

/* What the two sides share of processes that end by the runtime's hand. */
#include <maprace/wire.h>

/* MR_EVENT_FATAL; MR_EVENT_DEATH, in which nobody else is. */
struct mr_event_fatal {
	struct mr_event_header header;
	__u64 message; /* run-time address of the text, and its length: user space reads it from the
			  file; of a panic no text */
	__u64 message_len;
	__u64 map;  /* of the operation that it entered last; 0: not known */
	__u64 type; /* of that map, as its record has it, or 0 */
	__u64 site; /* of that operation, and what it does: enum mr_op */
	__u16 op;
	__u8 born_flagged; /* not 0: a clone, perhaps, with the writing flag of its source, or not
			      known to be none: no map is told */
	__u8 stopped;	   /* not 0: the process stands still, and waits to be let go */
	__u16 map_header_size; /* 0: could not be read, or the map is not known */
	/* Whether the argument of that operation is still in its home (mr_home_offset()), in the
	 * frame that it had: of access.pcs the one that is in its function. 0: it is not, or not in
	 * one of the innermost. And the register that it came in. */
	__u8 home_frame, home_reg;
	__u8 map_header[MR_HEADER_MAX];
	struct mr_access access; /* the dying goroutine; op is MR_OP_NONE; goid 0: the runtime, on
				    another stack than a goroutine's */
	struct mr_access other;	 /* who else was inside, where that is certain; else
				    MR_ACCESS_UNKNOWN */
};

_Static_assert(sizeof(struct mr_event_fatal) == 64 + MR_HEADER_MAX + 2 * sizeof(struct mr_access),
	       "wire");

#endif
