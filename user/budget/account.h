/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_BUDGET_ACCOUNT_H
#define MAPRACE_BUDGET_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include <maprace/wire.h>

/*
 * What watching may cost, kept as an account of CPU time. The target's running earns: its share of
 * elapsed time x the CPUs that the target uses while it is watched, at least one, or all that it
 * may use where that is less. Traps and holds spend. When the account runs low, holds get less;
 * when it is overdrawn by the traps alone, the probes of the hottest functions are taken away and
 * come back in windows. How far the account must recover and how far a window may draw on it is
 * drawn by lot each time, so that windows do not fall into step with the target's own timers.
 *
 * Plain arithmetic without clocks or files: the caller tells what has happened and does what is
 * decided.
 */
#define ACCOUNT_FUNCTIONS MR_SITE_SLOTS

/* Totals since the beginning; all but now_ns may stand still, none goes back. */
struct account_facts {
	uint64_t now_ns;
	uint64_t target_ns; /* CPU time of the target, what watching adds to it included */
	uint64_t hold_ns;
	uint64_t other_hits; /* that were paid for and do not tell their function */
	const __u64 *hits;   /* of each function */
};

struct account_function {
	uint64_t hits;	      /* at the last step */
	uint64_t window_hits; /* since the present window began */
	uint64_t on_ns;	      /* how long its probes were in place */
	double weight;	      /* what a hit costs, in hits of the usual kind; 0: no function */
	double cost;	      /* CPU seconds a second that its traps take while they are in place */
	double blame;	      /* the part of it that is put down to hits of no function */
	bool cycled;	      /* in place during windows only */
};

struct account {
	double share;  /* of CPU time, 0.05; 1 and more: never detach */
	double hit_ns; /* what a hit costs the target: more than in a loop that does nothing else */
	unsigned int count;
	uint64_t seed;
	bool open;    /* all probes are in place */
	bool cycling; /* some are not, outside windows */
	bool blind;   /* the caller's: since the last step some that should be in place were not */
	bool failed;  /* the caller's: a change could not be made, and this was said */
	bool holds_apart; /* what holds take is somebody else's account */
	double account_ns, threshold;
	double cpus;	   /* that the target uses while all probes are in place, at least one */
	double limit;	   /* so many it may use; 0: no limit is known */
	double use;	   /* the same at all times, be it next to nothing */
	double grant;	   /* it earns a share of so many, of cpus at most; 0: of cpus */
	double allowed_ns; /* what the share came to so far */
	uint64_t begin_ns, last_ns, last_target_ns, last_hold_ns, last_other_hits;
	uint64_t cpus_ns,
		cpus_target_ns; /* time with all probes in place, CPU time of the target in it */
	uint64_t use_ns, use_target_ns;	  /* the same, at all times */
	uint64_t window_ns, window_other; /* when the present period began, and other hits since */
	uint64_t windows;
	uint64_t trap_spent_ns, hold_spent_ns;
	struct account_function functions[ACCOUNT_FUNCTIONS];
};

enum account_change { ACCOUNT_STAY, ACCOUNT_OPEN, ACCOUNT_CLOSE };

void account_init(struct account *d, double share, double hit_ns, unsigned int count, uint64_t seed,
		  const struct account_facts *now);
/* What a hit costs, as measured in a loop. */
void account_price(struct account *d, double hit_ns);
/* Of a function whose hits cost so many times as much; 0: there is none in this place. */
void account_weigh(struct account *d, unsigned int function, double weight);
/* It is one of several that share a budget: what it earns for (shares.h). 0: it is not. What it has
 * is worth as many seconds of earning as before. */
void account_grant(struct account *d, double cpus);
/* So many CPUs its control groups let it use, now; 0: no limit is known. What it has is worth as
 * many seconds of earning as before. */
void account_confine(struct account *d, double cpus);
/* Something else than its traps and holds was spent for it. */
void account_charge(struct account *d, double ns);
/* Lends what so many seconds will earn: what is watched from its first instruction on may be over
 * before the account has earned anything. */
void account_advance(struct account *d, double seconds);
/* From now on another share of the time is its, and what holds take is of it, or not. What it has
 * or owes counts for no more than a moment. */
void account_change_share(struct account *d, double share, bool holds_apart);
/*
 * Takes in what has happened. ACCOUNT_CLOSE: take away the probes of all functions that are
 * `cycled`; ACCOUNT_OPEN: put them back. *again_ns: how long until the next step is due.
 */
enum account_change account_step(struct account *d, const struct account_facts *now,
				 uint64_t *again_ns);
/* What holds may take of each CPU's time now, in millionths. */
uint32_t account_hold_ppm(const struct account *d);
/* What watching has cost so far, traps and holds: CPU time, and in percent of one CPU. */
uint64_t account_spent_ns(const struct account *d);
double account_cost_percent(const struct account *d);
/* What it might have cost, on the average, in percent of one CPU. */
double account_allowed_percent(const struct account *d);
/* The part of the time during which a function's probes were in place, 0 to 1. */
double account_attached(const struct account *d, unsigned int function);

#endif
