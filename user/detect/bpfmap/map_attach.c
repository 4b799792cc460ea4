/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "detect/bpfmap/map_attach.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "detect/bpfmap/functions.h"
#include "detect/bpfmap/hidden.h"
#include "bpfmap.skel.h"
#include "bpfmap_plain.skel.h"
#include "probe/feature.h"

#define MAX_FUNCTIONS 32

struct watched_function {
	bool needed; /* some map that is watched is worked on by it */
	bool wanted;
	const char *why; /* not watched; NULL: it is, or is not needed */
	int error;	 /* beside why, where the kernel has refused */
	struct bpf_link *links[2];
};

struct map_attachment {
	struct map_attach_opts opts;
	struct bpf_object *object;
	struct watched_function functions[MAX_FUNCTIONS];
	int hidden_at;	  /* hidden_counted_at() */
	int hidden_error; /* hidden_find_counters() */
	struct mr_bpf_control *control;
	struct mr_bpf_cpu *cpus;
	struct mr_bpf_row *rows;
	struct mr_bpf_finding *findings;
	struct mr_bpf_chunk *chunks;
};

static struct bpf_map *map_named(const struct map_attachment *a, const char *name)
{
	return bpf_object__find_map_by_name(a->object, name);
}

static struct bpf_program *program_named(const struct map_attachment *a, const char *name)
{
	return name ? bpf_object__find_program_by_name(a->object, name) : NULL;
}

static int configure(struct map_attachment *a)
{
	struct mr_bpf_config config = {
		.text_lo = a->opts.symbols.text.lo,
		.text_hi = a->opts.symbols.text.hi,
		.window_ns = a->opts.window_ns,
		.program_window_ns = a->opts.window_ns / 100,
		.burst_ns = 10000000,
		.own_tgid = a->opts.own_tgid,
		.only_listed = a->opts.nlisted > 0,
		.ppm = a->opts.ppm,
		.hides = a->hidden_at >= 0,
		.misses_offset = a->hidden_at >= 0 ? (uint32_t)a->hidden_at : 0,
	};
	int ncpus = libbpf_num_possible_cpus();
	size_t i;

	if (ncpus > 0 && ncpus <= MR_BPF_CPUS && a->opts.symbols.per_cpu_offset) {
		config.per_cpu_offset = a->opts.symbols.per_cpu_offset;
		config.ncpus = (uint32_t)ncpus;
	}
	for (i = 0; a->opts.nlisted <= MR_BPF_LISTED && i < a->opts.nlisted; i++)
		config.listed[config.nlisted++] = a->opts.listed[i].id;
	for (i = 0; i < MR_BPF_HELPERS; i++) {
		config.helper[i].lo = a->opts.symbols.helper[i].lo;
		config.helper[i].hi = a->opts.symbols.helper[i].hi;
	}
	for (i = 0; i < MR_BPF_FUNCTIONS; i++)
		config.function[i] = a->opts.symbols.function[i];
	return bpf_map__set_initial_value(map_named(a, ".rodata.cfg"), &config, sizeof(config));
}

/* Opens the object with the programs of those functions that are still wanted. */
static int open_object(struct map_attachment *a, bool plain)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "maprace_bpf");
	const void *bytes;
	size_t size, i, k;

	bytes = plain ? bpfmap_plain_bpf__elf_bytes(&size) : bpfmap_bpf__elf_bytes(&size);
	bpf_object__close(a->object);
	a->object = bpf_object__open_mem(bytes, size, &opts);
	if (!a->object)
		return -errno;
	for (i = 0; i < map_functions_n; i++)
		for (k = 0; k < 2; k++) {
			struct bpf_program *p = program_named(a, map_functions[i].programs[k]);

			if (p)
				bpf_program__set_autoload(p, a->functions[i].wanted);
		}
	hidden_wanted(a->object, a->hidden_at >= 0);
	return configure(a);
}

/* 1 << BPF_MAP_TYPE_… of the maps that are watched. */
static uint64_t watched_types(const struct map_attachment *a)
{
	uint64_t types = 0;
	size_t i;

	for (i = 0; i < a->opts.nlisted; i++)
		types |= a->opts.listed[i].type < 64 ? 1ull << a->opts.listed[i].type : ~0ull;
	return a->opts.nlisted ? types : ~0ull;
}

/* The functions that the kernel's type information names. */
static int discover(struct map_attachment *a, struct err *err)
{
	struct btf *btf = btf__load_vmlinux_btf();
	uint64_t types = watched_types(a);
	size_t i, n = 0;

	if (!btf) {
		err_hint(
			err,
			"see maprace doctor: BPF maps need a kernel built with CONFIG_DEBUG_INFO_BTF");
		return err_set(
			err, -ENOENT,
			"cannot watch BPF maps: no type information of the kernel (/sys/kernel/btf/vmlinux)");
	}
	for (i = 0; i < map_functions_n; i++) {
		struct watched_function *f = &a->functions[i];

		f->needed = map_functions[i].types & types;
		if (!f->needed)
			continue;
		f->wanted = btf__find_by_name_kind(btf, map_functions[i].name, BTF_KIND_FUNC) > 0;
		f->why = f->wanted ? NULL : "this kernel has no such function";
		n += f->wanted;
	}
	a->hidden_at = hidden_counted_at(btf);
	btf__free(btf);
	return n ? 0
		 : err_set(err, -ENOENT,
			   "cannot watch BPF maps: none of the functions looked for is in this kernel");
}

