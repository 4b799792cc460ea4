/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What is found in tests/e2e/bpf/audit_cases.bpf.c, compiled in several ways: the name of each
 * program is the verdict, and a mark in the source the line.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "detect/audit/audit.h"
#include "detect/audit/field.h"
#include "detect/audit/flow.h"
#include "detect/audit/object.h"
#include "detect/audit/symbols.h"
#include "report/json/json_read.h"
#include "report/printers.h"
#include "schema_check.h"

static const char *const cpus[] = {"v1", "v2", "v3"}, *const levels[] = {"1", "2", "3", "s"};
#define N_CPUS (sizeof(cpus) / sizeof(cpus[0]))
#define N_LEVELS (sizeof(levels) / sizeof(levels[0]))

static char directory[] = "/tmp/maprace-audit-XXXXXX";

static const char *top(void)
{
	const char *dir = getenv("MAPRACE_TOP");

	return dir ? dir : ".";
}

static const char *object_path(size_t cpu, size_t level)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s-O%s.o", directory, cpus[cpu], levels[level]);
	return path;
}

static int compile(void **state)
{
	char command[2048];
	size_t i, k;

	(void)state;
	if (!mkdtemp(directory))
		return -1;
	for (i = 0; i < N_CPUS; i++)
		for (k = 0; k < N_LEVELS; k++) {
			snprintf(
				command, sizeof(command),
				"clang -target bpf -mcpu=%s -O%s -g -std=gnu17 -Wno-unused-function "
				"-isystem %s/build/libbpf/include -idirafter "
				"/usr/include/$(uname -m)-linux-gnu "
				"-c %s/tests/e2e/bpf/audit_cases.bpf.c -o %s",
				cpus[i], levels[k], top(), top(), object_path(i, k));
			if (system(command) != 0) /* NOLINT(cert-env33-c) */
				return -1;
		}
	return 0;
}

static int cleanup(void **state)
{
	size_t i, k;

	(void)state;
	for (i = 0; i < N_CPUS; i++)
		for (k = 0; k < N_LEVELS; k++)
			unlink(object_path(i, k));
	return rmdir(directory);
}

/* The line of the n-th mark "@name" in the source; 0: no such. */
static uint32_t marked_line(const char *name, int n)
{
	char path[512], line[512], mark[128];
	uint32_t number = 0, found = 0;
	size_t len;
	char *at;
	FILE *file;

	snprintf(path, sizeof(path), "%s/tests/e2e/bpf/audit_cases.bpf.c", top());
	snprintf(mark, sizeof(mark), "@%s", name);
	len = strlen(mark);
	file = fopen(path, "re");
	assert_non_null(file);
	while (!found && fgets(line, sizeof(line), file)) {
		number++;
		for (at = line; (at = strstr(at, mark)); at += len)
			if ((at[len] == ' ' || at[len] == '\n') && !n--)
				found = number;
	}
	fclose(file);
	return found;
}

static const char *kind_word(enum audit_kind kind)
{
	static const char *const words[] = {[AUDIT_READ_MODIFY_WRITE] = "rmw",
					    [AUDIT_LOOKUP_UPDATE] = "update",
					    [AUDIT_LOOKUP_INSERT] = "insert",
					    [AUDIT_CHECK_THEN_ACT] = "check",
					    [AUDIT_PARTIAL_UPDATE] = "partial"};

	return words[kind];
}

static void check_racy(const struct audit_flow *flow, const char *name, const char *how)
{
	const char *what = strchr(name + 5, '_') + 1;
	const struct audit_hit *h = &flow->hits[0];
	const struct audit_line *line;
	size_t len = (size_t)(what - 1 - (name + 5));

	if (flow->nhits != 1)
		fail_msg("%s, %s: %zu findings", name, how, flow->nhits);
	if (strncmp(kind_word(h->kind), name + 5, len) != 0)
		fail_msg("%s, %s: found as %s", name, how, kind_word(h->kind));
	line = audit_unit_line(flow->unit, h->write);
	if (!line || (line->line != marked_line(what, 0) && line->line != marked_line(what, 1)))
		fail_msg("%s, %s: on line %u", name, how, line ? line->line : 0);
	line = audit_unit_line(flow->unit, h->read);
	assert_non_null(line);
	assert_non_null(strstr(line->file, "audit_cases.bpf.c"));
}

