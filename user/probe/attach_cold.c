/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Which call sites stay in view while the probes of their functions are away. */
#include <bpf/bpf.h>
#include <stdlib.h>
#include <string.h>

#include "arch/arch.h"
#include "base/log.h"
#include "probe/attachment.h"
#include "probe/feature.h"

#define STEP_NS 200000000ull /* each step is a link more */
#define STEP_CALLS 16	     /* at a time; one at first, and again where one was not cold */
#define HOT_NS 5000000000ull /* then for so long none */
#define COLD_HZ 100 /* looks a second while it was in view; what is looked at has more hits */
#define SEEN_NS 50000000ull /* in view for less: not known */

/* The hook at whose site this one's operations are seen, with the same arguments; NULL: none. */
static const struct hook *seen_at(const struct hook_set *set, const struct hook *h)
{
	size_t i;

	if (h->state == HOOK_PROBED)
		return h;
	for (i = 0; i < set->count && h->state == HOOK_COVERED; i++) {
		const struct hook *callee = &set->hooks[i];

		if (callee->entry == h->callee && callee->state == HOOK_PROBED &&
		    callee->op == h->op && callee->map_arg == h->map_arg &&
		    callee->type_arg == h->type_arg)
			return callee;
	}
	return NULL;
}

/* By hook: where its site is, if it is one that may be seen at its calls. */
static void find_slots(const struct attachment *a, uint8_t *slots)
{
	const struct hook_set *set = a->images[0].hooks;
	const struct hook *at;
	uint32_t slot;
	size_t i;

	memset(slots, 0xff, set->count);
	for (i = 0; i < set->count; i++) {
		at = seen_at(set, &set->hooks[i]);
		if (!at || at->map_arg == MR_ARG_ITER)
			continue;
		for (slot = 0; slot < MR_SITE_SLOTS; slot++)
			if (attachment_site(a, slot) == at->addr + a->images[0].bias &&
			    !mr_op_is_panics(attachment_op(a, slot)))
				slots[i] = (uint8_t)slot;
	}
}

static bool find(struct attachment *a)
{
	uint8_t *slots;
	int r;

	if (a->cold.searched)
		return a->cold.count > 0;
	slots = malloc(a->images[0].hooks->count + 1);
	if (!slots)
		return false;
	find_slots(a, slots);
	r = cold_calls_find(&a->cold, a->images[0].bin, a->images[0].hooks, a->images[0].bias,
			    slots);
	free(slots);
	if (r)
		log_verbose("process %d: its call sites cannot be looked for: %s",
			    (int)a->process->pid, err_name(r));
	return a->cold.count > 0;
}

/* In windows each call site that comes often is looked at: what was, too often for the time that it
 * was in view, is not cold. */
static bool seems_cold(const struct attachment *a, const struct cold_call *call)
{
	uint64_t ret = call->ip + ARCH_CALL_LEN, key, open_ns = a->open_ns;
	struct mr_caller record;
	uint32_t index;

	key = mr_caller_key(mr_tagged(attachment_site(a, call->link.slot), a->tag), ret);
	index = mr_place(key, a->engine->skel->rodata->cfg.caller_mask);
	if (bpf_map_lookup_elem(bpf_map__fd(a->engine->skel->maps.callers), &index, &record) ||
	    record.key != key)
		return true;
	if (open_ns < SEEN_NS)
		open_ns = SEEN_NS;
	return record.looks < COLD_HZ * (open_ns / 1e9) + 2;
}

static bool is_any_away(const struct attachment *a)
{
	uint32_t slot;

	for (slot = 0; slot < MR_SITE_SLOTS; slot++)
		if (a->target->away[slot])
			return true;
	return false;
}

/*
 * Only where it is asked for, so far: where one that is hot is taken for cold the kernel may not
 * come to take its probe away for seconds, as both CPUs are in traps, and nothing else is decided
 * meanwhile (docs/limits.md).
 */
static bool is_asked_for(void)
{
	return getenv("MAPRACE_COLD_CALLS") != NULL;
}

void attachment_try_cold(struct attachment *a, uint64_t now_ns)
{
	const struct cold_call *call;
	size_t left;

	if ((int64_t)(now_ns - a->cold_ns) < (int64_t)STEP_NS || !is_any_away(a) ||
	    !is_asked_for() || a->opts.no_multi || !feature_have(FEATURE_UPROBE_MULTI))
		return;
	a->cold_ns = now_ns;
	if (!find(a))
		return;
	if (a->calls.nhot != a->cold_hot) {
		a->cold_hot = a->calls.nhot;
		a->cold_step = 0;
		a->cold_ns += HOT_NS;
		return;
	}
	left = a->cold_step ? a->cold_step : 1;
	a->cold_step = 2 * left < STEP_CALLS ? 2 * left : STEP_CALLS;
	a->calls.others = a->cold.count > CALLS_COLD;
	while (left && a->calls.cold < CALLS_COLD &&
	       (call = cold_calls_next(&a->cold, a->target->away, now_ns)))
		if (seems_cold(a, call))
			left -= calls_want_cold(&a->calls, call->ip, &call->link, now_ns);
}

uint64_t attachment_cold_calls(const struct attachment *a)
{
	return a->calls.cold;
}
