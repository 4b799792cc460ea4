/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The input is a file: each object of BPF code in it is read and analysed. With a first byte that
 * is no ELF file's, the rest are instructions, as a kernel would give them.
 */
#include <bpf/libbpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "detect/audit/audit.h"
#include "detect/audit/flow.h"
#include "detect/audit/loaded.h"
#include "report/printers.h"

static int silent(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
	return 0;
}

static void as_file(const uint8_t *data, size_t size)
{
	struct audit *audit = audit_new();
	struct report report = {};
	struct err err = {};
	char *text = NULL;
	size_t len = 0;
	FILE *out;

	if (!audit)
		return;
	if (audit_bytes(audit, "input", data, size, &err) && !err.text[0])
		abort(); /* every refusal says why */
	if (audit_finish(audit, &report))
		abort();
	report.version = strdup("");
	report.kernel = strdup("");
	report.arch = strdup("");
	out = open_memstream(&text, &len);
	if (out) {
		text_print_report(out, &report, &(struct print_options){});
		fclose(out);
	}
	free(text);
	report_free(&report);
	audit_free(audit);
}

/* One map, which instructions may refer to as 1; the last bytes say where functions begin. */
static void as_instructions(const uint8_t *data, size_t size)
{
	struct audit_unit unit = {.n = (uint32_t)(size / sizeof(struct bpf_insn))};
	uint32_t functions[4] = {0, 0, 0, 0}, map_ids[] = {1, 2, 0, 0};
	struct audit_flow flow;
	struct audit_loaded l = {
		.functions = (const uint8_t *)functions,
		.nfunctions = unit.n > 16 ? 2 : 0,
		.function_size = 8,
		.map_ids = map_ids,
	};

	if (!unit.n)
		return;
	functions[2] = data[size - 1] % unit.n;
	unit.insns = calloc(unit.n + 1, sizeof(*unit.insns));
	memcpy(unit.insns, data, unit.n * sizeof(*unit.insns));
	if (audit_unit_add_map(&unit, strdup("one")) && audit_unit_add_map(&unit, strdup("two"))) {
		unit.maps[0].type = BPF_MAP_TYPE_HASH;
		unit.maps[0].key_size = 4;
		unit.maps[0].value_size = 64;
		unit.maps[1].type = BPF_MAP_TYPE_ARRAY_OF_MAPS;
		if (!audit_loaded_resolve(&unit, &l, NULL, BPF_PROG_TYPE_XDP) &&
		    !audit_flow_init(&flow, &unit)) {
			audit_flow_run(&flow, 0);
			audit_flow_free(&flow);
		}
	}
	audit_unit_free(&unit);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	libbpf_set_print(silent);
	if (size && data[0] != 0x7f)
		as_instructions(data + 1, size - 1);
	else
		as_file(data, size);
	return 0;
}