static uint8_t *read_object(const char *path, size_t *size)
{
	struct err err = {};
	uint8_t *data;

	assert_int_equal(audit_file_read(path, &data, size, &err), 0);
	return data;
}

static void check_unit(const struct audit_unit *unit, const char *how, size_t *racy, size_t *safe)
{
	struct audit_flow flow;
	uint32_t i;

	assert_int_equal(audit_flow_init(&flow, unit), 0);
	for (i = 0; i < unit->nfunctions; i++) {
		const char *name = unit->functions[i].name;

		if (!unit->functions[i].entry)
			continue;
		assert_int_equal(audit_flow_run(&flow, i), 0);
		assert_int_equal(flow.counters[AUDIT_UNKNOWN_INSNS], 0);
		assert_int_equal(flow.counters[AUDIT_UNKNOWN_CALLS], 0);
		assert_int_equal(flow.counters[AUDIT_UNFINISHED], 0);
		if (!strncmp(name, "racy_", 5)) {
			check_racy(&flow, name, how);
			++*racy;
		} else if (flow.nhits) {
			fail_msg("%s, %s: %zu findings", name, how, flow.nhits);
		} else {
			++*safe;
		}
	}
	audit_flow_free(&flow);
}

static void verdicts(void **state)
{
	size_t i, k, size, racy = 0, safe = 0;
	struct audit_unit unit;
	struct err err = {};
	uint8_t *data;

	(void)state;
	for (i = 0; i < N_CPUS; i++)
		for (k = 0; k < N_LEVELS; k++) {
			data = read_object(object_path(i, k), &size);
			assert_int_equal(
				audit_object_read(&unit, object_path(i, k), data, size, &err), 0);
			check_unit(&unit, object_path(i, k), &racy, &safe);
			audit_unit_free(&unit);
			free(data);
		}
	print_message("%zu racy programs found, %zu safe ones silent\n", racy, safe);
	assert_true(racy >= 36 * N_CPUS * N_LEVELS);
	assert_true(safe >= 26 * N_CPUS * N_LEVELS);
}

static void fill(struct report *report)
{
	struct audit *audit = audit_new();
	struct err err = {};

	memset(report, 0, sizeof(*report));
	report->version = strdup("test");
	report->kernel = strdup("6.1");
	report->arch = strdup("x86_64");
	assert_int_equal(audit_file(audit, object_path(1, 1), &err), 0);
	assert_int_equal(audit_finish(audit, report), 0);
	audit_free(audit);
}

static const struct report_race *find_race(const struct report *report, const char *program)
{
	size_t i;

	for (i = 0; i < report->nsuspects; i++)
		if (!strcmp(report->suspects[i].bpf->actor[0].prog_name, program))
			return &report->suspects[i];
	fail_msg("%s is not in the report", program);
	return NULL;
}

static void fields(void **state)
{
	static const struct {
		const char *program, *field;
	} expected[] = {
		{"racy_rmw_increment", "count"},
		{"racy_rmw_nested", "in[2].b"},
		{"racy_rmw_slot", "slots[?]"},
		{"racy_rmw_global", "total"},
		{"racy_rmw_global_field", "everything.in[1].a"},
		{"racy_rmw_scalar_value", "the value"},
		{"racy_rmw_inner", "count"},
		{"racy_check_newer", "last"},
		{"racy_update_written_back", "count"},
		{"racy_insert_absent", ""},
	};
	struct report report;
	size_t i;

	(void)state;
	fill(&report);
	assert_int_equal(report.nraces, 0);
	for (i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		assert_string_equal(find_race(&report, expected[i].program)->bpf->audit->field,
				    expected[i].field);
	assert_int_equal(find_race(&report, "racy_rmw_increment")->bpf->audit->severity,
			 REPORT_HIGH);
	assert_int_equal(find_race(&report, "racy_check_constant")->bpf->audit->severity,
			 REPORT_LOW);
	report_free(&report);
}

static char *print_json(const struct report *report, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);

	assert_int_equal(json_print_report(out, report, NULL), 0);
	fclose(out);
	return text;
}

