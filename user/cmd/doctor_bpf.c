/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "cmd/doctor_bpf.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "detect/bpfmap/functions.h"
#include "detect/bpfmap/map_attach.h"
#include "probe/feature.h"

static void print_row(const char *name, bool have, const char *what)
{
	printf("%-14s %-4s %s\n", name, have ? "yes" : "no", what);
}

static void print_more(const char *word, const char *text)
{
	if (text && text[0])
		printf("%-19s %s%s\n", "", word, text);
}

static int print_kallsyms(struct kernel_symbols *symbols)
{
	int r = kernel_symbols_read(symbols);

	print_row("kallsyms", !r, "addresses of the kernel's code");
	if (!r)
		return 0;
	print_more("", r == -EACCES ? "addresses are hidden" : err_name(r));
	print_more("without it: ",
		   "kernel BPF maps cannot be watched: programs cannot be told from system calls");
	print_more("fix: ",
		   "run as root with CAP_SYSLOG; sysctl kernel.kptr_restrict must be below 2");
	return r;
}

static void print_kprobe(void)
{
	bool have = !access("/sys/bus/event_source/devices/kprobe/type", R_OK);

	print_row("kprobe", have, "probes in the kernel by breakpoint");
	print_more(
		"",
		"not used: kprobes see no operation of bpf(2), and none of programs that a probe started");
}

static void print_functions(const struct map_attachment *a)
{
	const char *why;
	size_t i;

	for (i = 0; i < map_functions_n; i++) {
		if (map_attachment_watches(a, i, &why) || !map_functions[i].without)
			continue;
		printf("%-19s %s: %s\n", "", map_functions[i].name, why ? why : "not attached");
		print_more("  without it unseen: ", map_functions[i].without);
	}
}

bool doctor_bpf(void)
{
	struct map_attach_opts opts = {.window_ns = 1, .ppm = 1000000};
	struct map_attachment *a = NULL;
	struct err err = {};
	int r, hidden;

	hidden = print_kallsyms(&opts.symbols);
	print_kprobe();
	r = map_attachment_load(&a, &opts, &err);
	if (!r)
		r = map_attachment_attach(a, &err);
	print_row("fentry", !r, "BPF programs on the functions of kernel BPF maps");
	if (r) {
		print_more("", err.text[0] ? err.text : err_name(r));
		print_more("without it: ", "kernel BPF maps cannot be watched; Go programs can");
		if ((r == -EPERM || r == -ENOMEM) && !feature_have(FEATURE_MEMORY))
			print_more("fix: ", feature_ask(FEATURE_MEMORY)->fix);
		else if ((r == -EPERM || r == -EACCES) && geteuid())
			print_more("fix: ", "run as root, or with CAP_BPF and CAP_PERFMON");
		else
			print_more("fix: ",
				   "use a kernel without lockdown, with CONFIG_DEBUG_INFO_BTF and "
				   "CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS");
	} else {
		print_functions(a);
	}
	map_attachment_free(a);
	return !r && !hidden;
}
