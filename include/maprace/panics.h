/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PANICS_H
#define MAPRACE_PANICS_H

/* What the two sides share with --panics: where programs panic, and what becomes of it. */
#include <maprace/wire.h>

#define MR_PANIC_SITES 2048   /* rows of sites that are told apart, of all targets */
#define MR_PANIC_SITES_OWN 32 /* and of each, whatever the others have */
#define MR_PANICKING 4096     /* goroutines that panic at one time */
#define MR_PANICS_DEEP 8      /* panics of one goroutine inside each other (power of two) */
#define MR_PANIC_TEXT 128     /* bytes of what one says that travel, with --panic-values */

enum mr_panic_outcome {
	MR_PANIC_RECOVERED = 0,
	MR_PANIC_REPANICKED = 1, /* a deferred function has panicked with the same value */
	MR_PANIC_REPLACED = 2,	 /* and with another one */
	MR_PANIC_GOEXIT =
		3,	   /* a deferred function has called runtime.Goexit; of a Goexit: always */
	MR_PANIC_DIED = 4, /* nobody has recovered it */
	MR_PANIC_OUTCOMES = 5,
};

#define MR_PANIC_IS_GOEXIT 1u /* runtime.Goexit, no panic */
#define MR_PANIC_ELSEWHERE 2u /* recovered in other functions than recovered_at, too */

/* Of a site and a type of value; the key ends with the tag. Added to atomically. */
struct mr_panic_site {
	__u64 total;	   /* begun; those of no outcome are under way, or it went by unseen */
	__u64 outcomes[8]; /* by enum mr_panic_outcome (power of two) */
	__u64 first_ns, last_ns;
	__u64 site; /* the innermost return address that is not the runtime's; 0: unreadable */
	__u64 via;  /* and the one inside of it, where the runtime itself has panicked; else 0 */
	__u64 type; /* of the value; 0: nil */
	__u64 recovered_at; /* an address in the function whose deferred call recovered first */
	__u32 tag;
	__u32 flags; /* MR_PANIC_IS_GOEXIT, MR_PANIC_ELSEWHERE */
	__u32 told;  /* its event is on its way */
	__u32 pad;
};

/* Of one goroutine, those that are under way, outermost first. The key is its g's address, then the
 * tag: goroutines of one target have it in their low bits. */
struct mr_panicking {
	__u64 goid;
	__u32 epoch; /* of the target: what probes were moved meanwhile may have gone by unseen */
	__u32 n;
	struct mr_panic_open {
		__u64 site;	  /* key of its row */
		__u64 type, data; /* the value */
		__u32 depth;	  /* bytes of stack below it, which a copy of the stack leaves */
		__u32 outcome;	  /* where it is over because of the next one */
	} open[MR_PANICS_DEEP];
};

struct mr_event_panic { /* the first of a row */
	struct mr_event_header header;
	__u64 key;
	__u64 data; /* the value's second word */
	/* What lay on top of the stack at the site, where the runtime has panicked: where a function
	 * has no frame and has faulted, its return address, which no frame pointer leads to. */
	__u64 top;
	__u64 text;	 /* with --panic-values: where it says it, were it a string; */
	__u64 text_len;	 /* and how much, */
	__u32 text_read; /* of which so many bytes follow */
	__u32 pad;
	char said[MR_PANIC_TEXT];
	struct mr_access access;
};

static inline __u64 mr_panicking_key(__u64 g)
{
	return mr_addr(g) << 16 | mr_tag(g);
}

_Static_assert(sizeof(struct mr_panic_site) == 136, "wire");
_Static_assert(sizeof(struct mr_panicking) == 16 + 32 * MR_PANICS_DEEP, "wire");
_Static_assert(sizeof(struct mr_event_panic) == 64 + MR_PANIC_TEXT + sizeof(struct mr_access),
	       "wire");

#endif
