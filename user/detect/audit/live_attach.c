/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Programs of ours at the beginning and at the end of the programs that are looked at. */
#include "detect/audit/live_attach.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "overlap.skel.h"
#include "probe/feature.h"

#define FUNCTIONS 256 /* of one program */
#define RECORD 64     /* bytes that the kernel has for a function's type; 8 now */

/* --- where the code lies --- */

static void add_ranges(struct mr_run_config *config, const struct live_program *p, uint32_t number)
{
	uint64_t at[FUNCTIONS] = {};
	uint32_t lengths[FUNCTIONS] = {}, size, i;
	struct bpf_prog_info info = {
		.jited_ksyms = (uintptr_t)at,
		.nr_jited_ksyms = FUNCTIONS,
		.jited_func_lens = (uintptr_t)lengths,
		.nr_jited_func_lens = FUNCTIONS,
	};

	size = sizeof(info);
	if (bpf_prog_get_info_by_fd(p->fd, &info, &size))
		return;
	for (i = 0; i < FUNCTIONS && i < info.nr_jited_ksyms && i < info.nr_jited_func_lens; i++) {
		if (!at[i] || !lengths[i] || config->nranges == MR_RUN_RANGES)
			continue;
		config->ranges[config->nranges].lo = at[i];
		config->ranges[config->nranges].hi = at[i] + lengths[i];
		config->ranges[config->nranges++].program = number;
	}
}

static void configure(const struct live *live, const struct audit_symbols *symbols,
		      struct mr_run_config *config)
{
	int ncpus = libbpf_num_possible_cpus();
	size_t i;

	config->ncpus = ncpus > 0 && ncpus < MR_RUN_CPUS ? (uint32_t)ncpus : MR_RUN_CPUS;
	config->text_lo = audit_symbols_address(symbols, "_stext");
	config->text_hi = audit_symbols_address(symbols, "_etext");
	config->lookup = audit_symbols_address(symbols, "__htab_map_lookup_elem");
	for (i = 0; i < live->nmaps; i++)
		config->maps[config->nmaps++] = live->maps[i];
	for (i = 0; i < live->n; i++)
		add_ranges(config, &live->programs[i], (uint32_t)i);
}

/* --- objects --- */

static int reuse(struct bpf_object *object, const struct bpf_object *with, const char *name)
{
	struct bpf_map *to = bpf_object__find_map_by_name(object, name);
	struct bpf_map *from = with ? bpf_object__find_map_by_name(with, name) : NULL;

	return from && to ? bpf_map__reuse_fd(to, bpf_map__fd(from)) : 0;
}

/* The object, with the programs whose names are given, on the tables of another one. */
static int open_object(struct bpf_object **out, const struct mr_run_config *config,
		       const struct bpf_object *with, const char *const names[2])
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "maprace_run");
	struct bpf_program *p;
	struct bpf_map *map;
	const void *bytes;
	size_t size, i;
	int r;

	bytes = overlap_bpf__elf_bytes(&size);
	*out = bpf_object__open_mem(bytes, size, &opts);
	if (!*out)
		return -errno;
	bpf_object__for_each_program(p, *out)
		bpf_program__set_autoload(p, false);
	for (i = 0; i < 2 && names[i]; i++) {
		p = bpf_object__find_program_by_name(*out, names[i]);
		if (p)
			bpf_program__set_autoload(p, true);
	}
	map = bpf_object__find_map_by_name(*out, ".rodata.rcfg");
	r = map ? bpf_map__set_initial_value(map, config, sizeof(*config)) : -ENOENT;
	if (!r)
		r = reuse(*out, with, "run_cpus");
	return r ? r : reuse(*out, with, "run_control");
}

/* --- one program --- */

/* Its first function's name by its type information. */
static int entry_name(int fd, char *name, size_t size)
{
	unsigned char record[RECORD] = {};
	struct bpf_prog_info info = {}, sizes = {};
	uint32_t len = sizeof(sizes), type;
	const struct btf_type *t;
	struct btf *btf;
	int r = bpf_prog_get_info_by_fd(fd, &sizes, &len);

	if (r)
		return r;
	if (!sizes.btf_id || !sizes.nr_func_info || sizes.func_info_rec_size < 8 ||
	    sizes.func_info_rec_size > RECORD)
		return -ENODATA;
	info.func_info = (uintptr_t)record;
	info.nr_func_info = 1;
	info.func_info_rec_size = sizes.func_info_rec_size;
	len = sizeof(info);
	r = bpf_prog_get_info_by_fd(fd, &info, &len);
	if (r)
		return r;
	memcpy(&type, record + 4, sizeof(type));
	btf = btf__load_from_kernel_by_id(sizes.btf_id);
	if (!btf)
		return -ENODATA;
	t = btf__type_by_id(btf, type);
	if (t && btf_is_func(t))
		snprintf(name, size, "%s", btf__name_by_offset(btf, t->name_off));
	btf__free(btf);
	return *name ? 0 : -ENODATA;
}

