/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/btf.h>
#include <cmocka.h>

#include "detect/bpfmap/keys.h"

static void assert_hex(const char *wanted, const void *bytes, size_t have, size_t whole)
{
	char *text = bytes_hex(bytes, have, whole);

	assert_string_equal(text, wanted);
	free(text);
}

static void test_hex(void **state)
{
	(void)state;
	assert_hex("07 00 ff", "\x07\0\xff", 3, 3);
	assert_hex("07 00 ...", "\x07\0", 2, 3);
	assert_hex("", "", 0, 0);
	assert_hex("07", "\x07\x08", 2, 1);
}

/* struct { u32 addr; u16 port; s16 diff; char name[8]; struct { u8 lo:4, hi:4; } bits; void *p; u32
 * list[2]; enum color }, packed */
struct types {
	struct btf *btf;
	int record, deep;
};

static struct types make_types(void)
{
	struct types t = {.btf = btf__new_empty()};
	int u32_id, u16_id, s16_id, char_id, u8_id, bits, name, list, color, pointer, typedef_id,
		inner, i;

	assert_non_null(t.btf);
	u32_id = btf__add_int(t.btf, "u32", 4, 0);
	u16_id = btf__add_int(t.btf, "u16", 2, 0);
	s16_id = btf__add_int(t.btf, "s16", 2, BTF_INT_SIGNED);
	char_id = btf__add_int(t.btf, "char", 1, BTF_INT_SIGNED);
	u8_id = btf__add_int(t.btf, "u8", 1, 0);
	bits = btf__add_struct(t.btf, "bits", 1);
	btf__add_field(t.btf, "lo", u8_id, 0, 4);
	btf__add_field(t.btf, "hi", u8_id, 4, 4);
	name = btf__add_array(t.btf, u32_id, char_id, 8);
	list = btf__add_array(t.btf, u32_id, u32_id, 2);
	color = btf__add_enum(t.btf, "color", 4);
	btf__add_enum_value(t.btf, "RED", 1);
	pointer = btf__add_ptr(t.btf, 0);
	typedef_id = btf__add_typedef(t.btf, "address", u32_id);
	t.record = btf__add_struct(t.btf, "record", 37);
	btf__add_field(t.btf, "addr", typedef_id, 0, 0);
	btf__add_field(t.btf, "port", u16_id, 32, 0);
	btf__add_field(t.btf, "diff", s16_id, 48, 0);
	btf__add_field(t.btf, "name", name, 64, 0);
	btf__add_field(t.btf, "bits", bits, 128, 0);
	btf__add_field(t.btf, "p", pointer, 136, 0);
	btf__add_field(t.btf, "list", list, 200, 0);
	btf__add_field(t.btf, "color", color, 264, 0);
	inner = u32_id;
	for (i = 0; i < 20; i++) {
		int outer = btf__add_struct(t.btf, NULL, 4);

		btf__add_field(t.btf, "in", inner, 0, 0);
		inner = outer;
	}
	t.deep = inner;
	return t;
}

static const uint8_t record[37] = {
	1,    0, 0, 10, 80, 0, 0xfe, 0xff, 'e', 't', 'h', '0', 0, 0, 0, 0, 0xa5,
	0x10, 0, 0, 0,	0,  0, 0,    0,	   5,	0,   0,	  0,   6, 0, 0, 0, 1,
};

static void test_typed(void **state)
{
	struct types t = make_types();
	char *text;

	(void)state;
	text = bytes_typed(t.btf, (uint32_t)t.record, record, sizeof(record));
	assert_string_equal(
		text,
		"{.addr = 167772161, .port = 80, .diff = -2, .name = \"eth0\", .bits = {.lo = 5, .hi = 10}, .p = 0x10, "
		".list = {5, 6}, .color = RED}");
	free(text);
	btf__free(t.btf);
}

/* Nothing rather than half of it, and never a byte beyond what is at hand. */
static void test_short_or_strange(void **state)
{
	struct types t = make_types();
	uint8_t *exact;
	char *text;
	size_t n;

	(void)state;
	for (n = 0; n < sizeof(record); n++) {
		exact = malloc(n ? n : 1);
		memcpy(exact, record, n);
		text = bytes_typed(t.btf, (uint32_t)t.record, exact, n);
		assert_string_equal(text, "");
		free(text);
		free(exact);
	}
	text = bytes_typed(t.btf, (uint32_t)t.deep, record, sizeof(record));
	assert_string_equal(text, "");
	free(text);
	text = bytes_typed(t.btf, 99999, record, sizeof(record));
	assert_string_equal(text, "");
	free(text);
	text = bytes_typed(NULL, 1, record, sizeof(record));
	assert_string_equal(text, "");
	free(text);
	btf__free(t.btf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hex),
		cmocka_unit_test(test_typed),
		cmocka_unit_test(test_short_or_strange),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
