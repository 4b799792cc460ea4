/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "cmd/commands.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cmd/options.h"

#ifndef MAPRACE_VERSION
#define MAPRACE_VERSION "0.1-unknown"
#endif

#define USE_COLUMN 26

static const struct command commands[] = {
	{"watch",
	 {{"-p PID[,PID...]", "attach to live processes"},
	  {"--all", "watch all Go processes of this host, present and future"},
	  {"-- CMD [ARG...]", "start CMD and watch it from its first instruction"}},
	 cmd_watch},
	{"daemon",
	 {{"[--config FILE]", "watch all Go processes for months: log, metrics, HTTP"}},
	 cmd_daemon},
	{"top", {{"[-p PID[,PID...]]", "a live table of the Go processes of this host"}}, cmd_top},
	{"snapshot",
	 {{"-p PID", "freeze a process for a moment: its goroutines, and whether maps are intact"}},
	 cmd_snapshot},
	{"report", {{"FILE", "render a recording or a document of `watch -o`"}}, cmd_report},
	{"inspect", {{"BINARY|-p PID", "what would be probed, and why not"}}, cmd_inspect},
	{"doctor", {{"", "what this kernel and these privileges allow"}}, cmd_doctor},
	{"bpf",
	 {{"", "watch kernel BPF maps for lost updates"},
	  {"audit", "read BPF programs for updates in place that can be lost"}},
	 cmd_bpf},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const char help_before[] =
	"Usage: maprace COMMAND [OPTION...]\n"
	"\n"
	"Proves which maps of live, unmodified Go processes are used by two goroutines at\n"
	"once without a lock.\n"
	"\n"
	"Commands:\n";

static const char help_after[] =
	"\n"
	"  -h, --help              show this help and end\n"
	"  -V, --version           show the version and end\n"
	"\n"
	"maprace COMMAND --help lists a command's options.\n"
	"\n"
	"Exit status: 0 nothing found, 66 (--exitcode) a race was found, 1 the tool\n"
	"failed, 2 bad usage.\n";

static int finish(void)
{
	return fflush(stdout) || ferror(stdout) ? EXIT_TOOL : EXIT_NOTHING;
}

static int print_help(void)
{
	size_t i, k;

	fputs(help_before, stdout);
	for (i = 0; i < COMMANDS; i++)
		for (k = 0; k < COMMAND_USES && commands[i].use[k].args; k++) {
			int n = printf("  %s %s", commands[i].name, commands[i].use[k].args);

			printf("%*s%s\n", n < USE_COLUMN ? USE_COLUMN - n : 1, "",
			       commands[i].use[k].what);
		}
	fputs(help_after, stdout);
	return finish();
}

static int explain_missing(void)
{
	char names[128] = "";
	size_t i, n = 0;

	for (i = 0; i < COMMANDS && n < sizeof(names); i++)
		n += (size_t)snprintf(names + n, sizeof(names) - n, "%s%s",
				      !i		 ? ""
				      : i + 1 < COMMANDS ? ", "
							 : " or ",
				      commands[i].name);
	log_error("a command is missing: %s (see maprace --help)", names);
	return EXIT_USAGE;
}

int command_parse(int argc, char **argv, const struct command **command, int *at)
{
	const char *word = argc > 1 ? argv[1] : NULL;
	size_t i;

	if (!word)
		return explain_missing();
	if (!strcmp(word, "-h") || !strcmp(word, "--help") || !strcmp(word, "help"))
		return print_help();
	if (!strcmp(word, "-V") || !strcmp(word, "--version")) {
		puts("maprace " MAPRACE_VERSION);
		return finish();
	}
	for (i = 0; i < COMMANDS; i++)
		if (!strcmp(word, commands[i].name)) {
			*command = &commands[i];
			*at = 1;
			return OPTIONS_RUN;
		}
	log_error("unknown %s '%s' (see maprace --help)", word[0] == '-' ? "option" : "command",
		  word);
	return EXIT_USAGE;
}
