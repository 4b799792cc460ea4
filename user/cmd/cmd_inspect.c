/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <maprace/wire.h>

#include "base/escape.h"
#include "base/log.h"
#include "cmd/commands.h"
#include "cmd/options.h"
#include "go/go_binary.h"
#include "probe/hooks.h"
#include "probe/procs.h"
#include "process/process.h"
#include "process/situation.h"
#include "session/refusal.h"
#include "session/watched.h"

static const char *op_name(uint8_t op)
{
	static const char *const names[] = {
		[MR_OP_NONE] = "fatal",	   [MR_OP_READ] = "read",	  [MR_OP_WRITE] = "write",
		[MR_OP_DELETE] = "delete", [MR_OP_ITERATE] = "iterate",	  [MR_OP_CLEAR] = "clear",
		[MR_OP_CLONE] = "clone",   [MR_OP_COLLECTED] = "collect", [MR_OP_THROW] = "throw",
		[MR_OP_PANIC] = "panic",
	};

	return op < sizeof(names) / sizeof(names[0]) && names[op] ? names[op] : "?";
}

static void print_named(const char *name, const char *value)
{
	if (!value[0])
		return;
	printf("%s ", name);
	escape_text(stdout, value);
	putchar('\n');
}

static void print_binary(const char *path, const struct go_binary *bin)
{
	const struct elf_file *elf = go_binary_elf(bin);
	const struct go_layout *layout = go_binary_layout(bin);

	/* The file's name and what stands in it are as foreign as any target's. */
	escape_text(stdout, path);
	fputs(": ", stdout);
	escape_text(stdout, go_binary_version(bin));
	printf(", %s maps, %s%s%s%s\n", layout->map_impl == GO_MAP_SWISS ? "Swiss" : "classic",
	       elf_file_has_symtab(elf) ? "with symbols" : "stripped",
	       elf_file_is_pie(elf) ? ", PIE" : "", go_binary_is_cgo(bin) ? ", cgo" : "",
	       go_binary_is_race(bin) ? ", -race" : "");
	print_named("module", go_binary_module(bin));
	print_named("build id", elf_file_build_id(elf));
	printf("%zu functions, text at 0x%" PRIx64 "\n\n", go_binary_func_count(bin),
	       go_binary_text(bin));
}

static void print_hooks(const struct hook_set *set, bool verbose)
{
	size_t i, entries = 0;

	printf("%-44s %-8s %-8s %-6s %s\n", "FUNCTION", "OP", "STATE", "SITE", "");
	for (i = 0; i < set->count; i++) {
		const struct hook *h = &set->hooks[i];

		entries += h->state == HOOK_PROBED && h->site == SITE_ENTRY &&
			   mr_op_has_site(h->op);
		if (h->state == HOOK_PROBED)
			printf("%-44s %-8s %-8s %-6s 0x%" PRIx64 " (+%" PRIu64 ")%s%s\n",
			       h->function, op_name(h->op), hook_state_name(h->state),
			       site_kind_name(h->site), h->addr, h->addr - h->entry,
			       h->why[0] ? "  " : "", h->why);
		else if (verbose || h->state != HOOK_ABSENT)
			printf("%-44s %-8s %-8s %-6s %s\n", h->function, op_name(h->op),
			       hook_state_name(h->state), "-", h->why);
	}
	printf("\n%zu probed, %zu blind spots\n", set->probed, set->blind);
	if (entries)
		printf("%zu at their entry: each hit costs about 15 times more there\n", entries);
	for (i = 0; !verbose && i < set->count; i++)
		if (set->hooks[i].state == HOOK_ABSENT) {
			printf("not in this binary (never called, or inlined; -v lists them): e.g. %s\n",
			       set->hooks[i].function);
			break;
		}
	printf("never seen in any binary: len(m), which the compiler inlines\n");
}