/* Loads one function's programs alone. */
static int try_alone(struct map_attachment *a, size_t which, bool plain)
{
	bool wanted[MAX_FUNCTIONS];
	size_t i;
	int r;

	for (i = 0; i < map_functions_n; i++) {
		wanted[i] = a->functions[i].wanted;
		a->functions[i].wanted = i == which;
	}
	r = open_object(a, plain);
	if (!r)
		r = bpf_object__load(a->object);
	for (i = 0; i < map_functions_n; i++)
		a->functions[i].wanted = wanted[i];
	return r;
}

/* One function that the kernel refuses fails all: leave out those that do not load alone. */
static int load_what_loads(struct map_attachment *a, bool plain)
{
	size_t i, n = 0;
	int r, last = -ENOENT;

	for (i = 0; i < map_functions_n; i++) {
		if (!a->functions[i].wanted)
			continue;
		r = try_alone(a, i, plain);
		if (r && !plain && !n && !try_alone(a, i, true)) {
			plain = true; /* all the others then as well */
			r = 0;
		}
		if (r) {
			a->functions[i].wanted = false;
			a->functions[i].why = "the kernel does not load a program for it";
			a->functions[i].error = r;
			last = r;
			if (map_functions[i].needed)
				return r; /* in lockdown none loads: no need to try them all */
		} else {
			n++;
		}
	}
	if (!n)
		return last;
	r = open_object(a, plain);
	return r ? r : bpf_object__load(a->object);
}

static void *share(struct map_attachment *a, const char *name, bool write)
{
	struct bpf_map *map = map_named(a, name);
	size_t size = (size_t)bpf_map__max_entries(map) * ((bpf_map__value_size(map) + 7u) & ~7u);
	long page = sysconf(_SC_PAGESIZE);
	void *p;

	size = (size + (size_t)page - 1) / (size_t)page * (size_t)page;
	p = mmap(NULL, size, write ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED,
		 bpf_map__fd(map), 0);
	return p == MAP_FAILED ? NULL : p;
}

static int share_all(struct map_attachment *a)
{
	a->control = share(a, "control", true);
	a->cpus = share(a, "bcpus", false);
	a->rows = share(a, "rows", true);
	a->findings = share(a, "findings", false);
	a->chunks = share(a, "chunks", true);
	return a->control && a->cpus && a->rows && a->findings && a->chunks ? 0 : -errno;
}

static void row_set(struct map_attachment *a, uint32_t map_id, uint32_t type, uint32_t flags)
{
	struct mr_bpf_row *row = &a->rows[map_id & (MR_BPF_ROWS - 1)];

	memset(row, 0, sizeof(*row));
	row->type = type;
	row->flags = flags;
	__atomic_store_n(&row->id, map_id, __ATOMIC_RELEASE);
}

static void list_maps(struct map_attachment *a)
{
	size_t i;

	for (i = 0; i < a->opts.nlisted; i++)
		row_set(a, a->opts.listed[i].id, a->opts.listed[i].type, 0);
}

/* Our own maps are never watched. */
static int exclude_own(struct map_attachment *a)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, a->object) {
		struct bpf_map_info info = {};
		uint32_t size = sizeof(info);

		if (bpf_map__fd(map) < 0)
			continue;
		if (bpf_map_get_info_by_fd(bpf_map__fd(map), &info, &size))
			return -errno;
		row_set(a, info.id, info.type, MR_BPF_ROW_IGNORE);
	}
	return 0;
}

int map_attachment_refused(struct err *err, int code)
{
	if ((code == -EPERM || code == -ENOMEM) && !feature_have(FEATURE_MEMORY))
		err_hint(err, "%s", feature_ask(FEATURE_MEMORY)->fix);
	err_hint(
		err,
		"maprace doctor says what is missing; the kernel must allow BPF programs on its functions (fentry)");
	return err_set(
		err, code,
		"cannot watch BPF maps: this kernel lets no BPF program be attached to its functions (%s)",
		err_name(code));
}

/* -ENOENT, or why it did not load, when a function is not there that nothing works without. */
static int without_needed(const struct map_attachment *a)
{
	size_t i;

	for (i = 0; i < map_functions_n; i++)
		if (a->functions[i].needed && map_functions[i].needed && !a->functions[i].wanted)
			return a->functions[i].error ? a->functions[i].error : -ENOENT;
	return 0;
}

int map_attachment_load(struct map_attachment **out, const struct map_attach_opts *opts,
			struct err *err)
{
	struct map_attachment *a = calloc(1, sizeof(*a));
	bool plain = opts->no_atomics;
	int r;

