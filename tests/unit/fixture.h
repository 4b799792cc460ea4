/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_TESTS_FIXTURE_H
#define MAPRACE_TESTS_FIXTURE_H

#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "go/go_binary.h"

/*
 * The programs that tests/fixtures/build.sh makes, and what other tools say about them. A fixture
 * that is missing fails the test that asks for it.
 */
static const char *const fixture_versions[] = {"1.19", "1.21", "1.22", "1.23",
					       "1.24", "1.25", "1.26", "1.27"};
#define N_FIXTURE_VERSIONS (sizeof(fixture_versions) / sizeof(fixture_versions[0]))

/* Those that have every way of linking; a variant is compared with the plain program of its
 * version. */
static const char *const fixture_variants[] = {
	"1.19-stripped", "1.19-pie",
	"1.19-cgo",	 "1.19-cgo-pie",
	"1.21-stripped", "1.22-stripped",
	"1.23-stripped", "1.23-pie",
	"1.23-cgo",	 "1.23-cgo-pie",
	"1.24-stripped", "1.24-pie",
	"1.24-cgo",	 "1.24-cgo-pie",
	"1.24-noswiss",	 "1.25-stripped",
	"1.26-stripped", "1.27-stripped",
	"1.27-pie",	 "1.27-cgo",
	"1.27-cgo-pie",	 "1.24-noswiss-stripped",
};
#define N_FIXTURE_VARIANTS (sizeof(fixture_variants) / sizeof(fixture_variants[0]))

/* build/fixtures/NAME; static storage, four at a time. */
static inline const char *fixture_path(const char *name)
{
	static char paths[4][512];
	static unsigned int next;
	const char *dir = getenv("MAPRACE_FIXTURES");
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", dir ? dir : "build/fixtures", name);
	return path;
}

static inline const char *fixture_name(const char *version)
{
	static char names[4][64];
	static unsigned int next;
	char *name = names[next++ % 4];

	snprintf(name, sizeof(names[0]), "prog-%s", version);
	return name;
}

static inline FILE *fixture_oracle(const char *version, const char *suffix)
{
	char name[64];
	FILE *f;

	snprintf(name, sizeof(name), "prog-%s.%s", version, suffix);
	f = fopen(fixture_path(name), "re");
	if (!f)
		fail_msg("%s is missing", fixture_path(name));
	return f;
}

/* The address of a symbol, by the fixture's own symbol table; 0: it has none of that name. */
static inline uint64_t fixture_symbol(const char *version, const char *name)
{
	FILE *f = fixture_oracle(version, "nm");
	char line[1024], found[512];
	uint64_t addr = 0, at;

	while (!addr && fgets(line, sizeof(line), f))
		if (sscanf(line, "%" SCNx64 " %*s %*s %511s", &at, found) == 2 &&
		    !strcmp(found, name))
			addr = at;
	fclose(f);
	return addr;
}

static inline struct go_binary *fixture_open(const char *version)
{
	struct err err = {.text = ""};
	struct go_binary *bin;

	if (go_binary_open(&bin, fixture_path(fixture_name(version)), &err))
		fail_msg("prog-%s: %s", version, err.text);
	return bin;
}

/* The whole file, for tests that damage a copy. */
static inline uint8_t *fixture_read(const char *name, size_t *size)
{
	FILE *f = fopen(fixture_path(name), "re");
	uint8_t *data;
	long end;

	if (!f)
		fail_msg("%s is missing", fixture_path(name));
	fseek(f, 0, SEEK_END);
	end = ftell(f);
	rewind(f);
	assert_true(end > 0);
	*size = (size_t)end;
	data = malloc(*size);
	assert_non_null(data);
	assert_int_equal(fread(data, 1, *size, f), *size);
	fclose(f);
	return data;
}

#endif
