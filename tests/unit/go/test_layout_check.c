/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A version's text against the runtime that the program has; programs whose build info is gone. */
#include "fixture.h"

#include <errno.h>
#include <stdbool.h>

#include "base/bits.h"
#include "go/buildinfo.h"
#include "go/layout_check.h"
#include "go/moduledata.h"
#include "go/runtime_version.h"
#include "memfile.h"

static const char *const live[] = {"live-1.19",		"live-1.21",	"live-1.22",
				   "live-1.23",		"live-1.24",	"live-1.24-noswiss",
				   "live-1.25-noswiss", "live-1.25",	"live-1.26",
				   "live-1.27",		"live-1.27-pie"};
#define N_LIVE (sizeof(live) / sizeof(live[0]))

struct copy {
	uint8_t *data;
	size_t size;
};

static struct copy copy_of(const char *name)
{
	struct copy c;

	c.data = fixture_read(name, &c.size);
	return c;
}

/* Everywhere: in the build info, and where the runtime has it. How often. */
static int replace(struct copy *c, const char *old, const char *new)
{
	size_t len = strlen(old);
	uint8_t *at = c->data, *end = c->data + c->size;
	int n = 0;

	assert_int_equal(strlen(new), len);
	while ((at = memmem(at, (size_t)(end - at), old, len)) != NULL) {
		memcpy(at, new, len);
		at += len;
		n++;
	}
	return n;
}

static void take_build_info_out(struct copy *c)
{
	assert_true(replace(c, "\xff Go buildinf:", "\xff no buildinf:") > 0);
}

static int open_copy(const struct copy *c, struct go_binary **bin, struct err *err)
{
	struct memfile m = memfile_make(c->data, c->size);
	int code = go_binary_open(bin, m.path, err);

	memfile_close(&m);
	return code;
}

static void expect_refusal(const struct copy *c, int code, const char *word)
{
	struct err err = {.text = ""};
	struct go_binary *bin;

	assert_int_equal(open_copy(c, &bin, &err), code);
	if (!strstr(err.text, word) || strchr(err.text, '\n'))
		fail_msg("\"%s\" should say \"%s\"", err.text, word);
	assert_true(err.hint[0]);
}

static void expect_version(const struct copy *c, const char *version, bool swiss)
{
	struct err err = {.text = ""};
	struct go_binary *bin;

	if (open_copy(c, &bin, &err))
		fail_msg("%s: %s", version, err.text);
	assert_string_equal(go_binary_version(bin), version);
	assert_int_equal(go_binary_layout(bin)->minor, buildinfo_minor(version));
	assert_int_equal(go_binary_layout(bin)->map_impl == GO_MAP_SWISS, swiss);
	go_binary_close(bin);
}

/* What is read of a fixture, for those who ask it themselves. */
struct opened {
	struct elf_file *elf;
	struct pclntab tab;
	struct moduledata md;
	const struct go_layout *layout;
	char version[RUNTIME_VERSION_MAX];
};

static struct opened open_parts(const char *name)
{
	struct err err = {.text = ""};
	struct pclntab_header h;
	struct opened o;
	struct go_binary *bin;
	uint64_t vaddr;
	uint8_t *data;

	assert_int_equal(go_binary_open(&bin, fixture_path(name), &err), 0);
	o.layout = go_binary_layout(bin);
	snprintf(o.version, sizeof(o.version), "%s", go_binary_version(bin));
	go_binary_close(bin);
	assert_int_equal(elf_file_open(&o.elf, fixture_path(name), &err), 0);
	assert_int_equal(moduledata_find_pclntab(o.elf, &vaddr, &h), 0);
	assert_int_equal(moduledata_read(&o.md, o.elf, o.layout, vaddr, &h, &err), 0);
	data = malloc(o.md.pclntab_size + 1);
	assert_non_null(data);
	assert_int_equal(elf_file_read(o.elf, vaddr, data, o.md.pclntab_size), 0);
	assert_int_equal(pclntab_init(&o.tab, data, o.md.pclntab_size, o.md.text), 0);
	return o;
}

static void close_parts(struct opened *o)
{
	pclntab_free(&o->tab);
	elf_file_close(o->elf);
}

