/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Slots come to be used again, tags never: what each target of an engine gets. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>

/* As kernels before 6.0 do. */
static bool refuse_large;
static int make_map(enum bpf_map_type type, const char *name, __u32 key, __u32 value, __u32 entries,
		    const struct bpf_map_create_opts *opts)
{
	(void)type;
	(void)name;
	(void)key;
	(void)entries;
	(void)opts;
	return refuse_large && value > 4u << 20 ? -E2BIG : dup(0);
}

#define bpf_map_create make_map
#include "../../../user/probe/engine.c"

#include "probe/attachment.h"

/* An engine as it is once it is loaded, but for the kernel's part. */
static struct engine *made(uint32_t targets)
{
	struct engine *e = calloc(1, sizeof(*e));

	e->opts.targets = targets;
	size_engine(e);
	e->skel = calloc(1, sizeof(*e->skel));
	e->skel->bss = calloc(1, sizeof(*e->skel->bss));
	e->skel->data_cpus = calloc((size_t)e->nslots << e->cpu_shift, sizeof(struct mr_cpu));
	engines = e;
	return e;
}

static void unmade(struct engine *e)
{
	engines = NULL;
	free(e->skel->data_cpus);
	free(e->skel->bss);
	free(e->skel);
	free(e);
}

static uint16_t join(const struct engine *e, void *owner)
{
	struct engine *got;
	struct err err = {};
	uint16_t tag;

	assert_int_equal(engine_join(&got, &tag, owner, &e->opts, 0, 0, &err), 0);
	assert_ptr_equal(got, e);
	return tag;
}

static void leave(struct engine *e, uint16_t tag)
{
	e->used--;
	e->slots[engine_slot(e, tag)].owner = NULL;
}

static void no_tag_is_given_twice(void **state)
{
	static bool given[UINT16_MAX + 1];
	struct engine *e = made(1);
	size_t n = 0;
	uint16_t tag;
	int owner;

	(void)state;
	while (free_slot(e)) {
		tag = join(e, &owner);
		if (!tag || !engine_slot(e, tag) || given[tag])
			fail_msg("tag %u", tag);
		given[tag] = true;
		leave(e, tag);
		n++;
	}
	/* all but those of slot 0, which is nobody's */
	assert_int_equal(n, 65536 / e->nslots * (e->nslots - 1));
	unmade(e);
}

static void those_at_one_time_have_slots_of_their_own(void **state)
{
	bool taken[MR_TARGETS] = {};
	struct engine *e = made(200);
	int owner, i;

	(void)state;
	for (i = 0; i < 200; i++) {
		uint32_t slot = engine_slot(e, join(e, &owner));

		assert_true(slot < e->nslots && !taken[slot]);
		taken[slot] = true;
	}
	unmade(e);
}

static void a_slot_is_wiped(void **state)
{
	struct engine *e = made(1);
	uint16_t tag, next;
	int owner;

	(void)state;
	tag = join(e, &owner);
	engine_target(e, tag)->emptied[3] = 4;
	engine_target(e, tag)->collections = 4;
	engine_counters(e, engine_slot(e, tag))->tokens_ns = 4;
	e->skel->bss->cloned[engine_slot(e, tag) << e->cloned_shift] = 4;
	leave(e, tag);
	next = join(e, &owner);
	assert_int_equal(engine_slot(e, next), engine_slot(e, tag));
	assert_int_not_equal(next, tag);
	assert_int_equal(engine_target(e, next)->emptied[3], 0);
	assert_int_equal(engine_target(e, next)->collections, 0);
	assert_int_equal(engine_counters(e, engine_slot(e, tag))->tokens_ns, 0);
	assert_int_equal(e->skel->bss->cloned[engine_slot(e, tag) << e->cloned_shift], 0);
	unmade(e);
}

/* A target's part never falls, whoever comes or goes, and none pays for what was before it came. */
static void hits_of_nobody_are_shared_out(void **state)
{
	struct engine *e = made(4);
	uint16_t first, second;
	int owner;

	(void)state;
	first = join(e, &owner);
	engine_counters(e, 0)->counts[MR_COUNT_FOREIGN] = 100;
	engine_share_foreign(e);
	assert_int_equal(e->slots[engine_slot(e, first)].foreign, 100);
	engine_counters(e, 0)->counts[MR_COUNT_FOREIGN] = 150;
	second = join(e, &owner);
	assert_int_equal(e->slots[engine_slot(e, second)].foreign, 0);
	engine_counters(e, 0)->counts[MR_COUNT_FOREIGN] = 161;
	engine_share_foreign(e);
	assert_int_equal(e->slots[engine_slot(e, first)].foreign, 155);
	assert_int_equal(e->slots[engine_slot(e, second)].foreign, 5);
	engine_counters(e, 0)->counts[MR_COUNT_FOREIGN] = 162; /* with the odd one of before */
	engine_share_foreign(e);
	assert_int_equal(e->slots[engine_slot(e, second)].foreign, 6);
	unmade(e);
}

/* What is counted once for all is told by one of them, and not once more by who was freed. */
static void what_is_nobodys_is_told_by_one(void **state)
{
	struct attachment *owners = calloc(2, sizeof(*owners));
	struct engine *e = made(4);
	uint16_t tag;
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		owners[i].engine = e;
		owners[i].tag = join(e, &owners[i]);
	}
	tag = owners[0].tag;
	assert_true(engine_is_told_by(e, &owners[0]));
	assert_false(engine_is_told_by(e, &owners[1]));
	attachment_hand_over(&owners[0]);
	assert_false(engine_is_told_by(e, &owners[0]));
	assert_true(engine_is_told_by(e, &owners[1]));
	leave(e, tag);
	owners[0].tag = join(e, &owners[0]);
	assert_int_equal(engine_slot(e, owners[0].tag), engine_slot(e, tag));
	assert_true(engine_is_told_by(e, &owners[0]));
	unmade(e);
	free(owners);
}

/* Its probes are gone with its attacher, and nobody can place any. */
static void an_engine_whose_attacher_is_dead_takes_nobody(void **state)
{
	struct engine *e = made(1);
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
	e->attacher.pid = 1;
	e->attacher.fd = fds[0];
	assert_true(takes(e, &e->opts, 0, 0));
	close(fds[1]);
	assert_false(takes(e, &e->opts, 0, 0));
	close(fds[0]);
	unmade(e);
}

/* What is of one size, at most what kernels before 6.0 make. */
static void tables_are_not_too_large_for_old_kernels(void **state)
{
	struct engine *e = made(200);

	(void)state;
	assert_true(sizeof(*e->skel->bss) <= 4u << 20);
	assert_int_equal(most_cpu_entries(MOST_OLD_CPU_ENTRIES), MOST_OLD_CPU_ENTRIES);
	refuse_large = true;
	assert_int_equal(most_cpu_entries(2 * MOST_OLD_CPU_ENTRIES), MOST_OLD_CPU_ENTRIES);
	refuse_large = false;
	unmade(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_tag_is_given_twice),
		cmocka_unit_test(those_at_one_time_have_slots_of_their_own),
		cmocka_unit_test(a_slot_is_wiped),
		cmocka_unit_test(hits_of_nobody_are_shared_out),
		cmocka_unit_test(what_is_nobodys_is_told_by_one),
		cmocka_unit_test(an_engine_whose_attacher_is_dead_takes_nobody),
		cmocka_unit_test(tables_are_not_too_large_for_old_kernels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
