/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What is learnt of a file from a process that is said to run it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>

#include "session/exefiles.h"

/* As the kernel tells of an execution of our own file. */
static struct census_file told(void)
{
	struct census_file file;

	assert_int_equal(exefile_of(getpid(), &file), 0);
	file.version.dev = (uint64_t)major(file.version.dev) << 20 | minor(file.version.dev);
	file.version.stamp = 0;
	file.told = true;
	return file;
}

static int look(const struct census_file *file)
{
	enum exefile_nature nature = EXEFILE_GO;
	int r = exefile_look(getpid(), file, &nature);

	if (!r)
		assert_int_equal(nature, EXEFILE_OTHER);
	return r;
}

static void what_it_runs_is_looked_at(void **state)
{
	struct census_file file = told(), seen;

	(void)state;
	assert_int_equal(look(&file), 0);
	assert_int_equal(exefile_of(getpid(), &seen), 0);
	assert_int_equal(look(&seen), 0);
}

/* It has gone on to a program of the same size. */
static void nothing_is_learnt_of_another_file(void **state)
{
	struct census_file file = told();

	(void)state;
	file.version.ino++;
	assert_int_equal(look(&file), -ESTALE);
	file = told();
	file.version.size++;
	assert_int_equal(look(&file), -ESTALE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_runs_is_looked_at),
		cmocka_unit_test(nothing_is_learnt_of_another_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
