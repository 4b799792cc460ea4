/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_CMD_COMMANDS_H
#define MAPRACE_CMD_COMMANDS_H

/* What the tool can be told to do: a row each in commands.c. */
#define COMMAND_USES 3
struct command {
	const char *name; /* argv[0] of run */
	struct {
		const char *args, *what; /* "FILE", one line for the help; NULL: no more uses */
	} use[COMMAND_USES];
	int (*run)(int argc, char **argv); /* returns the tool's exit status */
};

/*
 * The whole command line. OPTIONS_RUN, and argv[*at] is the command's word and what follows is its
 * own; or the exit status with which the tool ends at once.
 */
int command_parse(int argc, char **argv, const struct command **command, int *at);

int cmd_watch(int argc, char **argv);
int cmd_daemon(int argc, char **argv);
int cmd_top(int argc, char **argv);
int cmd_snapshot(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_inspect(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_bpf(int argc, char **argv);
int cmd_bpf_audit(int argc, char **argv); /* argv[0]: "audit" */

#endif