static int attach_one(struct bpf_object *object, const char *name, struct bpf_link **link)
{
	*link = bpf_program__attach(bpf_object__find_program_by_name(object, name));
	return *link ? 0 : -errno;
}

static int load_program(struct live *live, struct live_program *p, struct mr_run_config *config)
{
	static const char *const names[] = {"run_begins", "run_ends"};
	char target[256] = "";
	int r = entry_name(p->fd, target, sizeof(target));
	size_t i;

	if (r)
		return r;
	config->program = (uint32_t)(p - live->programs);
	r = open_object(&p->object, config, live->lookups, names);
	for (i = 0; i < 2 && !r; i++)
		r = bpf_program__set_attach_target(
			bpf_object__find_program_by_name(p->object, names[i]), p->fd, target);
	if (!r)
		r = bpf_object__load(p->object);
	/* the end first: of a run whose beginning is seen the end is seen too */
	if (!r)
		r = attach_one(p->object, "run_ends", &p->ends);
	return r ? r : attach_one(p->object, "run_begins", &p->begins);
}

static void detach_program(struct live_program *p)
{
	bpf_link__destroy(p->begins);
	bpf_link__destroy(p->ends);
	bpf_object__close(p->object);
	p->begins = p->ends = NULL;
	p->object = NULL;
}

/* --- all --- */

static void *share(const struct bpf_object *object, const char *name)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, name);
	size_t page = (size_t)sysconf(_SC_PAGESIZE), size;
	void *p;

	if (!map)
		return NULL;
	size = (size_t)bpf_map__max_entries(map) * ((bpf_map__value_size(map) + 7u) & ~7u);
	size = (size + page - 1) / page * page;
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
	return p == MAP_FAILED ? NULL : p;
}

/* The tables, with the program for look-ups if it can be loaded, else without. */
static int load_lookups(struct live *live, const struct mr_run_config *config)
{
	static const char *const lookup[2] = {"value_looked_up"}, *const none[2];
	int r = -ENOENT;

	if (!config->text_hi || !config->lookup)
		live->lookup_error = -EACCES; /* addresses are hidden */
	else if (live->nmaps)
		r = open_object(&live->lookups, config, NULL, lookup);
	if (!r)
		r = bpf_object__load(live->lookups);
	if (!r)
		return 0;
	if (!live->lookup_error)
		live->lookup_error = r;
	bpf_object__close(live->lookups);
	live->lookups = NULL;
	r = open_object(&live->lookups, config, NULL, none);
	return r ? r : bpf_object__load(live->lookups);
}

void live_attach(struct live *live, const struct audit_symbols *symbols)
{
	struct mr_run_config *config = calloc(1, sizeof(*config));
	size_t i;
	int r = config ? 0 : -ENOMEM;

	feature_raise_memory_limit();
	if (config)
		configure(live, symbols, config);
	if (!r)
		r = load_lookups(live, config);
	if (!r) {
		live->cpus = share(live->lookups, "run_cpus");
		live->control = share(live->lookups, "run_control");
		r = live->cpus && live->control ? 0 : -ENOMEM;
	}
	for (i = 0; i < live->n; i++) {
		struct live_program *p = &live->programs[i];

		p->error = r ? r : load_program(live, p, config);
		if (p->error)
			detach_program(p);
	}
	if (!r && !live->lookup_error)
		live->lookup_error = attach_one(live->lookups, "value_looked_up", &live->lookup);
	free(config);
}

void live_detach(struct live *live)
{
	size_t i;

	bpf_link__destroy(live->lookup);
	for (i = 0; i < live->n; i++) {
		detach_program(&live->programs[i]);
		if (live->programs[i].fd >= 0)
			close(live->programs[i].fd);
	}
	bpf_object__close(live->lookups);
	if (live->stats_fd >= 0)
		close(live->stats_fd);
	live->lookup = NULL;
	live->lookups = NULL;
}
