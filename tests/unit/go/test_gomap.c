/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Maps in made up memory: a small Swiss map and a classic one that are right, and what comes of it
 * when pointers, lengths and chains are not. What real ones look like is tests/e2e/snapshot.sh's.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "go/aes_round.h"
#include "go/gomap.h"

#define AT 0xc000000000ull
#define SIZE 65536u
#define HEADER 0u
#define DIRECTORY 0x100u
#define TABLE 0x200u
#define GROUPS 0x400u /* two of 8 + 8 * 16 bytes; or buckets of 8 + 64 + 64 + 8 */
#define GROUP 136u
#define BUCKET 144u
#define KEY_TYPE (SIZE - 512)
#define SEED 0x1234567890abcdefull

struct made {
	uint8_t bytes[SIZE];
	struct gomap_type type;
	struct gomap_types types;
	struct gomap_keys keys;
	struct gomap g;
	struct memory *memory;
	struct report_map_dump dump;
};

static void put(struct made *m, uint64_t at, uint64_t value, size_t size)
{
	memcpy(m->bytes + at, &value, size);
}

static void begin(struct made *m, int minor)
{
	const struct memory_part part = {AT, m->bytes, SIZE};
	size_t i;

	memset(m, 0, sizeof(*m));
	m->keys.aes = true;
	for (i = 0; i < sizeof(m->keys.schedule); i++)
		m->keys.schedule[i] = (uint8_t)(i * 37 + 11);
	m->memory = memory_parts(&part, 1);
	assert_non_null(m->memory);
	m->type = (struct gomap_type){
		.key_size = 8,
		.elem_size = 8,
		.bucket_size = minor >= 24 ? GROUP : BUCKET,
		.key_at = 8,
		.key_stride = minor >= 24 ? 16 : 8,
		.elem_at = minor >= 24 ? 16 : 72,
		.elem_stride = minor >= 24 ? 16 : 8,
		.how = GOMAP_HASH_64,
		.name = "map[int]int",
	};
	m->types = (struct gomap_types){&m->type, 1};
	m->g = (struct gomap){
		.layout = go_layout_find(minor, false),
		.memory = m->memory,
		.keys = &m->keys,
		.types = &m->types,
	};
}

/* One table of two groups, as Go fills it. */
static void make_swiss(struct made *m, uint64_t n)
{
	uint64_t key, hash, group, slot;

	begin(m, 24);
	put(m, HEADER, n, 8);
	put(m, HEADER + 8, SEED, 8);
	put(m, HEADER + 16, AT + DIRECTORY, 8);
	put(m, HEADER + 24, 1, 8);
	put(m, HEADER + 33, 64, 1);
	put(m, DIRECTORY, AT + TABLE, 8);
	put(m, TABLE, n, 2);
	put(m, TABLE + 2, 16, 2);
	put(m, TABLE + 4, 14 - n, 2);
	put(m, TABLE + 16, AT + GROUPS, 8);
	put(m, TABLE + 24, 1, 8);
	memset(m->bytes + GROUPS, 0x80, 8);
	memset(m->bytes + GROUPS + GROUP, 0x80, 8);
	for (key = 0; key < n; key++) {
		hash = gomap_memhash64(&m->keys, key, SEED);
		group = (hash >> 7) & 1;
		for (slot = 0; m->bytes[GROUPS + GROUP * group + slot] != 0x80; slot++)
			assert_true(slot < 8);
		m->bytes[GROUPS + GROUP * group + slot] = hash & 0x7f;
		put(m, GROUPS + GROUP * group + 8 + 16 * slot, key, 8);
	}
}

