/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What a file looks like at a glance: real programs, and what is made of them. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "fixture.h"
#include "go/go_glance.h"

static enum go_glance glance_at(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	enum go_glance r;

	assert_true(fd >= 0);
	r = go_glance(fd);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
	close(fd);
	return r;
}

static void go_programs_are_seen(void **state)
{
	static const char *const names[] = {"old-1.15", "prog-1.19-stripped", "prog-1.23-cgo-pie",
					    "prog-1.24-pie", "prog-1.27-stripped"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(glance_at(fixture_path(names[i])), GO_GLANCE_YES);
}

static void others_are_let_be(void **state)
{
	(void)state;
	assert_int_equal(glance_at("/bin/true"), GO_GLANCE_NO);
	assert_int_equal(glance_at("/etc/passwd"), GO_GLANCE_NO);
	assert_int_equal(glance_at("/dev/null"), GO_GLANCE_NO);
}

/* Headers of all kinds of nonsense: an answer, in no time, and no byte beyond. */
static void hostile_headers(void **state)
{
	unsigned char head[4096];
	unsigned int seed = 1;
	int from = open("/bin/true", O_RDONLY | O_CLOEXEC), fd = memfd_create("hostile", 0), i, k;

	(void)state;
	assert_true(from >= 0 && fd >= 0);
	assert_int_equal(read(from, head, sizeof(head)), sizeof(head));
	for (i = 0; i < 20000; i++) {
		unsigned char changed[sizeof(head)];

		memcpy(changed, head, sizeof(head));
		for (k = 0; k < 1 + i % 6; k++)
			changed[(k & 1 ? 40 : 4) + rand_r(&seed) % 24] =
				(unsigned char)rand_r(&seed);
		assert_int_equal(ftruncate(fd, i % (int)sizeof(head)), 0);
		assert_int_equal(pwrite(fd, changed, (size_t)i % sizeof(head), 0),
				 i % (int)sizeof(head));
		assert_true(go_glance(fd) <= GO_GLANCE_YES);
	}
	close(fd);
	close(from);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(go_programs_are_seen),
		cmocka_unit_test(others_are_let_be),
		cmocka_unit_test(hostile_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
