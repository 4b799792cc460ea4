/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_CMD_COMMANDS_H
#define MAPRACE_CMD_COMMANDS_H

/* One function a command; argv[0] is the command's word. Each returns the tool's exit status. */
int cmd_watch(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_bpf(int argc, char **argv);
int cmd_inspect(int argc, char **argv);
int cmd_doctor(int argc, char **argv);

#endif
