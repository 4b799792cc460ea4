/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "detect/bpfmap/hidden.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define FINDER "hidden_find"
#define READER "read_"

int hidden_counted_at(const struct btf *kernel)
{
	int id = btf__find_by_name_kind(kernel, "bpf_prog_stats", BTF_KIND_STRUCT);
	const struct btf_type *type = id > 0 ? btf__type_by_id(kernel, (uint32_t)id) : NULL;
	unsigned int i;

	for (i = 0; type && i < btf_vlen(type); i++)
		if (!strcmp(btf__name_by_offset(kernel, btf_members(type)[i].name_off), "misses"))
			return (int)btf_member_bit_offset(type, i) / 8;
	return -1;
}

void hidden_wanted(struct bpf_object *object, bool wanted)
{
	bpf_program__set_autoload(bpf_object__find_program_by_name(object, FINDER), wanted);
}

/* How many there are, or a negative errno. */
static int name_readers(struct bpf_object *object, struct mr_bpf_control *control)
{
	struct bpf_program *program;
	int n = 0;

	bpf_object__for_each_program(program, object) {
		struct bpf_prog_info info = {};
		uint32_t size = sizeof(info);

		if (strncmp(bpf_program__name(program), READER, strlen(READER)) != 0 ||
		    bpf_program__fd(program) < 0)
			continue;
		if (n == MR_BPF_READERS)
			return -E2BIG;
		if (bpf_prog_get_info_by_fd(bpf_program__fd(program), &info, &size))
			return -errno;
		control->reader[n++] = info.id;
	}
	return n;
}

/* Reading an iterator runs it over all programs. */
static int run(struct bpf_object *object)
{
	struct bpf_link *link =
		bpf_program__attach_iter(bpf_object__find_program_by_name(object, FINDER), NULL);
	int r, fd = -1;
	char none;

	if (!link)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(link));
	r = fd < 0 || read(fd, &none, sizeof(none)) < 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	bpf_link__destroy(link);
	return r;
}

static bool all_found(const struct mr_bpf_cpu *cpus, int readers)
{
	int cpu, i, ncpus = libbpf_num_possible_cpus();

	if (ncpus <= 0 || ncpus > MR_BPF_CPUS)
		return false;
	for (cpu = 0; cpu < ncpus; cpu++)
		for (i = 0; i < readers; i++)
			if (!cpus[cpu].misses[i])
				return false;
	return true;
}

int hidden_find_counters(struct bpf_object *object, struct mr_bpf_control *control,
			 const struct mr_bpf_cpu *cpus)
{
	int readers = name_readers(object, control), r;

	if (readers < 0)
		return readers;
	r = run(object);
	if (r)
		return r;
	control->hidden_known = all_found(cpus, readers);
	return control->hidden_known ? 0 : -ENOENT;
}
