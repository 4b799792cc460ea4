// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * Loads each program of auditcases.bpf.c that this kernel takes, says "loaded NAME" or "refused
 * NAME", then "ready", and keeps them until its standard input ends.
 */
#define _GNU_SOURCE
#include <bpf/libbpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

struct value { /* of which the skeleton wants the size alone */
	unsigned long long words[17];
};

#include "auditcases.skel.h"

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

/* Alone, for what one kernel refuses fails a whole object. */
static int load(const char *name)
{
	struct auditcases_bpf *object = auditcases_bpf__open();
	struct bpf_program *program;

	if (!object)
		return -1;
	bpf_object__for_each_program(program, object->obj)
		bpf_program__set_autoload(program, !strcmp(bpf_program__name(program), name));
	if (!auditcases_bpf__load(object))
		return 0;
	auditcases_bpf__destroy(object);
	return -1;
}

int main(void)
{
	struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
	struct auditcases_bpf *all;
	struct bpf_program *program;

	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	libbpf_set_print(quiet);
	all = auditcases_bpf__open();
	if (!all)
		return 1;
	bpf_object__for_each_program(program, all->obj) {
		const char *name = bpf_program__name(program);

		printf("%s %s\n", load(name) ? "refused" : "loaded", name);
	}
	puts("ready");
	fflush(stdout);
	while (getchar() != EOF)
		;
	return 0;
}
