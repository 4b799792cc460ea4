/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "session/binaries.h"

#include <errno.h>
#include <stdlib.h>

static struct binary *binaries;

/*
 * One that nobody runs may be written to where it is (cp(1), scp(1)): another program with the same
 * number, and probes where the one before had its map functions would be in the midst of its
 * instructions.
 */
static bool is_of(const struct binary *b, const struct process *p)
{
	const struct elf_file *elf = go_binary_elf(b->bin);

	return process_is_file(p, elf_file_fd(elf)) && elf_file_is_unwritten(elf);
}

static int open_new(struct binary **out, const struct process *p, struct err *err)
{
	struct binary *b = calloc(1, sizeof(*b));
	int r = b ? go_binary_open(&b->bin, p->exe_path, err) : -ENOMEM;

	if (!r && !is_of(b, p)) {
		go_binary_close(b->bin);
		r = err_set(err, -ESTALE, "process %d runs another program now", (int)p->pid);
	}
	if (r) {
		free(b);
		return r;
	}
	b->next = binaries;
	binaries = b;
	*out = b;
	return 0;
}

int binary_get(struct binary **out, const struct process *p, struct err *err)
{
	struct binary *b;
	int r = 0;

	/* the file is open, so its number is no other file's */
	for (b = binaries; b; b = b->next)
		if (is_of(b, p))
			break;
	if (!b)
		r = open_new(&b, p, err);
	if (r)
		return r;
	b->users++;
	*out = b;
	return 0;
}

int binary_choose(struct hook_set *set, const struct go_binary *bin, const struct attach_opts *opts,
		  struct err *err)
{
	int r = hooks_choose(set, bin, err);

	if (!r && opts->growth)
		r = hooks_choose_growth(set, bin);
	if (!r && opts->panics)
		r = hooks_choose_panics(set, bin);
	return r;
}

int binary_hooks(struct binary *b, const struct attach_opts *opts, struct err *err)
{
	int r = 0;

	if (b->chosen)
		return 0;
	r = binary_choose(&b->hooks, b->bin, opts, err);
	b->chosen = !r;
	return r;
}

void binary_put(struct binary *b)
{
	struct binary **at = &binaries;

	if (--b->users)
		return;
	while (*at != b)
		at = &(*at)->next;
	*at = b->next;
	hooks_free(&b->hooks);
	snapshot_program_free(&b->program);
	go_binary_close(b->bin);
	free(b);
}
