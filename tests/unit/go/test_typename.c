/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Names of types: those that the fixtures' source declares, in every version and way of linking. */
#include "fixture.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>

#include "base/bits.h"

/* The maps of tests/fixtures/prog/prog.go, as %T prints their types. */
static const char *const declared[] = {
	"map[bool]int",
	"map[uint8]string",
	"map[int32]int32",
	"map[uint32]struct {}",
	"map[struct { a int16; b int16 }]int",
	"map[int]int",
	"map[uint64]*main.wide",
	"map[main.point]float64",
	"map[string]int",
	"map[string]main.point",
	"map[*main.wide]int",
	"map[chan int]int",
	"map[unsafe.Pointer]int",
	"map[float64]complex128",
	"map[interface {}]interface {}",
	"map[main.ifacer]func(int) int",
	"map[[3]string][]uint8",
	"map[main.big]int",
	"map[string]main.big",
	"map[struct { s string; n int }]map[string][]int",
	"map[error]chan<- string",
	"map[reflect.Type]reflect.Value",
	"map[int]interface {}",
	"map[string][]int",
	"map[int]main.pair[int,string]",
};
#define N_DECLARED (sizeof(declared) / sizeof(declared[0]))

/* type Type: Kind u8 at 23; type MapType: Key at 48, Elem at 56. */
static bool is_map(const uint8_t *type)
{
	return get_le64(type) == 8 && (type[23] & 31) == 21 && type[21] == 8 && type[22] == 8;
}

struct tally {
	bool seen[N_DECLARED];
	size_t maps, equal_to_parts;
};

static bool starts_with_map(const char *name)
{
	return !strncmp(name, "map[", 4);
}

/* A map type's name says the names of its key and element types: "map[K]V"; a named map type has a
 * name of its own. */
static void check_map(const struct go_binary *bin, uint64_t addr, struct tally *t)
{
	const struct elf_file *elf = go_binary_elf(bin);
	char name[512], key[512], elem[512], made[1100];
	uint64_t key_type, elem_type;

	if (elf_file_read_u64(elf, addr + 48, &key_type) ||
	    elf_file_read_u64(elf, addr + 56, &elem_type) ||
	    go_binary_type_name(bin, addr, name, sizeof(name)) ||
	    go_binary_type_name(bin, key_type, key, sizeof(key)) ||
	    go_binary_type_name(bin, elem_type, elem, sizeof(elem)))
		return;
	t->maps++;
	snprintf(made, sizeof(made), "map[%s]%s", key, elem);
	if (starts_with_map(name))
		assert_string_equal(name, made);
	t->equal_to_parts += !strcmp(name, made);
	for (size_t i = 0; i < N_DECLARED; i++)
		t->seen[i] |= !strcmp(name, declared[i]);
}

/* Every place in the read-only data where a map type may stand. */
static void scan(const struct go_binary *bin, struct tally *t)
{
	const struct elf_file *elf = go_binary_elf(bin);
	const struct elf_segment *s;
	size_t n = elf_file_segments(elf, &s);

	for (size_t i = 0; i < n; i++) {
		uint8_t *data;

		if (s[i].flags & PF_X)
			continue;
		data = malloc(s[i].filesz);
		assert_int_equal(elf_file_read(elf, s[i].vaddr, data, s[i].filesz), 0);
		for (size_t pos = 0; pos + 72 <= s[i].filesz; pos += 8) {
			if (is_map(data + pos))
				check_map(bin, s[i].vaddr + pos, t);
		}
		free(data);
	}
}

static void check_names(const char *version)
{
	struct go_binary *bin = fixture_open(version);
	struct tally t = {.maps = 0};

	scan(bin, &t);
	for (size_t i = 0; i < N_DECLARED; i++) {
		if (!t.seen[i])
			fail_msg("%s: no type %s among %zu", version, declared[i], t.maps);
	}
	assert_true(t.equal_to_parts > N_DECLARED);
	go_binary_close(bin);
}

static void test_declared_types(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_FIXTURE_VERSIONS; i++)
		check_names(fixture_versions[i]);
	for (size_t i = 0; i < N_FIXTURE_VARIANTS; i++)
		check_names(fixture_variants[i]);
}

