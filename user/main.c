/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "cmd/commands.h"
#include "cmd/options.h"

static int (*const commands[])(int argc, char **argv) = {
	[COMMAND_WATCH] = cmd_watch,	 [COMMAND_REPORT] = cmd_report, [COMMAND_BPF] = cmd_bpf,
	[COMMAND_INSPECT] = cmd_inspect, [COMMAND_DOCTOR] = cmd_doctor,
};

int main(int argc, char **argv)
{
	enum command command;
	int at, status = options_parse_global(argc, argv, &command, &at);

	if (status != OPTIONS_RUN)
		return status;
	return commands[command](argc - at, argv + at);
}