/* Two buckets. */
static void make_classic(struct made *m, uint64_t n)
{
	uint64_t key, hash, slot, at;
	uint8_t top;

	begin(m, 23);
	put(m, HEADER, n, 8);
	put(m, HEADER + 9, 1, 1);
	put(m, HEADER + 12, (uint32_t)SEED, 4);
	put(m, HEADER + 16, AT + GROUPS, 8);
	for (key = 0; key < n; key++) {
		hash = gomap_memhash64(&m->keys, key, (uint32_t)SEED);
		at = GROUPS + BUCKET * (hash & 1);
		for (slot = 0; m->bytes[at + slot]; slot++)
			assert_true(slot < 8);
		top = (uint8_t)(hash >> 56);
		m->bytes[at + slot] = top < 5 ? top + 5 : top;
		put(m, at + 8 + 8 * slot, key, 8);
	}
}

static void dump(struct made *m, enum report_integrity want)
{
	uint64_t before = clock_ns(CLOCK_MONOTONIC);

	memory_deadline(m->memory, before + 2000000000);
	assert_int_equal(gomap_dump(&m->g, AT + HEADER, "map[int]int", &m->dump), 0);
	if (m->dump.integrity != want)
		fail_msg("%s: %s", report_integrity_name(m->dump.integrity),
			 m->dump.ndefects ? m->dump.defects[0].what : m->dump.reason);
	assert_true(clock_ns(CLOCK_MONOTONIC) - before < 5000000000);
	assert_true(m->dump.ndefects <= REPORT_MAP_DEFECTS);
}

static void end(struct made *m)
{
	struct report_snapshot s = {.maps = calloc(1, sizeof(m->dump)), .nmaps = 1};

	*s.maps = m->dump;
	report_snapshot_free(&s);
	memory_close(m->memory);
}

static struct made made;

static void first_defect(const char *where, const char *what)
{
	assert_true(made.dump.ndefects > 0);
	if (strcmp(made.dump.defects[0].where, where) != 0 ||
	    !strstr(made.dump.defects[0].what, what))
		fail_msg("%s: %s", made.dump.defects[0].where, made.dump.defects[0].what);
	end(&made);
}

static void aes_is_that_of_the_cpu(void **state)
{
	struct aes_block a = {{0}}, b, key;
	int i, k;

	(void)state;
	for (i = 0; i < 1000; i++) {
		for (k = 0; k < 16; k++) {
			a.bytes[k] ^= (uint8_t)(i * k + i);
			key.bytes[k] = (uint8_t)(i * 7 + k * 13);
		}
		b = a;
		aes_round(&a, &key);
		aes_round_plain(&b, &key);
		assert_memory_equal(a.bytes, b.bytes, 16);
		aes_round(&a, &a); /* the state itself as the key */
		aes_round_plain(&b, &b);
		assert_memory_equal(a.bytes, b.bytes, 16);
	}
}

/* Types are at link-time addresses, wherever the program runs: of one key type they are of one
 * shape. */
static void types_of_one_shape_are_counted_wherever_it_runs(void **state)
{
	static const uint64_t biases[] = {0, 0x555555554000};
	struct gomap_type types[3];
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		make_swiss(&made, 7);
		put(&made, KEY_TYPE, 8, 8);
		put(&made, KEY_TYPE + 20, 8, 1); /* regular memory */
		put(&made, KEY_TYPE + 23, 2, 1); /* int */
		types[0] = made.type;
		types[0].how = GOMAP_HASH_COMPILED;
		types[0].key_type = AT + KEY_TYPE - biases[i];
		types[1] = types[2] = types[0];
		types[2].key_type += 256; /* another one */
		made.types = (struct gomap_types){types, 3};
		made.g.bias = biases[i];
		dump(&made, REPORT_INTACT);
		assert_int_equal(made.dump.type_others, 1);
		end(&made);
	}
}