/* How many Ps it has now; 0: not known. */
static int32_t count_procs(const struct process *p, const struct go_binary *bin)
{
	const struct elf_segment *segments;
	uint64_t addr, bias = 0;
	int32_t n;

	if (procs_find(bin, &addr))
		return 0;
	if (elf_file_is_pie(go_binary_elf(bin)) &&
	    (!elf_file_segments(go_binary_elf(bin), &segments) ||
	     process_load_bias(p, segments[0].vaddr, segments[0].offset, &bias, NULL)))
		return 0;
	return process_read(p, addr + bias, &n, sizeof(n)) || n < 0 ? 0 : n;
}

/* What stands in the way of proofs in this very process. */
static void print_process(const struct process *p, const struct go_binary *bin)
{
	struct situation s;
	int32_t procs = count_procs(p, bin);

	situation_look(p->pid, &s);
	printf("\nprocess %d", (int)p->pid);
	if (procs)
		printf(", %" PRId32 " %s (GOMAXPROCS)", procs, procs == 1 ? "P" : "Ps");
	if (s.cpus)
		printf(", may run on %u %s", s.cpus, s.cpus == 1 ? "CPU" : "CPUs");
	if (s.group.cpus > 0)
		printf(", its control group may use %.3g CPUs", s.group.cpus);
	putchar('\n');
	if (procs == 1 || s.cpus == 1)
		printf("nothing can collide in it: while a goroutine is held no other runs; give it two of both\n");
	if (s.stopped)
		printf("it is stopped, by a signal or a debugger\n");
	if (s.group.frozen)
		printf("its control group is frozen\n");
}

static int inspect(const char *name, const struct go_binary *bin, bool verbose, struct err *err)
{
	struct hook_set hooks = {};
	int r = hooks_choose(&hooks, bin, err);

	if (!r) {
		print_binary(name, bin);
		print_hooks(&hooks, verbose);
	}
	hooks_free(&hooks);
	return r;
}

struct libraries {
	bool verbose;
	size_t n;
};

static void on_library(void *ctx, const struct process_library *lib, struct go_binary *bin)
{
	struct libraries *l = ctx;
	struct err err = {};

	if (l->n++)
		putchar('\n');
	if (inspect(lib->path, bin, l->verbose, &err))
		log_warn("%s: %s", lib->path, err.text);
	go_binary_close(bin);
}

/* A process whose program is not Go may have Go libraries. False: it has none. */
static bool inspect_libraries(const struct process *process, bool verbose)
{
	struct libraries l = {.verbose = verbose};
	struct watched w = {.process = *process};

	watched_find_libraries(&w, on_library, &l);
	watched_forget_libraries(&w);
	return l.n != 0;
}

int cmd_inspect(int argc, char **argv)
{
	struct inspect_options options;
	struct process process = {.pidfd = -1};
	struct go_binary *bin = NULL;
	struct err err = {};
	const char *path;
	int r, status = options_parse_inspect(argc, argv, &options);

	if (status != OPTIONS_RUN)
		return status;
	options_set_log(false, options.verbose);
	path = options.file;
	if (options.pid) {
		r = process_open(&process, (pid_t)options.pid, &err);
		if (r)
			goto out;
		path = process.exe_path;
	}
	r = go_binary_open(&bin, path, &err);
	if (r && options.pid)
		refusal_explain(&err, r, &process);
	if (!r)
		r = inspect(options.pid ? process.exe : path, bin, options.verbose > 0, &err);
	else if (r == -ENOEXEC && options.pid && inspect_libraries(&process, options.verbose > 0))
		r = 0;
	if (!r && bin && options.pid)
		print_process(&process, bin);
out:
	if (r) {
		log_error("%s", err.text[0] ? err.text : err_name(r));
		if (err.hint[0])
			log_hint("%s", err.hint);
	}
	if (bin)
		go_binary_close(bin);
	process_close(&process);
	return r ? EXIT_TOOL : EXIT_NOTHING;
}
