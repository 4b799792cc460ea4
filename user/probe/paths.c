/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "probe/paths.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arch/arch.h"
#include "process/elf_file.h"

#define CODE_MAX (1u << 20)

struct walk {
	const struct go_binary *bin;
	const struct go_func *f;
	const uint8_t *code;
	uint32_t len;
	bool *seen;	/* by offset */
	uint32_t *todo; /* offsets at which a way goes on, each once */
	uint32_t ntodo;
	const uint64_t *targets;
	size_t n, which;
	bool calls, escapes; /* there is a way past */
};

/* What the runtime does not come back from: src/runtime/panic.go, and what compilers call. */
static bool never_returns(const struct go_binary *bin, uint64_t target)
{
	static const char *const begins[] = {"runtime.panic",	"runtime.gopanic",
					     "runtime.goPanic", "runtime.throw",
					     "runtime.fatal",	"runtime.fatalthrow"};
	struct go_func f;
	size_t i;

	if (!target || go_binary_func_by_pc(bin, target, &f) || f.entry != target)
		return false;
	for (i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
		if (!strncmp(f.name, begins[i], strlen(begins[i])))
			return true;
	return false;
}

static bool is_target(struct walk *w, uint64_t addr)
{
	size_t i;

	for (i = 0; i < w->n; i++) {
		if (!addr || addr != w->targets[i])
			continue;
		if (!w->calls)
			w->which = i;
		w->calls = true;
		return true;
	}
	return false;
}

static void goes_to(struct walk *w, uint64_t addr)
{
	uint64_t at = addr - w->f->entry;

	if (addr < w->f->entry || at >= w->len) {
		w->escapes = true; /* it goes on in another function */
	} else if (!w->seen[at]) {
		w->seen[at] = true;
		w->todo[w->ntodo++] = (uint32_t)at;
	}
}

static void step(struct walk *w, uint32_t at)
{
	uint64_t addr = w->f->entry + at;
	struct arch_insn insn;

	if (!arch_decode(w->code + at, w->len - at, addr, &insn)) {
		w->escapes = true;
		return;
	}
	switch (insn.flow) {
	case ARCH_STOPS:
		return;
	case ARCH_RETURNS:
		w->escapes = true;
		return;
	case ARCH_JUMPS:
		if (!is_target(w, insn.target) && !never_returns(w->bin, insn.target))
			goes_to(w, insn.target);
		return;
	case ARCH_CALLS:
		if (is_target(w, insn.target) || never_returns(w->bin, insn.target))
			return;
		break;
	case ARCH_BRANCHES:
		if (!is_target(w, insn.target))
			goes_to(w, insn.target);
		break;
	case ARCH_GOES_ON:
		break;
	}
	goes_to(w, addr + (uint64_t)insn.len);
}

int paths_calling(const struct go_binary *bin, const struct go_func *f, const uint64_t *targets,
		  size_t n, size_t *which)
{
	struct walk w = {.bin = bin, .f = f, .targets = targets, .n = n};
	uint8_t *code = NULL;
	int r;

	if (f->end <= f->entry || f->end - f->entry > CODE_MAX)
		return -EBADMSG;
	w.len = (uint32_t)(f->end - f->entry);
	code = malloc(w.len);
	w.seen = calloc(w.len, sizeof(*w.seen));
	w.todo = calloc(w.len, sizeof(*w.todo));
	r = code && w.seen && w.todo ? elf_file_read(go_binary_elf(bin), f->entry, code, w.len)
				     : -ENOMEM;
	if (r)
		goto cleanup;
	w.code = code;
	goes_to(&w, f->entry);
	while (w.ntodo)
		step(&w, w.todo[--w.ntodo]);
	*which = w.which;
	r = !w.calls ? PATHS_NONE : w.escapes ? PATHS_SOME : PATHS_ALL;
cleanup:
	free(w.todo);
	free(w.seen);
	free(code);
	return r;
}