/* The address of the type called name. */
static uint64_t find_type(const struct go_binary *bin, const char *name)
{
	const struct elf_file *elf = go_binary_elf(bin);
	const struct elf_segment *s;
	size_t n = elf_file_segments(elf, &s);
	char got[128];

	for (size_t i = 0; i < n; i++) {
		for (uint64_t a = s[i].vaddr; a + 72 < s[i].vaddr + s[i].filesz; a += 32) {
			uint8_t raw[48];

			if ((s[i].flags & PF_X) || elf_file_read(elf, a, raw, sizeof(raw)) ||
			    !is_map(raw))
				continue;
			if (!go_binary_type_name(bin, a, got, sizeof(got)) && !strcmp(got, name))
				return a;
		}
	}
	fail_msg("no type %s", name);
	return 0;
}

static void test_little_room(void **state)
{
	struct go_binary *bin = fixture_open("1.24");
	uint64_t type = find_type(bin, "map[string]int");
	char buf[32];

	(void)state;
	assert_int_equal(go_binary_type_name(bin, type, buf, 15), 0);
	assert_string_equal(buf, "map[string]int");
	assert_int_equal(go_binary_type_name(bin, type, buf, 14), 0);
	assert_string_equal(buf, "map[string...");
	assert_int_equal(go_binary_type_name(bin, type, buf, 4), 0);
	assert_string_equal(buf, "map");
	assert_int_equal(go_binary_type_name(bin, type, buf, 1), 0);
	assert_string_equal(buf, "");
	assert_int_equal(go_binary_type_name(bin, type, buf, 0), -EINVAL);
	go_binary_close(bin);
}

static void test_not_a_type(void **state)
{
	struct go_binary *bin = fixture_open("1.24");
	char buf[32] = "untouched";

	(void)state;
	assert_int_equal(go_binary_type_name(bin, 0, buf, sizeof(buf)), -ENOENT);
	assert_string_equal(buf, "");
	assert_int_equal(go_binary_type_name(bin, UINT64_MAX, buf, sizeof(buf)), -ENOENT);
	assert_int_equal(go_binary_type_name(bin, 0xc000012340, buf, sizeof(buf)), -ENOENT);
	assert_int_equal(go_binary_type_name(bin, go_binary_text(bin), buf, sizeof(buf)), -ENOENT);
	go_binary_close(bin);
}

/* Any address at all: an error or a name, and a name is always ended. */
static void test_every_address(void **state)
{
	struct go_binary *bin = fixture_open("1.27-stripped");
	const struct elf_segment *s;
	size_t named = 0, n = elf_file_segments(go_binary_elf(bin), &s);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		if (s[i].flags & PF_X)
			continue;
		for (uint64_t a = s[i].vaddr; a < s[i].vaddr + s[i].filesz; a += 61) {
			char buf[64];

			memset(buf, 'x', sizeof(buf));
			if (!go_binary_type_name(bin, a, buf, sizeof(buf)))
				named++;
			assert_non_null(memchr(buf, 0, sizeof(buf)));
		}
	}
	assert_true(named > 0);
	go_binary_close(bin);
}

/* A made-up process: one page of types that reflection could have made. */
struct page {
	uint64_t base;
	uint8_t bytes[1024];
	int reads;
};

static int read_page(void *ctx, uint64_t addr, void *buf, size_t len)
{
	struct page *p = ctx;

	p->reads++;
	if (addr < p->base || !range_fits(addr - p->base, len, sizeof(p->bytes)))
		return -EFAULT;
	memcpy(buf, p->bytes + (addr - p->base), len);
	return 0;
}

static void put_type(struct page *p, size_t at, uint8_t kind, uint64_t word48, uint64_t word56,
		     uint64_t word64)
{
	p->bytes[at + 23] = kind;
	memset(p->bytes + at + 40, 0xff, 4); /* Str: a negative id */
	memcpy(p->bytes + at + 48, &word48, 8);
	memcpy(p->bytes + at + 56, &word56, 8);
	memcpy(p->bytes + at + 64, &word64, 8);
}

