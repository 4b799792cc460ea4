/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What is in the tables of an engine of a target, and where there is no room in them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "probe/attachment.h"

#include <cmocka.h>

static int fake_join(struct engine **out, uint16_t *tag, struct attachment *owner,
		     const struct attach_opts *opts, uint64_t pidns_dev, uint64_t pidns_ino,
		     struct err *err);
static void fake_leave(struct engine *e, uint16_t tag);
#define engine_join fake_join
#define engine_leave fake_leave
#include "../../../user/probe/attach.c"
#include "../../../user/probe/attach_place.c"

#define TGID 4711

static struct engine *first, *second;

static struct engine *made(void)
{
	struct engine *e = calloc(1, sizeof(*e));

	e->nslots = MR_TARGETS;
	e->skel = calloc(1, sizeof(*e->skel));
	e->skel->bss = calloc(1, sizeof(*e->skel->bss));
	return e;
}

static void unmade(struct engine *e)
{
	free(e->skel->bss);
	free(e->skel);
	free(e);
}

static int fake_join(struct engine **out, uint16_t *tag, struct attachment *owner,
		     const struct attach_opts *opts, uint64_t pidns_dev, uint64_t pidns_ino,
		     struct err *err)
{
	struct engine *e = first->full ? second : first;
	uint16_t slot = 1;

	(void)opts;
	(void)pidns_dev;
	(void)pidns_ino;
	(void)err;
	while (e->slots[slot].owner)
		slot++;
	e->slots[slot].owner = owner;
	e->used++;
	*tag = slot;
	*out = e;
	return 0;
}

static void fake_leave(struct engine *e, uint16_t tag)
{
	e->slots[tag].owner = NULL;
	e->used--;
}

static struct hook hooks[4];
static struct hook_set set = {.hooks = hooks, .count = 4, .probed = 4};

static int set_up(void **state)
{
	size_t i;

	(void)state;
	first = made();
	second = made();
	for (i = 0; i < 4; i++)
		hooks[i] = (struct hook){.state = HOOK_PROBED,
					 .op = MR_OP_WRITE,
					 .entry = 0x401000 + 0x100 * i,
					 .addr = 0x401010 + 0x100 * i,
					 .offset = 0x1010 + 0x100 * i};
	return 0;
}

static int take_down(void **state)
{
	(void)state;
	unmade(first);
	unmade(second);
	return 0;
}

/* One runtime of a process, at an address of its own. */
static struct attachment *prepared(uint64_t bias)
{
	struct attachment *a = calloc(1, sizeof(*a));

	a->images[0] = (struct image){.hooks = &set, .bias = bias};
	a->nimages = 1;
	a->config.tgid = TGID;
	return a;
}

static const struct mr_process *process_entry(const struct engine *e)
{
	const struct mr_process *found = NULL, *all = e->skel->bss->processes;
	uint32_t i;

	for (i = 0; i < MR_PROCESSES; i++) {
		if (all[i].tgid != TGID)
			continue;
		assert_null(found);
		found = &all[i];
	}
	return found;
}

/* More than there are places near its own. */
static void a_process_may_have_many_runtimes(void **state)
{
	struct attachment *a[2 * MR_SITE_STEPS];
	struct err err = {};
	unsigned int i;

	(void)state;
	for (i = 0; i < 2 * MR_SITE_STEPS; i++) {
		a[i] = prepared((uint64_t)i << 24);
		assert_int_equal(attachment_load(a[i], &err), 0);
		assert_ptr_equal(a[i]->engine, first);
	}
	for (i = 0; i < 2 * MR_SITE_STEPS; i++) {
		const struct mr_process *p = process_entry(first);

		/* of one that is watched still */
		assert_non_null(p);
		assert_ptr_equal(first->slots[p->tag].owner->engine, first);
		attachment_leave_engine(a[i]);
		free(a[i]);
	}
	assert_null(process_entry(first));
}

/* One that has ended, and is only read still, has the process no more. */
static void who_has_ended_inherits_no_process(void **state)
{
	struct attachment *a[3];
	struct err err = {};
	unsigned int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		a[i] = prepared((uint64_t)i << 24);
		assert_int_equal(attachment_load(a[i], &err), 0);
	}
	attachment_vacate(a[1]);
	attachment_vacate(a[0]);
	assert_int_equal(process_entry(first)->tag, a[2]->tag);
	attachment_vacate(a[2]);
	assert_null(process_entry(first));
	for (i = 0; i < 3; i++) {
		attachment_leave_engine(a[i]);
		free(a[i]);
	}
}