static void check_agreement(const char *name)
{
	char version[RUNTIME_VERSION_MAX], why[256] = "";
	struct opened o = open_parts(name);
	int code = layout_check(o.layout, &o.tab, &o.md, o.elf, why, sizeof(why));

	if (code)
		fail_msg("%s: %d %s", name, code, why);
	assert_int_equal(runtime_version_find(&o.tab, o.elf, version), 0);
	assert_string_equal(version, o.version);
	close_parts(&o);
}

/* Every way of building: the functions agree, the types are found, the runtime knows its version. */
static void test_true_ones_agree(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_FIXTURE_VERSIONS; i++)
		check_agreement(fixture_name(fixture_versions[i]));
	for (size_t i = 0; i < N_FIXTURE_VARIANTS; i++)
		check_agreement(fixture_name(fixture_variants[i]));
	check_agreement("prog-1.24-pgo");
	check_agreement("prog-1.27-pgo");
	for (size_t i = 0; i < N_LIVE; i++)
		check_agreement(live[i]);
}

/* "go1.24.4" of prog-1.24, whatever it is. */
static const char *version_of(const char *name, char version[RUNTIME_VERSION_MAX])
{
	struct opened o = open_parts(name);

	snprintf(version, RUNTIME_VERSION_MAX, "%s", o.version);
	close_parts(&o);
	return version;
}

/* Each of the other versions, told everywhere in the file. */
static void test_every_other_version_is_refused(void **state)
{
	char version[RUNTIME_VERSION_MAX], claim[RUNTIME_VERSION_MAX];

	(void)state;
	for (size_t i = 0; i < N_FIXTURE_VERSIONS; i++) {
		const char *name = fixture_name(fixture_versions[i]);

		version_of(name, version);
		for (size_t k = 0; k < N_FIXTURE_VERSIONS; k++) {
			struct copy c = copy_of(name);
			struct err err = {.text = ""};
			struct go_binary *bin;

			snprintf(claim, sizeof(claim), "%s", version);
			memcpy(claim + 4, fixture_versions[k] + 2, 2);
			assert_true(replace(&c, version, claim) >= 2);
			if (i == k) {
				expect_version(&c, claim, atoi(claim + 4) >= 24);
			} else if (open_copy(&c, &bin, &err) != -EBADMSG) {
				fail_msg("%s taken for %s", version, claim);
			}
			free(c.data);
		}
	}
}

/* As it happened: a program of Go 1.23 that said it was one of Go 1.24. */
static void test_the_reason_is_told(void **state)
{
	struct copy c = copy_of("prog-1.23-stripped");
	char version[RUNTIME_VERSION_MAX], claim[RUNTIME_VERSION_MAX];

	(void)state;
	version_of("prog-1.23-stripped", version);
	snprintf(claim, sizeof(claim), "%s", version);
	memcpy(claim + 4, "24", 2);
	replace(&c, version, claim);
	expect_refusal(&c, -EBADMSG,
		       "but it has runtime.hashGrow, which Go 1.24 with Swiss maps does not have");
	free(c.data);
}

/* The design of the maps: what the text says of it is taken out, or put in. */
static void test_design_of_maps(void **state)
{
	struct copy c = copy_of("prog-1.24-noswiss-stripped");

	(void)state;
	expect_version(&c, "go1.24.4 X:noswissmap", false);
	replace(&c, "X:noswissmap", "X:nolessmaps");
	replace(&c, "GOEXPERIMENT=noswissmap", "GOEXPERIMENT=nolessmaps");
	expect_refusal(&c, -EBADMSG, "which Go 1.24 with Swiss maps does not have");
	free(c.data);
	c = copy_of("live-1.25-noswiss");
	replace(&c, "X:noswissmap", "X:nolessmaps");
	replace(&c, "GOEXPERIMENT=noswissmap", "GOEXPERIMENT=nolessmaps");
	expect_refusal(&c, -EBADMSG, "which Go 1.25 with Swiss maps does not have");
	free(c.data);
	c = copy_of("prog-1.24-stripped"); /* Swiss maps that are said to be classic */
	replace(&c, "build\tCGO_ENABLED=0\nbuild\tGOARCH", "build\tGOEXPERIMENT=noswissmap\nb\t");
	expect_refusal(&c, -EBADMSG, "which Go 1.24 with classic maps does not have");
	free(c.data);
}

