/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPRACE_POLICY_H
#define MAPRACE_POLICY_H

/*
 * When to hold, and for how long: plain arithmetic on the records, no helper calls, so that the
 * same lines run in the kernel and in the unit tests. The rule is LiteRace's: a call site that has
 * not been held much gets long holds at once, a hot one backs off exponentially. A race needs the
 * total time held times the rate of the other side, so long holds are no worse than short ones of
 * the same sum; they are better where the other goroutine must first wake up on another CPU.
 */
#include <maprace/wire.h>

#define POLICY_COLD_HOLDS 8 /* so many holds at full length before a site backs off */
#define POLICY_MAP_LONG_HOLDS \
	64		     /* a map that matters gets so many long ones, wherever it is used */
#define POLICY_FAIR_HOLDS 32 /* a map held so often asks for half a bucket */
#define POLICY_FAIR_READS 8  /* reads a write at which a reader counts the holds twice */
#define POLICY_LIVELY 64     /* nobody for so many times the length of a hold: it counts twice */
#define POLICY_NEW_NS 10000000000ull /* quiet for so long: nothing is known of the map */
#define POLICY_RARE_ODDS 8 /* rarely used: nobody for so many times the length of a hold */
#define POLICY_FIRST_GAP_US 500
#define POLICY_MATTERS_GAP_US 2000 /* longest gap on a map that matters: the tokens are its limit */
#define POLICY_LAST_GAP_US 50000
#define POLICY_REARM_NS 2000000000ull /* a site not held for so long is cold again */
#define POLICY_PRIVATE_LOOK_NS \
	2000000ull /* how often the same goroutine on its own map is looked at */
#define POLICY_SHARED_LOOK_NS 100000ull
/* Another goroutine or function than last time is looked at, but not more often than this. */
#define POLICY_CHANGE_LOOK_NS 20000ull
#define POLICY_MAX_SKIP 64 /* operations of one goroutine that pass without a look at the clock */

struct policy_input {
	__u64 now;
	__u64 max_hold_ns, min_hold_ns;
	__u64 tokens_ns, burst_ns;
	__u32 map_flags;
	__u32 map_holds; /* done on this map so far */
	__u32 writes;	 /* this operation is a write */
	__u64 map_reads, map_writes;
	__u64 quiet_ns; /* since the operation before in the map's record */
};

/*
 * A call site that was armed by a near miss (near.bpf.h) is held at its next visits on whichever
 * map, at full length, whatever it was held before: the first two for certain, then by lot, two at
 * a time half as likely as the two before. Then it is as any other.
 */
static inline int policy_armed(const struct mr_caller *site)
{
	return (__u8)(site->armed - 1) < MR_CALLER_ARMED;
}

/* The lot is the clock's: what comes in step with it to the nanosecond does not come. A helper's
 * number would need room on the stack that the caller has not. */
static inline int policy_armed_drawn(const struct mr_caller *site, __u64 now)
{
	__u32 lot = (__u32)(now * 0x9e3779b97f4a7c15ull >> 40);

	return policy_armed(site) && !(lot & ((1u << (site->armed - 1) / 2) - 1));
}

/* What came of a hold: how it ended (3: it was cut short, which says nothing), and whether it met
 * somebody. */
static inline void policy_tried(struct mr_caller *site, int how, int met)
{
	if (!policy_armed(site) || how == 3)
		return;
	site->armed = met ? MR_CALLER_SPENT : site->armed + 1;
	site->tried += !met & (site->tried < 255);
}

/* Seen from two goroutines, written, not yet proved racy: the maps that matter. */
static inline int policy_matters(__u32 flags)
{
	return (flags & (MR_MAP_SHARED | MR_MAP_WRITTEN | MR_MAP_RACY)) ==
	       (MR_MAP_SHARED | MR_MAP_WRITTEN);
}

/* Nobody has come for so long that hardly a hold will meet anybody: each that is not made is a find
 * less. How long that was is seen at each operation anew: over what time a map's operations were
 * seen is not known, as probes come and go. */
static inline int policy_rare(__u64 quiet_ns, __u64 length_ns)
{
	/* the sign of a difference: a comparison would be a branch more for the verifier to follow */
	return (int)((length_ns * POLICY_RARE_ODDS - quiet_ns) >> 63);
}