/* Only what every run does: a store to global data that no branch and no look-up comes before. */
static void each_run(void **state)
{
	struct report report;

	(void)state;
	fill(&report);
	assert_true(find_race(&report, "racy_rmw_global")->bpf->audit->each_run);
	assert_true(find_race(&report, "racy_rmw_static_volatile")->bpf->audit->each_run);
	assert_false(find_race(&report, "racy_check_global")->bpf->audit->each_run);
	assert_false(find_race(&report, "racy_rmw_global_returned")->bpf->audit->each_run);
	assert_false(find_race(&report, "racy_rmw_add")->bpf->audit->each_run);
	report_free(&report);
}

/* As if somebody had looked; seen: the kernel had let him. */
static void add_live(struct report_race *race, bool seen)
{
	struct report_live *live = calloc(1, sizeof(*live));

	assert_non_null(live);
	live->seconds = 2.5;
	live->counted = seen;
	live->unseen = strdup(seen ? "" : "the kernel attaches nothing");
	race->bpf->audit->live = live;
	if (!seen)
		return;
	live->runs = 30;
	live->ncpus = 2;
	live->by_cpu = calloc(2, sizeof(*live->by_cpu));
	live->by_cpu[1] = 20;
	live->overlaps = 3;
	live->met = 2;
	live->confirmed = true;
	race->evidence = REPORT_OVERLAP;
}

static char *print_text(const struct report_race *race)
{
	const struct text_style style = {.color = false};
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	text_print_audit(out, race, &style);
	fclose(out);
	return text;
}

/* What is confirmed is said to be, and that it is no proof; what is not, is not. */
static void live_words(void **state)
{
	struct report report;
	char *text;

	(void)state;
	fill(&report);
	add_live(&report.suspects[0], true);
	add_live(&report.suspects[1], false);
	assert_int_equal(report_proves(&report.suspects[0]), REPORT_PROVES_NOTHING);
	text = print_text(&report.suspects[0]);
	assert_non_null(strstr(text, "; overlap confirmed)"));
	assert_non_null(strstr(text, "Live: watched for 2.5s, 30 runs, cpu 1: 20, 3 began while "));
	assert_non_null(strstr(text, "; confirmed\n"));
	free(text);
	text = print_text(&report.suspects[1]);
	assert_null(strstr(text, "overlap confirmed"));
	assert_non_null(strstr(text, "Live: watched for 2.5s; not confirmed; not seen: the kernel "
				     "attaches nothing\n"));
	free(text);
	report_free(&report);
}

/* What is written is as documented, and is read again as it was. */
static void document(void **state)
{
	struct report report, again;
	struct err err = {};
	char *text, *second;
	size_t len, len2;
	json_t *root;

	(void)state;
	fill(&report);
	add_live(&report.suspects[0], true);
	add_live(&report.suspects[1], false);
	text = print_json(&report, &len);
	root = json_loadb(text, len, 0, NULL);
	assert_non_null(root);
	assert_valid(root);
	assert_int_equal(json_read_buffer(text, len, &again, &err), 0);
	second = print_json(&again, &len2);
	assert_string_equal(text, second);
	json_decref(root);
	free(text);
	free(second);
	report_free(&report);
	report_free(&again);
}

/* A file that is cut off, or whose bytes are others, harms nobody. */
static void damaged(void **state)
{
	struct audit *audit;
	struct report report = {};
	struct err err;
	size_t size, i;
	uint8_t *data, *copy;

	(void)state;
	data = read_object(object_path(1, 1), &size);
	for (i = 0; i < 120; i++) {
		size_t n = i < 60 ? size * i / 60 : size, at = 52 + (i * 7919) % (size - 52);

		copy = malloc(n + 1);
		memcpy(copy, data, n);
		if (i >= 60)
			copy[at] ^= (uint8_t)(1 + i);
		audit = audit_new();
		err = (struct err){};
		audit_bytes(audit, "damaged", copy, n, &err);
		assert_int_equal(audit_finish(audit, &report), 0);
		audit_free(audit);
		report_free(&report);
		free(copy);
	}
	free(data);
}

/* --- a large program --- */

#define PIECE 10 /* instructions */

