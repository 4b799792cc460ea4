/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Slots come to be used again, tags never: what each target of an engine gets. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../user/probe/engine.c"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_tag_is_given_twice),
		cmocka_unit_test(those_at_one_time_have_slots_of_their_own),
		cmocka_unit_test(a_slot_is_wiped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
