/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "detect/audit/audit.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "detect/audit/findings.h"
#include "detect/audit/live.h"
#include "detect/audit/loaded.h"
#include "detect/audit/object.h"

#define MAX_OBJECTS 1000 /* of a file */
#define MAX_PROGRAMS 65536

struct audit {
	struct audit_findings findings;
	struct audit_symbols symbols;
	bool symbols_read, unnamed_calls, no_lines;
	int symbols_error;
};

struct audit *audit_new(void)
{
	struct audit *audit = calloc(1, sizeof(*audit));

	if (audit)
		audit->findings.steps = AUDIT_STEPS;
	return audit;
}

void audit_free(struct audit *audit)
{
	if (!audit)
		return;
	audit_findings_free(&audit->findings);
	audit_symbols_free(&audit->symbols);
	free(audit);
}

/* --- units --- */

static int analyse(struct audit *audit, const struct audit_unit *unit)
{
	struct audit_flow flow;
	uint32_t i;
	int r = audit_flow_init(&flow, unit);

	for (i = 0; !r && i < unit->nfunctions; i++) {
		if (!unit->functions[i].entry)
			continue;
		r = audit_flow_run(&flow, i);
		if (!r)
			r = audit_findings_add(&audit->findings, &flow, i);
	}
	audit_flow_free(&flow);
	audit->unnamed_calls |= unit->unnamed_calls;
	audit->no_lines |= !unit->nlines;
	return r;
}

int audit_bytes(struct audit *audit, const char *name, const uint8_t *data, size_t size,
		struct err *err)
{
	struct audit_unit unit;
	struct err why;
	size_t at = 0, n = 0;
	int r = 0;

	for (; !r && n < MAX_OBJECTS && audit_file_next(data, size, &at); at++, n++) {
		why = (struct err){};
		r = audit_object_read(&unit, name, data + at, size - at, &why);
		if (!r)
			r = analyse(audit, &unit);
		else if (r == -ENOEXEC)
			r = audit_findings_skip(&audit->findings, &unit, why.text);
		audit_unit_free(&unit);
	}
	if (!r && !n) {
		err_hint(err, "give a file that clang -target bpf made, or a program that holds "
			      "such files (skeletons)");
		return err_set(err, -ENOEXEC, "there is no object of BPF code in %s", name);
	}
	return r;
}

int audit_file(struct audit *audit, const char *path, struct err *err)
{
	uint8_t *data;
	size_t size;
	int r = audit_file_read(path, &data, &size, err);

	if (!r)
		r = audit_bytes(audit, path, data, size, err);
	free(data);
	return r;
}

/* --- programs of this kernel --- */

static void read_symbols(struct audit *audit)
{
	if (audit->symbols_read)
		return;
	audit->symbols_read = true;
	audit->symbols_error = audit_symbols_read(&audit->symbols);
}

static int one_loaded(struct audit *audit, uint32_t id)
{
	struct audit_unit unit;
	struct err why = {};
	int r = audit_loaded_read(&unit, id, &audit->symbols, &why);

	if (!r)
		r = analyse(audit, &unit);
	else if (r == -ENOENT)
		r = 0; /* gone meanwhile */
	else if (r != -ENOMEM)
		r = audit_findings_skip(&audit->findings, &unit, why.text);
	audit_unit_free(&unit);
	return r;
}

static bool has_name(uint32_t id, const char *name)
{
	struct bpf_prog_info info = {};
	uint32_t size = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(id), r;

	if (fd < 0)
		return false;
	r = bpf_prog_get_info_by_fd(fd, &info, &size);
	close(fd);
	/* the kernel keeps 15 characters of a name */
	return !r && info.name[0] && !strncmp(info.name, name, 15);
}

static int none(const char *program, int error, struct err *err)
{
	if (error == -EPERM) {
		err_hint(err, "run as root, or with CAP_SYS_ADMIN; --object FILE needs neither");
		return err_set(err, error, "cannot see the BPF programs of this kernel");
	}
	err_hint(err, "bpftool prog list shows the programs there are");
	return err_set(err, -ENOENT, "there is no BPF program %s", program);
}

static int by_id(struct audit *audit, uint32_t id, const char *program, struct err *err)
{
	int fd = bpf_prog_get_fd_by_id(id);

	if (fd < 0)
		return none(program, fd, err);
	close(fd);
	return one_loaded(audit, id);
}

int audit_loaded(struct audit *audit, const char *program, struct err *err)
{
	uint32_t id = 0, found = 0, seen = 0;
	char *end = NULL;
	unsigned long number = program ? strtoul(program, &end, 10) : 0;
	int r = 0, error;

	read_symbols(audit);
	if (program && *program >= '0' && *program <= '9' && !*end && number <= UINT32_MAX)
		return by_id(audit, (uint32_t)number, program, err);
	for (; !(error = bpf_prog_get_next_id(id, &id)) && !r && seen < MAX_PROGRAMS; seen++) {
		if (program && !has_name(id, program))
			continue;
		r = one_loaded(audit, id);
		found++;
	}
	if (!r && error == -EPERM)
		return none(program, error, err);
	return !r && program && !found ? none(program, -ENOENT, err) : r;
}

/* --- the end --- */

static int caveat(struct report *report, const char *code, bool blind, const char *text)
{
	return report_caveat_say(&report->stats, code, 0, blind, "%s", text);
}

int audit_finish(struct audit *audit, struct report *report)
{
	int r = audit_findings_give(&audit->findings, report);

	if (!r && !report->naudited)
		r = caveat(report, "nothing-read", true,
			   "nothing was read: there is no BPF program");
	if (!r && audit->unnamed_calls)
		r = caveat(
			report, "no-call-names", false,
			"the kernel does not show which of its functions programs call, so that look-ups "
			"in hashes are not seen: needs CAP_SYSLOG, and kernel.kptr_restrict below 2");
	else if (!r && audit->symbols_read && audit->symbols_error)
		r = caveat(
			report, "no-call-names", false,
			"/proc/kallsyms does not show the kernel's functions, so that look-ups in hashes "
			"are not seen: needs CAP_SYSLOG, and kernel.kptr_restrict below 2");
	if (!r && audit->no_lines)
		r = caveat(report, "no-lines", false,
			   "some programs have no line information: instructions are given instead "
			   "(compile with -g)");
	return r;
}

int audit_live(struct audit *audit, struct report *report, uint64_t ns,
	       const volatile sig_atomic_t *stop)
{
	return audit_live_watch(report, &audit->symbols, ns, stop);
}