/* Development versions: the text names the release that it is to become. */
static void test_development_versions(void **state)
{
	static const char told[] = "go1.24.4 X:noswissmap";
	struct copy c = copy_of("prog-1.24-noswiss-stripped");

	(void)state;
	assert_true(replace(&c, told, "devel go1.24-1a2b3c4d") >= 2);
	expect_version(&c, "devel go1.24-1a2b3c4d", false);
	/* without the types nothing tells that it has this release's layout */
	assert_true(replace(&c, "*runtime.g", "*runtime.?") > 0);
	expect_refusal(&c, -EBADMSG, "nothing in it confirms");
	assert_true(replace(&c, "devel go1.24-1a2b3c4d", told) >= 2);
	expect_version(&c, told, false);
	free(c.data);
	c = copy_of("prog-1.24-noswiss-stripped");
	assert_true(replace(&c, told, "devel go1.25-1a2b3c4d") >= 2);
	expect_refusal(&c, -EBADMSG, ", which Go 1.25 does not have");
	free(c.data);
	c = copy_of("prog-1.24-noswiss-stripped");
	assert_true(replace(&c, told, "devel go1.28-1a2b3c4d") >= 2);
	expect_refusal(&c, -ENOTSUP, "outside what maprace knows");
	free(c.data);
}

/* A field of type g is elsewhere: another runtime that calls itself Go 1.24. */
static void test_another_layout(void **state)
{
	struct copy c = copy_of("prog-1.24-stripped");

	(void)state;
	/* names: length and text, behind a byte of flags */
	assert_true(replace(&c, "\4goid", "\4gold") > 0);
	expect_refusal(&c, -EBADMSG, "its type runtime.g has no field goid");
	free(c.data);
	c = copy_of("prog-1.24-stripped");
	assert_true(replace(&c, "\6labels", "\6lapels") > 0);
	expect_refusal(&c, -EBADMSG, "its type runtime.g has no field labels");
	free(c.data);
	c = copy_of("prog-1.24-stripped");
	assert_true(replace(&c, "\7writing", "\7written") > 0);
	expect_refusal(&c, -EBADMSG, "its type maps.Map has no field writing");
	free(c.data);
}

static void check_found(const char *name)
{
	struct copy c = copy_of(name);
	char version[RUNTIME_VERSION_MAX];
	bool swiss = atoi(strchr(name, '.') + 1) >= 24 && !strstr(name, "noswiss");

	version_of(name, version);
	take_build_info_out(&c);
	expect_version(&c, version, swiss);
	free(c.data);
}

/* As esbuild is shipped since 0.27: the section and its contents are gone. */
static void test_without_build_info(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_FIXTURE_VERSIONS; i++)
		check_found(fixture_name(fixture_versions[i]));
	for (size_t i = 0; i < N_FIXTURE_VARIANTS; i++)
		check_found(fixture_name(fixture_variants[i]));
	for (size_t i = 0; i < N_LIVE; i++)
		check_found(live[i]);
}

static void test_two_texts(void **state)
{
	static const char magic[] = "\xff Go buildinf:";
	struct copy c = copy_of("prog-1.24-stripped");
	uint8_t *at = c.data;

	(void)state;
	/* the build info alone; the runtime has the magic as a constant too, not aligned */
	do {
		at = memmem(at, c.size - (size_t)(at - c.data), magic, sizeof(magic) - 1);
		assert_non_null(at);
	} while ((at - c.data) % 16 != 0 && at++);
	assert_memory_equal(at + 33, "go1.24", 6);
	at[38] = '5';
	expect_refusal(&c, -EBADMSG, "the build info of go1.25.4 and the runtime of go1.24.4");
	free(c.data);
}