static void intact_maps_are_intact(void **state)
{
	(void)state;
	make_swiss(&made, 7);
	dump(&made, REPORT_INTACT);
	assert_int_equal(made.dump.entries, 7);
	assert_int_equal(made.dump.checked, 7);
	assert_int_equal(made.dump.capacity, 16);
	assert_int_equal(made.dump.slots_seen, 16);
	assert_int_equal(made.dump.heat_seen, made.dump.nheat);
	end(&made);
	make_classic(&made, 7);
	dump(&made, REPORT_INTACT);
	assert_int_equal(made.dump.entries, 7);
	end(&made);
	make_classic(&made, 0);
	put(&made, HEADER + 16, 0, 8);
	dump(&made, REPORT_INTACT);
	end(&made);
}

/* While a writer is inside nothing is called broken. */
static void a_writer_inside_is_said(void **state)
{
	(void)state;
	make_swiss(&made, 7);
	put(&made, HEADER, 8, 8);
	put(&made, HEADER + 34, 1, 1);
	dump(&made, REPORT_UNDER_WAY);
	assert_non_null(strstr(made.dump.reason, "a writer is inside"));
	end(&made);
	make_classic(&made, 7);
	put(&made, HEADER, 8, 8);
	put(&made, HEADER + 8, 4, 1);
	dump(&made, REPORT_UNDER_WAY);
	end(&made);
}

static void broken_swiss_maps_are_found(void **state)
{
	(void)state;
	make_swiss(&made, 7);
	put(&made, HEADER + 24, 1ull << 60, 8);
	dump(&made, REPORT_UNCHECKED); /* nothing says that it is one */
	first_defect("header", "which do not fit");
	make_swiss(&made, 7);
	put(&made, TABLE + 24, 1ull << 60, 8);
	dump(&made, REPORT_UNCHECKED);
	first_defect("directory entry 0", "which do not fit");
	make_swiss(&made, 7);
	put(&made, TABLE + 16, 0x10, 8);
	dump(&made, REPORT_UNCHECKED);
	first_defect("table 0, group 0, slot 0", "is not in memory");
	make_swiss(&made, 7);
	put(&made, DIRECTORY, UINT64_MAX, 8);
	dump(&made, REPORT_UNCHECKED);
	first_defect("directory entry 0", "no table is there");
	/* a directory that names nothing, as large as one may be: bounded */
	make_swiss(&made, 7);
	put(&made, HEADER + 16, AT + 0x8000, 8);
	put(&made, HEADER + 24, 1ull << 32, 8);
	put(&made, HEADER + 32, 32, 1);
	put(&made, HEADER + 33, 32, 1);
	dump(&made, REPORT_UNCHECKED);
	end(&made);
	/* a mark of a writer that none has made */
	make_swiss(&made, 7);
	put(&made, HEADER + 34, 0x82, 1);
	dump(&made, REPORT_BROKEN);
	first_defect("header", "its mark of a writer is 0x82");
	make_swiss(&made, 7);
	put(&made, HEADER, 8, 8);
	dump(&made, REPORT_BROKEN);
	first_defect("header", "has 8 entries, and 7");
	/* elements elsewhere, that are not there */
	make_swiss(&made, 7);
	made.type.indirect_elem = true;
	made.type.elem_size = 200;
	dump(&made, REPORT_UNCHECKED);
	end(&made);
}

static void broken_classic_maps_are_found(void **state)
{
	(void)state;
	make_classic(&made, 7);
	put(&made, HEADER + 9, 200, 1);
	dump(&made, REPORT_UNCHECKED);
	first_defect("header", "2 to the power of 200");
	make_classic(&made, 7);
	put(&made, HEADER + 9, 48, 1);
	dump(&made, REPORT_UNCHECKED); /* most of that is no map */
	end(&made);
	make_classic(&made, 7);
	put(&made, GROUPS + BUCKET - 8, AT + GROUPS, 8);
	dump(&made, REPORT_BROKEN);
	assert_true(made.dump.all_defects > 0);
	end(&made);
	/* two buckets in a circle that does not hold the first one */
	make_classic(&made, 0);
	put(&made, GROUPS + BUCKET - 8, AT + 0x4000, 8);
	put(&made, 0x4000 + BUCKET - 8, AT + 0x5000, 8);
	put(&made, 0x5000 + BUCKET - 8, AT + 0x4000, 8);
	dump(&made, REPORT_UNCHECKED);
	first_defect("bucket 0, slot 0", "comes back to itself");
	make_classic(&made, 7);
	put(&made, HEADER + 24, 8, 8);
	dump(&made, REPORT_BROKEN);
	end(&made);
}