/* Each place that sites of this process may have is somebody else's. */
static void fill_sites(struct engine *e)
{
	uint32_t i;

	for (i = 0; i < MR_SITES; i++) {
		if (e->skel->bss->sites[i].site.ip)
			continue;
		e->skel->bss->sites[i].site.ip = 1;
		e->skel->bss->sites[i].tgid = TGID + 1;
	}
}

static unsigned int sites_of(const struct engine *e)
{
	unsigned int i, n = 0;

	for (i = 0; i < MR_SITES; i++)
		n += e->skel->bss->sites[i].site.ip && e->skel->bss->sites[i].tgid == TGID;
	return n;
}

/* Where others have taken all the room there is a further engine, and nothing stays behind. */
static void who_finds_no_room_has_another_engine(void **state)
{
	struct attachment *a = prepared(0), other = {};
	struct err err = {};

	(void)state;
	first->slots[1].owner = &other;
	first->used = 1;
	fill_sites(first);
	assert_int_equal(attachment_load(a, &err), 0);
	assert_ptr_equal(a->engine, second);
	assert_int_equal(first->used, 1);
	assert_int_equal(sites_of(first), 0);
	assert_null(process_entry(first));
	assert_int_equal(sites_of(second), 4);
	attachment_leave_engine(a);
	assert_int_equal(sites_of(second), 0);
	free(a);
}

static void who_finds_no_room_anywhere_is_refused(void **state)
{
	struct attachment *a = prepared(0);
	struct err err = {};

	(void)state;
	fill_sites(first);
	assert_int_equal(attachment_load(a, &err), -ENOSPC);
	assert_string_equal(err.text, "no room for 4 probe sites");
	assert_null(a->engine);
	assert_int_equal(second->used, 0);
	free(a);
}

/* A number that is not in the table of all is free for another one. */
static void a_site_without_room_has_no_number(void **state)
{
	struct attachment *a = prepared(0);
	unsigned long offsets[MR_SITE_SLOTS] = {};
	struct err err = {};
	uint32_t i;

	(void)state;
	assert_int_equal(attachment_load(a, &err), 0);
	fill_sites(first);
	assert_int_equal(attachment_add_sites(a, &set, 1 << 24, offsets), -ENOSPC);
	for (i = 0; i < 4; i++)
		assert_int_equal(a->target->sites[i].ip, hooks[i].addr);
	for (; i < MR_SITE_SLOTS; i++)
		assert_int_equal(a->target->sites[i].ip, 0);
	attachment_leave_engine(a);
	free(a);
}

/* As many processes as there are slots, whatever their numbers: some in a row and some more in a
 * row later, one after the other with the threads of each between, or by chance. */
static void processes_have_room(void **state)
{
	struct attachment *all[MR_TARGETS - 1];
	struct err err = {};
	uint32_t i, random = 1, spread;

	(void)state;
	set.count = set.probed = 0;
	for (spread = 0; spread < 40; spread++) {
		for (i = 0; i < MR_TARGETS - 1; i++) {
			random = random * 1664525 + 1013904223;
			all[i] = prepared(0x10000 * i);
			all[i]->config.tgid = !spread	    ? 4000 + i % 64 + i / 64 * 512
					      : spread < 20 ? 4000 + i * spread
							    : 1 + (random >> 10);
			assert_int_equal(attachment_load(all[i], &err), 0);
			assert_ptr_equal(all[i]->engine, first);
		}
		while (i--) {
			attachment_leave_engine(all[i]);
			free(all[i]);
		}
	}
	set.count = set.probed = 4;
}

#define ATTACH_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, take_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ATTACH_TEST(a_process_may_have_many_runtimes),
		ATTACH_TEST(who_has_ended_inherits_no_process),
		ATTACH_TEST(who_finds_no_room_has_another_engine),
		ATTACH_TEST(who_finds_no_room_anywhere_is_refused),
		ATTACH_TEST(a_site_without_room_has_no_number),
		ATTACH_TEST(processes_have_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