/* Adds what time has earned since the last refill, up to burst. A first call fills the bucket. */
static inline void policy_refill(__u64 *tokens, __u64 *refilled, __u64 now, __u32 ppm, __u64 burst)
{
	__u64 earned, elapsed;

	if (!*refilled) {
		*tokens = burst;
		*refilled = now;
		return;
	}
	elapsed = now - *refilled;
	if ((__s64)elapsed <= 0)
		return;
	if (!ppm) {
		*refilled = now; /* nothing is earned, not even later */
		return;
	}
	if (elapsed > 10000000000ull)
		elapsed = 10000000000ull;
	earned = elapsed * ppm / 1000000;
	if (!earned)
		return; /* keep the remainder for the next time */
	*tokens += earned;
	if (*tokens > burst)
		*tokens = burst;
	*refilled = now;
}

/*
 * What must stay in the bucket: the more often a map was held, and the call site, the more it
 * leaves to others. A busy one asks whenever there is something in the bucket and would take it
 * all; so those that matter and were held least come first. By call site as well: where hundreds of
 * maps are used from one, each was held hardly ever. A held reader meets writers only: its hold is
 * worth the less the rarer they are. And whoever comes long after the last one hardly meets the
 * next, unless nothing is known of the map: it is new, or its function's probe was away. A map that
 * only one goroutine was ever seen at, or that nobody writes, or that is proved racy and has little
 * more to teach, leaves half to those that matter.
 */
static inline __u64 policy_reserve(const struct mr_caller *site, const struct policy_input *in)
{
	__u64 most = in->burst_ns > in->max_hold_ns ? in->burst_ns - in->max_hold_ns : 0;
	/* a call site that is news need not wait behind the others of its map, which are not */
	__u64 holds = site->holds < POLICY_COLD_HOLDS ? site->holds
						      : in->map_holds / 2 + site->holds;
	__u64 reserve;

	if (!in->writes)
		holds += holds * (in->map_reads / (in->map_writes + 1) / POLICY_FAIR_READS);
	/* signs of differences, here too: a branch would be one more for the verifier to follow */
	holds += holds * (in->quiet_ns / (in->max_hold_ns * POLICY_LIVELY)) *
		 (((in->quiet_ns - POLICY_NEW_NS) & ~in->quiet_ns) >> 63);
	if (holds > 1u << 20)
		holds = 1u << 20; /* no overflow below */
	reserve = in->burst_ns * holds / (holds + POLICY_FAIR_HOLDS);
	if (!policy_matters(in->map_flags) && reserve < in->burst_ns / 2)
		reserve = in->burst_ns / 2;
	return reserve < most ? reserve : most;
}

/* Whether this visit is one for a hold, apart from what can be afforded. */
static inline int policy_due(const struct mr_caller *site, const struct policy_input *in)
{
	return (__s64)(in->now - site->next_ns) >= 0 &&
	       (!(in->map_flags & MR_MAP_RACY) || site->holds < POLICY_COLD_HOLDS);
}

/* About as long as it takes for the next two to come, as far as one gap tells; a wait much shorter
 * than that meets nobody, a longer one costs more than it finds. */
static inline __u64 policy_paced(const struct policy_input *in)
{
	__u64 length = in->quiet_ns * 2;

	if (length > in->max_hold_ns / 2)
		return in->max_hold_ns / 2;
	return length > in->max_hold_ns / 16 ? length : in->max_hold_ns / 16;
}

/*
 * Length of the hold that this visit of the site deserves, 0 for none. A map that is proved racy
 * already has little more to teach, one that only one goroutine was ever seen at needs a hold only
 * to meet its first stranger: both must leave tokens for the others.
 */
static inline __u64 policy_hold(struct mr_caller *site, const struct policy_input *in)
{
	__u64 length, reserve;
	int cold, armed;

	if (site->holds && (__s64)(in->now - site->next_ns) > (__s64)POLICY_REARM_NS) {
		site->holds = site->held_long = 0;
		if (site->armed > MR_CALLER_ARMED)
			site->armed = 0;
	}
	armed = policy_armed_drawn(site, in->now);
	cold = site->holds < POLICY_COLD_HOLDS;
	if (!policy_due(site, in))
		return 0;
	/* the few holds of a pair of call sites come before all others */
	reserve = armed ? 0 : policy_reserve(site, in);
	/* Go's timers are a millisecond coarse: who sleeps in an idle process does not come sooner.
	 */
	if (cold || armed || policy_rare(in->quiet_ns, in->max_hold_ns))
		length = in->max_hold_ns;
	else if (site->holds % 8 == 0 ||
		 (policy_matters(in->map_flags) && in->map_holds < POLICY_MAP_LONG_HOLDS))
		length = in->max_hold_ns / 2;
	else
		length = policy_paced(in);
	if (length < in->min_hold_ns)
		length = in->min_hold_ns;
	/* Better one long hold later than many short ones now: accesses a millisecond apart never
	 * meet in 100 us. */
	return in->tokens_ns < reserve + length ? 0 : length;
}

