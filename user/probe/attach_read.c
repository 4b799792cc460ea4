/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <string.h>

#include "base/kernel.h"
#include "probe/attachment.h"

bool attachment_is_multi(const struct attachment *a)
{
	return a->engine->base.multi;
}

uint32_t attachment_sites(const struct attachment *a)
{
	uint32_t n = 0;
	size_t i;

	for (i = 0; i < a->nimages; i++)
		n += (uint32_t)a->images[i].hooks->probed;
	return n;
}

int attachment_events_fd(const struct attachment *a)
{
	return bpf_map__fd(a->engine->skel->maps.events);
}

int attachment_growths_fd(const struct attachment *a)
{
	return a->opts.growth ? bpf_map__fd(a->engine->skel->maps.growth_events) : -1;
}

const struct mr_grower *attachment_growers(const struct attachment *a)
{
	return a->engine->growers;
}

/* What is nobody's: hits of other processes, tables that are shared. */
static void add_shared(const struct attachment *a, struct attachment_sum *sum)
{
	struct engine *e = a->engine;
	size_t i, k;

	for (i = 0; i < (size_t)1 << e->cpu_shift; i++)
		for (k = 0; k < MR_COUNT_MAX && engine_is_told_by(e, a); k++)
			sum->cpu.counts[k] += engine_counters(e, 0)[i].counts[k];
	engine_share_foreign(e);
	sum->foreign = e->slots[attachment_engine_slot(a)].foreign;
}

uint16_t attachment_tag(const struct attachment *a)
{
	return a->tag;
}

void attachment_counters(const struct attachment *a, struct attachment_sum *sum)
{
	struct mr_cpu *all = &sum->cpu;
	size_t i, k, n;

	memset(sum, 0, sizeof(*sum));
	if (!a->engine)
		return;
	n = (size_t)1 << a->engine->cpu_shift;
	for (i = 0; i < n; i++) {
		const struct mr_cpu *c = &engine_counters(a->engine, attachment_engine_slot(a))[i];

		for (k = 0; k < MR_SITE_SLOTS; k++) {
			all->hits[k] += c->hits[k];
			all->calls[k] += c->calls[k];
			if (a->target->sites[k].op < MR_OP_MAX)
				sum->ops[a->target->sites[k].op] += c->hits[k];
		}
		for (k = 0; k < MR_COUNT_MAX; k++)
			all->counts[k] += c->counts[k];
		all->nil_maps += c->nil_maps;
		all->stack_maps += c->stack_maps;
		all->looks += c->looks;
		all->holds += c->holds;
		all->hold_ns += c->hold_ns;
		all->collisions += c->collisions;
		all->read_meets_read += c->read_meets_read;
	}
	add_shared(a, sum);
}

void attachment_test(struct attachment *a, const struct attachment_terms *terms)
{
	struct mr_target *t = a->target;

	if (!terms) {
		t->test_began_ns = 0;
		t->bold_hold_ns = 0;
		t->stop_world = 0;
		return;
	}
	t->test_permille = terms->permille;
	t->test_credit_ns = terms->credit_ns;
	__atomic_store_n(&t->test_began_ns, terms->began_ns, __ATOMIC_RELEASE);
}

void attachment_waited(struct attachment *a, uint64_t others_ns, uint64_t holds_ns)
{
	uint64_t held_ns = a->target->held_ns; /* some under way: not counted in the other yet */

	a->target->test_other_ns = others_ns + (holds_ns > held_ns ? holds_ns - held_ns : 0);
}

void attachment_throttle(struct attachment *a, uint32_t ppm)
{
	a->target->hold_ppm = ppm;
}

bool attachment_may_miss(const struct attachment *a)
{
	return !a->engine->base.multi && kernel_is_older(6, 0);
}

bool attachment_last_op(const struct attachment *a, uint64_t g, struct attachment_last_op *out)
{
	uint64_t tag = (uint64_t)a->tag << MR_TAG_SHIFT, tagged = mr_addr(g) | tag;
	const volatile struct mr_last_op *l =
		&a->engine->skel->bss->latest[(uint32_t)((tagged * 0x9e3779b97f4a7c15ull) >> 48) &
					      (MR_LAST_OPS - 1)];
	uint64_t arg = l->arg, what = l->what, sp = l->sp;
	const volatile struct mr_probe_site *site = &a->target->sites[what & (MR_SITE_SLOTS - 1)];

	if (l->check != (arg ^ tagged ^ what ^ sp) || what >> 8 != a->target->epoch ||
	    a->target->epoch & 1 || mr_tag(arg) != a->tag || !site->ip)
		return false;
	*out = (struct attachment_last_op){
		.arg = mr_addr(arg),
		.site = site->ip,
		.sp = sp,
		.site_iterates = site->map_arg == MR_ARG_ITER,
		.op = site->op,
	};
	return true;
}