static int live_name(struct page *p, size_t at, char *buf, size_t len)
{
	struct go_binary *bin = fixture_open("1.24-pie");
	int err;

	p->reads = 0;
	err = go_binary_live_type_name(bin, 0x7f0000000000, p->base + at, read_page, p, buf, len);
	go_binary_close(bin);
	return err;
}

/* tests/unit/go/test_live.c has the real ones; here are those that no program makes on purpose. */
static void test_made_types(void **state)
{
	struct page p = {.base = 0xc000100000};
	struct go_binary *bin = fixture_open("1.24-pie");
	uint64_t known = 0x7f0000000000 + find_type(bin, "map[string]int");
	char buf[128];

	(void)state;
	go_binary_close(bin);
	put_type(&p, 0, 21, known, p.base + 128, 0);
	put_type(&p, 128, 17, p.base + 256, 0, 7);
	put_type(&p, 256, 23, p.base + 384, 0, 0);
	put_type(&p, 384, 22, p.base + 512, 0, 0);
	put_type(&p, 512, 18, known, 1, 0);
	assert_int_equal(live_name(&p, 0, buf, sizeof(buf)), 0);
	assert_string_equal(buf, "map[map[string]int][7][]*<-chan map[string]int");

	put_type(&p, 512, 18, known, 2, 0);
	put_type(&p, 0, 53, p.base + 512, 0, 0); /* up to 1.25 a bit beside the kind; no element */
	assert_int_equal(live_name(&p, 0, buf, sizeof(buf)), 0);
	assert_string_equal(buf, "map[chan<- map[string]int]?");

	put_type(&p, 0, 21, p.base, p.base, 0); /* of itself: ends, and soon */
	assert_int_equal(live_name(&p, 0, buf, sizeof(buf)), 0);
	assert_true(starts_with_map(buf) && strlen(buf) == sizeof(buf) - 1);
	assert_string_equal(buf + strlen(buf) - 3, "...");
	assert_true(p.reads < 1000);

	put_type(&p, 0, 25, 0, 0, 0); /* a struct */
	assert_int_equal(live_name(&p, 0, buf, sizeof(buf)), -ENOENT);
	assert_string_equal(buf, "");
	assert_int_equal(live_name(&p, 4096, buf, sizeof(buf)), -EFAULT);
	assert_int_equal(live_name(&p, 0, buf, 0), -EINVAL);
}

/* The text of a fatal error, which is not read in the process: any string of the program's. */
static void test_strings(void **state)
{
	static const char want[] = "concurrent map writes";
	struct go_binary *bin = fixture_open("1.23-stripped");
	const struct elf_section *rodata = elf_file_section(go_binary_elf(bin), ".rodata");
	uint8_t *data, *at;
	uint64_t addr;
	char buf[64];

	(void)state;
	data = malloc(rodata->size);
	assert_int_equal(elf_file_read(go_binary_elf(bin), rodata->addr, data, rodata->size), 0);
	at = memmem(data, rodata->size, want, strlen(want));
	assert_non_null(at);
	addr = rodata->addr + (uint64_t)(at - data);
	free(data);
	assert_int_equal(go_binary_string(bin, addr, 21, buf, sizeof(buf)), 0);
	assert_string_equal(buf, want);
	assert_int_equal(go_binary_string(bin, addr, 21, buf, 11), 0);
	assert_string_equal(buf, "concurrent");
	assert_int_equal(go_binary_string(bin, addr, 0, buf, sizeof(buf)), 0);
	assert_string_equal(buf, "");
	assert_int_equal(go_binary_string(bin, 0, 21, buf, sizeof(buf)), -EFAULT);
	assert_string_equal(buf, "");
	assert_int_equal(go_binary_string(bin, addr, 21, buf, 0), -EINVAL);
	go_binary_close(bin);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_declared_types), cmocka_unit_test(test_little_room),
		cmocka_unit_test(test_not_a_type),     cmocka_unit_test(test_every_address),
		cmocka_unit_test(test_made_types),     cmocka_unit_test(test_strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