static struct bpf_insn insn(uint8_t code, uint8_t dst, uint8_t src, int16_t off, int32_t imm)
{
	return (struct bpf_insn){
		.code = code, .dst_reg = dst & 15, .src_reg = src & 15, .off = off, .imm = imm};
}

/* r6 points to global data; each piece adds to a field of it or not, by what is in the context. */
static void make_large(struct audit_unit *unit, uint32_t pieces)
{
	struct bpf_insn *p;
	uint32_t i;

	memset(unit, 0, sizeof(*unit));
	unit->n = 3 + pieces * PIECE + 2;
	unit->insns = calloc(unit->n + 1, sizeof(*unit->insns));
	unit->refs = calloc(unit->n + 1, sizeof(*unit->refs));
	unit->functions = calloc(1, sizeof(*unit->functions));
	assert_non_null(audit_unit_add_map(unit, strdup("data")));
	unit->maps[0].type = BPF_MAP_TYPE_ARRAY;
	unit->functions[0] =
		(struct audit_function){.end = unit->n, .name = strdup("large"), .entry = true};
	unit->nfunctions = 1;
	p = unit->insns;
	*p++ = insn(BPF_LD | BPF_IMM | BPF_DW, 6, BPF_PSEUDO_MAP_VALUE, 0, 0);
	*p++ = insn(0, 0, 0, 0, 0);
	unit->refs[0] = (struct audit_ref){.kind = AUDIT_REF_VALUE};
	*p++ = insn(BPF_ALU64 | BPF_MOV, 7, 1, 0, 0);
	for (i = 0; i < pieces; i++) {
		int16_t off = (int16_t)(i % 1000 * 8);

		*p++ = insn(BPF_LDX | BPF_MEM | BPF_DW, 2, 7, off, 0);
		*p++ = insn(BPF_JMP | BPF_JEQ, 2, 0, 4, (int32_t)i);
		*p++ = insn(BPF_LDX | BPF_MEM | BPF_DW, 1, 6, off, 0);
		*p++ = insn(BPF_ALU64 | BPF_ADD, 1, 0, 0, 1);
		*p++ = insn(BPF_STX | BPF_MEM | BPF_DW, 6, 1, off, 0);
		*p++ = insn(BPF_JMP | BPF_JA, 0, 0, 2, 0);
		*p++ = insn(BPF_STX | BPF_MEM | BPF_DW, 10, 2, (int16_t)(-8 - (int)(i % 64) * 8),
			    0);
		*p++ = insn(BPF_JMP | BPF_JGT, 2, 0, 1, 5);
		*p++ = insn(BPF_ALU64 | BPF_MOV, 3, 0, 0, (int32_t)i);
		*p++ = insn(BPF_JMP | BPF_JEQ, 3, 0, i % 100 ? 0 : (int16_t)-PIECE, 7);
	}
	*p++ = insn(BPF_ALU64 | BPF_MOV, 0, 0, 0, 0);
	*p = insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static void large(void **state)
{
	const char *asked = getenv("MAPRACE_AUDIT_PIECES"); /* 100000: a million instructions */
	uint32_t pieces = asked ? (uint32_t)atoi(asked) : 20000;
	struct audit_unit unit;
	struct audit_flow flow;

	(void)state;
	make_large(&unit, pieces);
	assert_int_equal(audit_flow_init(&flow, &unit), 0);
	assert_int_equal(audit_flow_run(&flow, 0), 0);
	assert_int_equal(flow.counters[AUDIT_UNFINISHED], 0);
	assert_int_equal(flow.nhits, AUDIT_MAX_HITS);
	assert_int_equal(flow.nhits + flow.counters[AUDIT_TOO_MANY], pieces);
	print_message("%u instructions: %lu steps, %lu KiB of states\n", unit.n,
		      (unsigned long)flow.steps, (unsigned long)(flow.packed >> 10));
	audit_flow_free(&flow);
	audit_unit_free(&unit);
}

/* A jump into the second half of a wide instruction, which is a jump itself. */
static void misaligned(void **state)
{
	const struct bpf_insn code[] = {
		insn(BPF_JMP | BPF_JEQ, 1, 0, 1, 0),   insn(BPF_LD | BPF_IMM | BPF_DW, 2, 0, 0, 0),
		insn(BPF_JMP | BPF_JEQ, 1, 0, 1, 0),   insn(BPF_ALU64 | BPF_MOV, 0, 0, 0, 0),
		insn(BPF_ALU64 | BPF_MOV, 0, 0, 0, 1), insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	struct audit_function function = {.end = 6, .entry = true};
	struct audit_ref refs[7] = {};
	struct bpf_insn insns[7] = {};
	struct audit_unit unit = {
		.insns = insns, .refs = refs, .n = 6, .functions = &function, .nfunctions = 1};
	struct audit_flow flow;

	(void)state;
	memcpy(insns, code, sizeof(code));
	assert_int_equal(audit_flow_init(&flow, &unit), 0);
	assert_int_equal(audit_flow_run(&flow, 0), 0);
	audit_flow_free(&flow);
}

static void symbols(void **state)
{
	static char text[] = "ffffffff81000000 T _stext\n"
			     "ffffffff81200040 T __bpf_call_base\n"
			     "ffffffff81200100 t __pfx_x\n"
			     "ffffffff81200110 t alias_of_it\n"
			     "ffffffff81200110 T bpf_map_lookup_elem\n"
			     "ffffffff81300000 D data\n"
			     "not a line\n"
			     "ffffffffc0000000 t in_module\t[module]\n";
	static char hidden[] = "0000000000000000 T __bpf_call_base\n";
	struct audit_symbols s;
	FILE *file = fmemopen(text, sizeof(text) - 1, "r");

	(void)state;
	assert_int_equal(audit_symbols_parse(&s, file), 0);
	fclose(file);
	assert_int_equal(s.call_base, 0xffffffff81200040);
	assert_string_equal(audit_symbols_name(&s, 0xffffffff81200110), "bpf_map_lookup_elem");
	assert_string_equal(audit_symbols_name(&s, 0xffffffffc0000000), "in_module");
	assert_null(audit_symbols_name(&s, 0xffffffff81200111));
	assert_null(audit_symbols_name(&s, 0xffffffff81300000));
	audit_symbols_free(&s);
	file = fmemopen(hidden, sizeof(hidden) - 1, "r");
	assert_int_equal(audit_symbols_parse(&s, file), -EACCES);
	fclose(file);
	audit_symbols_free(&s);
}

static void helpers(void **state)
{
	(void)state;
	assert_int_equal(audit_helper_by_id(1), AUDIT_CALL_LOOKUP);
	assert_int_equal(audit_helper_by_id(0), AUDIT_CALL_UNKNOWN);
	assert_int_equal(audit_helper_by_id(100000), AUDIT_CALL_UNKNOWN);
	assert_int_equal(audit_helper_by_id(4), AUDIT_CALL_WRITES); /* bpf_probe_read */
	assert_int_equal(audit_helper_by_name("__htab_map_lookup_elem"), AUDIT_CALL_ELEM);
	assert_int_equal(audit_helper_by_name("htab_lru_map_update_elem"), AUDIT_CALL_UPDATE);
	assert_int_equal(audit_helper_by_name("trie_lookup_elem"), AUDIT_CALL_LOOKUP);
	assert_int_equal(audit_helper_by_name("bpf_probe_read_kernel"), AUDIT_CALL_WRITES);
}

/* Nothing found where nothing was read is no good news. */
static void nothing_read_is_said(void **state)
{
	struct report report = {};
	struct audit *audit = audit_new();

	(void)state;
	assert_int_equal(audit_finish(audit, &report), 0);
	assert_int_equal(report.stats.ncaveats, 1);
	assert_string_equal(report.stats.caveats[0].code, "nothing-read");
	assert_true(report.stats.caveats[0].blind);
	report_free(&report);
	fill(&report);
	assert_int_equal(report.stats.ncaveats, 0);
	report_free(&report);
	audit_free(audit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdicts),
		cmocka_unit_test(fields),
		cmocka_unit_test(document),
		cmocka_unit_test(live_words),
		cmocka_unit_test(each_run),
		cmocka_unit_test(damaged),
		cmocka_unit_test(large),
		cmocka_unit_test(symbols),
		cmocka_unit_test(nothing_read_is_said),
		cmocka_unit_test(helpers),
		cmocka_unit_test(misaligned),
	};

	return cmocka_run_group_tests(tests, compile, cleanup);
}