/*
 * A command that was started is a test: it may take a multiple of the time alone, and each thing
 * happens a few times in it, or once. What is left of that time: all that it has waited counts as
 * if nothing else had gone on meanwhile, so that the sum can only be too large.
 */
#define POLICY_TEST_PART 8    /* of what is left is for one hold: the rest is for what comes */
#define POLICY_TEST_PRIVATE 4 /* so many times less where nobody else has come to the map so far */
#define POLICY_TEST_HOLDS 12  /* of a call site, two at a time half as long as the two before */

/*
 * Call sites have ranks. The standard library's are cold by the dozen, and hardly ever racy: a half
 * of all is not for them, and an eighth for nobody but sites that are armed and not theirs alone.
 */
#define POLICY_TEST_LIBRARY 1 /* shifts */
#define POLICY_TEST_KEPT 3
#define POLICY_TEST_SHORT 1 /* of the library's long holds, which are shorter */

enum policy_rank {
	POLICY_LIBRARY,
	POLICY_PROGRAM,
	POLICY_ARMED,
	POLICY_NO_RANK, /* not in a test */
};

static inline __u64 policy_test_left(__u64 elapsed, __u64 permille, __u64 credit, __u64 spent,
				     __u32 rank)
{
	__s64 alone = (__s64)(elapsed - spent), all, left;

	if (alone < 0)
		alone = 0;
	all = (__s64)credit + alone / 1000 * (__s64)permille;
	left = all - (__s64)spent;
	if (rank < POLICY_ARMED)
		left -= all >> (rank == POLICY_LIBRARY ? POLICY_TEST_LIBRARY : POLICY_TEST_KEPT);
	return left > 0 ? (__u64)left : 0;
}

/* How long a call site that is cold is held in a test; 0: as anywhere else. */
static inline __u64 policy_test_hold(const struct mr_caller *site, __u64 now, __u64 longest,
				     __u64 left, __u32 map_flags)
{
	__u32 armed = policy_armed(site), shared = armed || map_flags & MR_MAP_SHARED;
	__u32 done = shared ? site->held_long / 2 : site->holds;
	__u64 length;

	if (armed) /* as seldom as elsewhere, by length: nothing comes often in a test */
		done = (site->armed - 1) / 2;
	length = (shared ? longest : longest / 2) >> (done & 31);
	if (map_flags & MR_MAP_RACY || done >= POLICY_TEST_HOLDS / 2 ||
	    (__s64)(now - site->next_ns) < 0)
		return 0;
	left /= shared ? POLICY_TEST_PART : POLICY_TEST_PART * POLICY_TEST_PRIVATE;
	return length < left ? length : left;
}

/* Notes a hold of the given length and when the site may be held again. */
static inline void policy_held(struct mr_caller *site, __u64 end_ns, __u64 length, __u32 map_flags)
{
	__u64 gap;

	site->holds++;
	site->held_long += map_flags & MR_MAP_SHARED; /* which is 1 */
	if (site->holds < POLICY_COLD_HOLDS) {
		site->gap_us = 0;
		site->next_ns = end_ns + length; /* let the others get on: a site is not held more
						    than half of the time */
		return;
	}
	if (!site->gap_us)
		site->gap_us = POLICY_FIRST_GAP_US;
	else if (site->gap_us < POLICY_LAST_GAP_US)
		site->gap_us *= 2;
	gap = (__u64)site->gap_us * 1000;
	if ((policy_matters(map_flags) || policy_armed(site)) && gap > POLICY_MATTERS_GAP_US * 1000)
		gap = POLICY_MATTERS_GAP_US * 1000;
	site->next_ns = end_ns + gap;
}

#endif
