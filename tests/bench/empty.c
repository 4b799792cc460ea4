/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Attaches a BPF program that does nothing to the very sites that maprace would probe in a process,
 * until standard input ends. usage: empty OBJECT PID    prints "attached N" once it is
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <maprace/wire.h>

#include "go/go_binary.h"
#include "probe/hooks.h"
#include "process/process.h"

static size_t sites_offsets(const struct hook_set *set, unsigned long *offsets)
{
	size_t n = 0;

	for (size_t i = 0; i < set->count; i++)
		if (set->hooks[i].state == HOOK_PROBED && mr_op_has_site(set->hooks[i].op))
			offsets[n++] = set->hooks[i].offset;
	return n;
}

static int sites_attach(const char *object, const struct process *process,
			const unsigned long *offsets, size_t n)
{
	LIBBPF_OPTS(bpf_uprobe_multi_opts, opts, .offsets = offsets, .cnt = n);
	struct bpf_object *bpf = bpf_object__open_file(object, NULL);
	struct bpf_program *program;
	struct bpf_link *link;
	char byte[64];
	int err;

	if (!bpf)
		return -errno;
	program = bpf_object__find_program_by_name(bpf, "empty");
	err = program ? bpf_object__load(bpf) : -ENOENT;
	if (err)
		goto out;
	link = bpf_program__attach_uprobe_multi(program, process->pid, process->exe_path, NULL,
						&opts);
	if (!link) {
		err = -errno;
		goto out;
	}
	printf("attached %zu\n", n);
	fflush(stdout);
	while (read(STDIN_FILENO, byte, sizeof(byte)) > 0)
		;
	bpf_link__destroy(link);
out:
	bpf_object__close(bpf);
	return err;
}

int main(int argc, char **argv)
{
	struct process process = {.pidfd = -1};
	struct go_binary *bin = NULL;
	unsigned long *offsets = NULL;
	struct hook_set set = {0};
	struct err err = {0};
	int r;

	if (argc != 3) {
		fprintf(stderr, "usage: empty OBJECT PID\n");
		return 2;
	}
	r = process_open(&process, (pid_t)strtol(argv[2], NULL, 10), &err);
	if (!r)
		r = go_binary_open(&bin, process.exe_path, &err);
	if (!r)
		r = hooks_choose(&set, bin, &err);
	if (!r) {
		offsets = calloc(set.count, sizeof(*offsets));
		r = offsets ? sites_attach(argv[1], &process, offsets, sites_offsets(&set, offsets))
			    : -ENOMEM;
	}
	if (r)
		fprintf(stderr, "empty: %s: %s\n", err.text[0] ? err.text : "cannot attach",
			strerror(-r));
	free(offsets);
	hooks_free(&set);
	if (bin)
		go_binary_close(bin);
	process_close(&process);
	return r ? 1 : 0;
}