bool attachment_collected(const struct attachment *a, uint32_t collections)
{
	return a->target->collections_unseen || a->target->collections != collections;
}

bool attachment_clones(const struct attachment *a)
{
	size_t i, k;

	if (!a || a->target->clone_copies == MR_CLONE_NOTHING)
		return false;
	for (i = 0; i < a->nimages; i++)
		for (k = 0; k < a->images[i].hooks->count; k++)
			if (a->images[i].hooks->hooks[k].op == MR_OP_CLONE &&
			    a->images[i].hooks->hooks[k].state != HOOK_ABSENT)
				return true;
	return false;
}

int attachment_is_written(const struct attachment *a, struct memory *memory, uint64_t map)
{
	uint8_t flags;
	int r = memory_read(memory, map + a->target->map_flags, &flags, sizeof(flags));

	return r ? r : !!(flags & a->target->map_writing_mask);
}

double attachment_weight(const struct attachment *a, uint32_t slot)
{
	const struct hook *h = attachment_slot_hook(a, slot, NULL);

	return h ? site_kind_weight(h->site) : 0;
}

const char *attachment_function(const struct attachment *a, uint32_t slot)
{
	const struct hook *h = attachment_slot_hook(a, slot, NULL);

	return h ? h->function : NULL;
}

const struct mr_map *attachment_maps(const struct attachment *a, uint32_t *count)
{
	*count = a->engine ? a->engine->map_records : 0;
	return a->engine ? a->engine->maps : NULL;
}

const struct mr_trial *attachment_trials(const struct attachment *a)
{
	return a->engine->trials;
}

uint64_t attachment_site(const struct attachment *a, uint32_t slot)
{
	return slot < MR_SITE_SLOTS ? a->target->sites[slot].ip : 0;
}

uint8_t attachment_op(const struct attachment *a, uint32_t slot)
{
	return slot < MR_SITE_SLOTS ? a->target->sites[slot].op : MR_OP_NONE;
}

int attachment_pair(const struct attachment *a, uint64_t key, struct mr_pair *pair)
{
	return bpf_map__lookup_elem(a->engine->skel->maps.pairs, &key, sizeof(key), pair,
				    sizeof(*pair), 0);
}

int attachment_suspect(const struct attachment *a, uint64_t key, struct mr_suspect *suspect)
{
	return bpf_map__lookup_elem(a->engine->skel->maps.suspects, &key, sizeof(key), suspect,
				    sizeof(*suspect), 0);
}

int attachment_panic(const struct attachment *a, uint64_t key, struct mr_panic_site *site)
{
	if (!a || !a->engine)
		return -ENOENT;
	return bpf_map__lookup_elem(a->engine->skel->maps.panic_sites, &key, sizeof(key), site,
				    sizeof(*site), 0);
}

#define PANICS_AT_A_TIME 512u

int attachment_panics(const struct attachment *a,
		      void (*each)(void *ctx, uint64_t key, const struct mr_panic_site *site),
		      void *ctx)
{
	struct some {
		uint64_t keys[PANICS_AT_A_TIME];
		struct mr_panic_site sites[PANICS_AT_A_TIME];
	} * some;
	uint32_t from, n, i;
	bool first = true;
	int fd, r = 0;

	if (!a->engine || !a->opts.panics || !a->target->panics)
		return 0;
	some = malloc(sizeof(*some));
	if (!some)
		return -ENOMEM;
	fd = bpf_map__fd(a->engine->skel->maps.panic_sites);
	while (!r) {
		n = PANICS_AT_A_TIME;
		r = bpf_map_lookup_batch(fd, first ? NULL : &from, &from, some->keys, some->sites,
					 &n, NULL);
		if (r && r != -ENOENT) /* the last ones */
			break;
		for (i = 0; i < n && i < PANICS_AT_A_TIME; i++)
			if (some->sites[i].tag == a->tag)
				each(ctx, some->keys[i], &some->sites[i]);
		first = false;
	}
	free(some);
	return r == -ENOENT ? 0 : r;
}

static uint64_t missed_of(const struct bpf_program *prog)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);

	return bpf_prog_get_info_by_fd(bpf_program__fd(prog), &info, &len) ? 0
									   : info.recursion_misses;
}

uint64_t attachment_missed(const struct attachment *a)
{
	if (!engine_is_told_by(a->engine, a))
		return 0;
	return missed_of(a->engine->op) +
	       (a->opts.panics ? missed_of(a->engine->skel->progs.maprace_panic) : 0);
}