static void strings_of_any_length_are_survived(void **state)
{
	(void)state;
	make_swiss(&made, 7);
	made.type.how = GOMAP_HASH_STRING;
	made.type.key_size = 16;
	made.type.elem_size = 0;
	put(&made, GROUPS + 16, 1ull << 60, 8);
	put(&made, GROUPS + GROUP + 16, 1ull << 40, 8);
	dump(&made, REPORT_UNCHECKED);
	end(&made);
}

static void what_no_type_agrees_with_is_no_map(void **state)
{
	(void)state;
	make_swiss(&made, 7);
	memset(made.bytes + GROUPS, 0x33, 8);
	memset(made.bytes + GROUPS + GROUP, 0x33, 8);
	assert_int_equal(gomap_dump(&made.g, AT + HEADER, NULL, &made.dump), 0);
	assert_int_equal(made.dump.integrity, REPORT_UNCHECKED);
	assert_string_equal(made.dump.map.type, "");
	end(&made);
	make_swiss(&made, 7);
	assert_int_equal(gomap_dump(&made.g, AT + HEADER, NULL, &made.dump), 0);
	assert_string_equal(made.dump.map.type, "map[int]int");
	assert_int_equal(made.dump.integrity, REPORT_INTACT);
	end(&made);
	make_swiss(&made, 7);
	assert_int_equal(gomap_dump(&made.g, 16, NULL, &made.dump), 0);
	assert_int_equal(made.dump.integrity, REPORT_UNCHECKED);
	end(&made);
}

/* A slot says a few bits of a hash, and one entry that agrees may be chance. */
static void what_too_little_agrees_with_is_not_broken(void **state)
{
	(void)state;
	make_swiss(&made, 2);
	put(&made, HEADER, 3, 8);
	put(&made, TABLE + 4, 2, 2);
	dump(&made, REPORT_BROKEN); /* all that is there agrees */
	end(&made);
	make_swiss(&made, 1);
	put(&made, HEADER, 3, 8);
	dump(&made, REPORT_UNCHECKED);
	end(&made);
	make_swiss(&made, 4); /* two of four */
	put(&made, GROUPS + 8, 1000, 8);
	put(&made, GROUPS + GROUP + 8, 1000, 8);
	dump(&made, REPORT_UNCHECKED);
	end(&made);
	/* what has no hash says nothing */
	make_swiss(&made, 7);
	made.type.how = GOMAP_HASH_NONE;
	put(&made, HEADER, 8, 8);
	dump(&made, REPORT_UNCHECKED);
	end(&made);
	make_swiss(&made, 7);
	made.g.keys = NULL;
	put(&made, HEADER + 34, 0x82, 1);
	dump(&made, REPORT_UNCHECKED);
	end(&made);
	make_classic(&made, 7);
	made.type.how = GOMAP_HASH_NONE;
	memset(made.bytes + GROUPS, 3, 8); /* marks of what was moved */
	dump(&made, REPORT_UNCHECKED);
	end(&made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(aes_is_that_of_the_cpu),
		cmocka_unit_test(types_of_one_shape_are_counted_wherever_it_runs),
		cmocka_unit_test(intact_maps_are_intact),
		cmocka_unit_test(a_writer_inside_is_said),
		cmocka_unit_test(broken_swiss_maps_are_found),
		cmocka_unit_test(broken_classic_maps_are_found),
		cmocka_unit_test(strings_of_any_length_are_survived),
		cmocka_unit_test(what_no_type_agrees_with_is_no_map),
		cmocka_unit_test(what_too_little_agrees_with_is_not_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