/* Where schedinit compares the length of runtime.buildVersion: cmpq $0, len(%rip). */
static uint8_t *find_comparison(struct copy *c, const struct opened *o, uint64_t *variable)
{
	static const char *const name = "runtime.schedinit";
	char text[16] = "";
	struct go_func f;
	uint64_t i, offset, at, len;

	assert_int_equal(pclntab_find_funcs(&o->tab, &name, 1, &f), 0);
	assert_non_null(f.name);
	assert_int_equal(elf_file_offset(o->elf, f.entry, &offset), 0);
	for (i = 0; i + 8 < f.end - f.entry; i++) {
		uint8_t *p = c->data + offset + i;

		if (memcmp(p, "\x48\x83\x3d", 3) != 0)
			continue;
		*variable = f.entry + i + 8 + (uint64_t)(int64_t)(int32_t)get_le32(p + 3) - 8;
		if (elf_file_read_u64(o->elf, *variable, &at) ||
		    elf_file_read_u64(o->elf, *variable + 8, &len) || len < 4 || len > 12 ||
		    elf_file_read(o->elf, at, text, len) || strncmp(text, "go1.", 4) != 0)
			continue;
		return p;
	}
	fail_msg("no comparison");
	return NULL;
}

static void put_u64(uint8_t *at, uint64_t value)
{
	for (int i = 0; i < 8; i++)
		at[i] = (uint8_t)(value >> (8 * i));
}

static void test_runtime_that_contradicts_itself(void **state)
{
	struct opened o = open_parts("prog-1.24-stripped");
	struct copy c = copy_of("prog-1.24-stripped");
	uint64_t variable, offset, text;
	uint8_t *code = find_comparison(&c, &o, &variable);

	(void)state;
	take_build_info_out(&c);
	assert_int_equal(elf_file_offset(o.elf, variable, &offset), 0);
	text = get_le64(c.data + offset);
	/* another string, "go1.24", in the next variable but one, and a reference to it */
	put_u64(c.data + offset + 32, text);
	put_u64(c.data + offset + 40, 6);
	/* from the end of the comparison the length is get_le32(code + 3) away */
	for (int i = 0; i < 4; i++)
		code[11 + i] = (uint8_t)((get_le32(code + 3) - 8 + 32 - 7) >> (8 * i));
	expect_refusal(&c, -ENOTSUP, "its runtime refers to more than one version");
	/* and none at all */
	put_u64(c.data + offset + 8, 0);
	put_u64(c.data + offset + 40, 0);
	expect_refusal(&c, -ENOTSUP, "its runtime's version is not where it is looked for");
	/* one that says nothing, one that cannot be printed, one outside the table */
	put_u64(c.data + offset + 8, 8);
	replace(&c, "go1.24.4", "unknown!");
	expect_refusal(&c, -ENOTSUP, "its runtime's version is not where it is looked for");
	replace(&c, "unknown!", "go1.24\n4");
	expect_refusal(&c, -ENOTSUP, "its runtime's version is not where it is looked for");
	replace(&c, "go1.24\n4", "go1.20.4");
	expect_refusal(&c, -ENOTSUP, "was built with go1.20.4, which is outside");
	free(c.data);
	close_parts(&o);
}

/* Damage must not end in more than a refusal; the sanitizers watch. */
static void test_damage(void **state)
{
	struct opened o = open_parts("prog-1.24-stripped");
	uint64_t offset, size = o.md.etypes - o.md.types;
	unsigned int seed = 1;

	(void)state;
	assert_int_equal(elf_file_offset(o.elf, o.md.types, &offset), 0);
	for (int round = 0; round < 40; round++) {
		struct copy c = copy_of("prog-1.24-stripped");
		struct err err = {.text = ""};
		struct go_binary *bin = NULL;
		struct memfile m;

		for (int i = 0; i < 2000; i++) {
			seed = seed * 1664525u + 1013904223u;
			c.data[offset + seed % size] = (uint8_t)(seed >> 24);
		}
		m = memfile_make(c.data, c.size);
		if (go_binary_open(&bin, m.path, &err))
			assert_true(err.text[0]);
		else
			go_binary_close(bin);
		memfile_close(&m);
		free(c.data);
	}
	close_parts(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_true_ones_agree),
		cmocka_unit_test(test_every_other_version_is_refused),
		cmocka_unit_test(test_the_reason_is_told),
		cmocka_unit_test(test_design_of_maps),
		cmocka_unit_test(test_development_versions),
		cmocka_unit_test(test_another_layout),
		cmocka_unit_test(test_without_build_info),
		cmocka_unit_test(test_two_texts),
		cmocka_unit_test(test_runtime_that_contradicts_itself),
		cmocka_unit_test(test_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
