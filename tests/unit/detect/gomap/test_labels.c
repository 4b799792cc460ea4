/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A goroutine's labels, read in this process. */
#include <stdlib.h>
#include <unistd.h>

#include "fixture.h"
#include "base/clock.h"
#include "detect/gomap/labels.h"
#include "probe/attachment.h"

#define GOID 7

static const char KEY[] = "handler", VALUE[] = "list";

/* As the engine tells it: its address has the target's tag. Labels that may be others by now, in
 * the same place, are none. */
static void a_tagged_goroutine_has_its_labels(void **state)
{
	uint64_t g[64] = {}, label[4] = {(uintptr_t)KEY, 7, (uintptr_t)VALUE, 4};
	uint64_t list[3] = {(uintptr_t)label, 1, 1};
	struct report_access out = {};
	struct err err = {.text = ""};
	struct go_binary *bin = fixture_open("1.24");
	const struct go_layout *l = go_binary_layout(bin);
	struct mr_access raw = {.g = mr_tagged((uintptr_t)g, 3),
				.goid = GOID,
				.collections = 4,
				.time_ns = clock_ns(CLOCK_MONOTONIC)};
	struct process process;
	struct mr_target target = {.collections = 4};
	struct attachment attachment = {.target = &target};
	struct resolver r = {.bin = bin, .process = &process, .attachment = &attachment};

	(void)state;
	assert_true(l->labels_are_list);
	assert_int_equal(process_open(&process, getpid(), &err), 0);
	g[l->g_goid / 8] = GOID;
	g[l->g_labels / 8] = raw.labels = (uintptr_t)list;
	assert_int_equal(labels_read(&r, &raw, &out), 0);
	assert_int_equal(out.nlabels, 1);
	assert_string_equal(out.labels[0].key, KEY);
	assert_string_equal(out.labels[0].value, VALUE);
	report_labels_free(out.labels, out.nlabels);
	out = (struct report_access){};
	target.collections = 5;
	assert_int_equal(labels_read(&r, &raw, &out), 0);
	assert_int_equal(out.nlabels, 0);
	target.collections = 4;
	target.collections_unseen = 1;
	assert_int_equal(labels_read(&r, &raw, &out), 0);
	assert_int_equal(out.nlabels, 0);
	process_close(&process);
	go_binary_close(bin);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tagged_goroutine_has_its_labels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
