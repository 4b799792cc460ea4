/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The profile of a snapshot says what is missing. Profiles that Go's own tool reads:
 * tests/e2e/snapshot.sh. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "model/snapshot.h"
#include "report/printers.h"

static void notes_are_comments(void **state)
{
	char exe[] = "/bin/target", text[] = "ten goroutines were not read", *notes[] = {text};
	struct report_snapshot snapshot = {.exe = exe, .notes = notes, .nnotes = 1};
	struct report report = {.snapshots = &snapshot, .nsnapshots = 1};
	struct print_options how = {};
	uint8_t plain[4096];
	z_stream z = {.next_out = plain, .avail_out = sizeof(plain)};
	char *data = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&data, &size);

	(void)state;
	assert_int_equal(pprof_print_report(f, &report, &how), 0);
	fclose(f);
	z.next_in = (Bytef *)data;
	z.avail_in = (uInt)size;
	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	assert_non_null(memmem(plain, z.total_out, text, strlen(text)));
	assert_non_null(memmem(plain, z.total_out, exe, strlen(exe)));
	inflateEnd(&z);
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(notes_are_comments)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