	*out = a;
	if (!a)
		return -ENOMEM;
	a->opts = *opts;
	feature_raise_memory_limit();
	r = discover(a, err);
	if (r)
		return r;
	r = open_object(a, plain);
	if (!r)
		r = bpf_object__load(a->object);
	if (r && !plain) {
		plain = true;
		r = open_object(a, plain);
		if (!r)
			r = bpf_object__load(a->object);
	}
	if (r)
		r = load_what_loads(a, opts->no_atomics);
	if (!r)
		r = without_needed(a);
	if (r)
		return map_attachment_refused(err, r);
	r = share_all(a);
	if (!r)
		r = exclude_own(a);
	list_maps(a);
	if (!r && a->hidden_at >= 0)
		a->hidden_error = hidden_find_counters(a->object, a->control, a->cpus);
	return r ? err_set(err, r, "cannot share tables with the kernel: %s", err_name(r)) : 0;
}

/* A function whose programs cannot all be attached is left alone. */
static int attach_function(struct map_attachment *a, size_t i)
{
	struct watched_function *f = &a->functions[i];
	size_t k;
	int r = 0;

	for (k = 0; k < 2 && map_functions[i].programs[k] && !r; k++) {
		f->links[k] = bpf_program__attach(program_named(a, map_functions[i].programs[k]));
		if (!f->links[k])
			r = -errno;
	}
	if (!r)
		return 0;
	for (k = 0; k < 2; k++) {
		bpf_link__destroy(f->links[k]);
		f->links[k] = NULL;
	}
	f->why = "the kernel does not attach a program to it";
	return r;
}

int map_attachment_attach(struct map_attachment *a, struct err *err)
{
	int r, last = 0;
	size_t i, n = 0;

	for (i = 0; i < map_functions_n; i++) {
		if (!a->functions[i].wanted)
			continue;
		r = attach_function(a, i);
		if (r && map_functions[i].needed)
			return map_attachment_refused(err, r);
		if (r)
			last = r;
		else
			n++;
	}
	return n ? 0 : map_attachment_refused(err, last ? last : -ENOENT);
}

void map_attachment_activate(struct map_attachment *a, bool open)
{
	if (a->control)
		__atomic_store_n(&a->control->gate, open, __ATOMIC_SEQ_CST);
}

void map_attachment_detach(struct map_attachment *a)
{
	size_t i, k;

	map_attachment_activate(a, false);
	for (i = 0; i < map_functions_n; i++)
		for (k = 0; k < 2; k++) {
			bpf_link__destroy(a->functions[i].links[k]);
			a->functions[i].links[k] = NULL;
		}
}

void map_attachment_free(struct map_attachment *a)
{
	if (!a)
		return;
	map_attachment_detach(a);
	bpf_object__close(a->object);
	free(a); /* what is mapped goes with the process */
}

bool map_attachment_watches(const struct map_attachment *a, size_t i, const char **why)
{
	*why = a->functions[i].why;
	return a->functions[i].links[0] != NULL;
}

int map_attachment_distrusts_programs(const struct map_attachment *a)
{
	return a->hidden_error;
}

uint32_t map_attachment_functions(const struct map_attachment *a)
{
	uint32_t n = 0;
	size_t i;

	for (i = 0; i < map_functions_n; i++)
		n += a->functions[i].links[0] != NULL;
	return n;
}

int map_attachment_events_fd(const struct map_attachment *a)
{
	return bpf_map__fd(map_named(a, "bpf_events"));
}

struct mr_bpf_row *map_attachment_rows(struct map_attachment *a)
{
	return a->rows;
}

struct mr_bpf_chunk *map_attachment_chunks(struct map_attachment *a)
{
	return a->chunks;
}

const struct mr_bpf_finding *map_attachment_findings(struct map_attachment *a)
{
	return a->findings;
}

void map_attachment_counters(const struct map_attachment *a, struct mr_bpf_cpu *sum)
{
	size_t cpu, i;

	memset(sum, 0, sizeof(*sum));
	for (cpu = 0; cpu < MR_BPF_CPUS; cpu++) {
		const volatile struct mr_bpf_cpu *c = &a->cpus[cpu];

		for (i = 0; i < MR_BPF_OPS; i++)
			sum->ops[i] += c->ops[i];
		for (i = 0; i < MR_BPF_COUNT_MAX; i++)
			sum->counts[i] += c->counts[i];
		sum->spent_ns += c->spent_ns;
	}
}

uint64_t map_attachment_missed(const struct map_attachment *a)
{
	struct bpf_program *program;
	uint64_t missed = 0;

	bpf_object__for_each_program(program, a->object) {
		/* recursion_misses is the last member since 5.12, include/uapi/linux/bpf.h; an
		 * older kernel leaves it zero */
		struct bpf_prog_info info = {};
		uint32_t size = sizeof(info);

		if (bpf_program__fd(program) >= 0 &&
		    !bpf_prog_get_info_by_fd(bpf_program__fd(program), &info, &size))
			missed += info.recursion_misses;
	}
	return missed;
}
