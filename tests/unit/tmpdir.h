/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_TESTS_TMPDIR_H
#define MAPRACE_TESTS_TMPDIR_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An empty directory for each test, which goes with all that is in it. */
static char dir[64];

static inline int tmpdir_make(void)
{
	strcpy(dir, "/tmp/maprace-test-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

/* A teardown of cmocka's. */
static inline int tmpdir_remove(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

#endif
