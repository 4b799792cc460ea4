/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "session/refusal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "process/elf_file.h"
#include "process/libraries.h"

#define CHILDREN 64 /* looked at, of one process */
#define DEPTH 4	    /* of children's children: tini, sh, a supervisor, the service */
#define LOOK_NS \
	200000000u /* nobody else is looked after meanwhile: how many there are is his choice */

bool refusal_is_go(const char *path)
{
	struct elf_file *elf;
	bool go;

	if (elf_file_open(&elf, path, NULL))
		return false;
	go = elf_file_section(elf, ".go.buildinfo") != NULL;
	elf_file_close(elf);
	return go;
}

static pid_t search(pid_t pid, unsigned int depth, uint64_t until_ns)
{
	pid_t child, found;
	char exe[64];
	size_t i;

	for (i = 0; i < CHILDREN && (child = process_child(pid, i)); i++) {
		if (clock_ns(CLOCK_MONOTONIC) > until_ns)
			return 0;
		snprintf(exe, sizeof(exe), "/proc/%d/exe", (int)child);
		if (refusal_is_go(exe))
			return child;
		found = depth > 1 ? search(child, depth - 1, until_ns) : 0;
		if (found)
			return found;
	}
	return 0;
}

pid_t refusal_go_child(pid_t pid)
{
	return search(pid, DEPTH, clock_ns(CLOCK_MONOTONIC) + LOOK_NS);
}

/* "/proc/1303/exe" in the text, which nobody can look at once the process is gone. */
static void name_program(struct err *err, const struct process *p)
{
	size_t len = strlen(p->exe_path);
	char text[sizeof(err->text)];
	char *at = strstr(err->text, p->exe_path);

	if (!at || !p->exe[0])
		return;
	snprintf(text, sizeof(text), "%.*s%.300s%s", (int)(at - err->text), err->text, p->exe,
		 at + len);
	memcpy(err->text, text, sizeof(text));
}

struct search { /* for a Go library */
	char path[128];
	uint64_t until_ns;
};

static void note_library(void *arg, const struct process_library *lib)
{
	struct search *s = arg;
	char file[PROCESS_PATH];

	if (!s->path[0] && clock_ns(CLOCK_MONOTONIC) < s->until_ns && !library_file(lib, file) &&
	    refusal_is_go(file))
		snprintf(s->path, sizeof(s->path), "%s", lib->path);
}

/* A shell, a build tool, a wrapper: whatever is started to start something else. */
static bool starts_others(const char *exe)
{
	static const char *const names[] = {
		"sh",	       "dash",	    "bash",   "zsh",	     "ksh",	    "busybox",
		"fish",	       "make",	    "gmake",  "ninja",	     "just",	    "env",
		"sudo",	       "su",	    "nohup",  "nice",	     "timeout",	    "taskset",
		"chrt",	       "strace",    "gdb",    "tini",	     "catatonit",   "dumb-init",
		"docker-init", "s6-svscan", "runsv",  "supervisord", "xargs",	    "setpriv",
		"unshare",     "script",    "stdbuf", "time",	     "systemd-run",
	};
	const char *slash = strrchr(exe, '/'), *name = slash ? slash + 1 : exe;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

bool refusal_hint_child(struct err *err, const struct process *p)
{
	pid_t child = refusal_go_child(p->pid);
	char link[64], program[128] = "";

	if (!child)
		return false;
	snprintf(link, sizeof(link), "/proc/%d/exe", (int)child);
	if (readlink(link, program, sizeof(program) - 1) < 0)
		program[0] = '\0';
	err_hint(err, "its child %d (%s) is a Go program: use -p %d", (int)child, program,
		 (int)child);
	return true;
}

static void hint_process(struct err *err, const struct process *p)
{
	struct search library = {.path = ""};

	if (refusal_hint_child(err, p))
		return;
	library.until_ns = clock_ns(CLOCK_MONOTONIC) + LOOK_NS;
	(void)process_libraries(p, note_library, &library);
	if (library.path[0])
		err_hint(err, "it has loaded %s, a Go library; only Go executables are watched",
			 library.path);
	else if (starts_others(p->exe))
		err_hint(
			err,
			"it starts other programs: give -p the process id of the Go program itself");
}

void refusal_explain(struct err *err, int code, const struct process *p)
{
	char usual[sizeof(err->hint)];

	name_program(err, p);
	if (code != -ENOEXEC)
		return;
	memcpy(usual, err->hint, sizeof(usual));
	err->hint[0] = '\0';
	if (!p->ours)
		hint_process(err, p);
	else if (starts_others(p->exe))
		err_hint(
			err,
			"what it starts is not watched: name the Go program itself after --, or, once it runs, watch it with -p PID");
	if (!err->hint[0])
		memcpy(err->hint, usual, sizeof(usual));
}
