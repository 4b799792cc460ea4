/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "cmd/commands.h"
#include "cmd/options.h"

int main(int argc, char **argv)
{
	const struct command *command;
	int at, status = command_parse(argc, argv, &command, &at);

	if (status != OPTIONS_RUN)
		return status;
	return command->run(argc - at, argv + at);
}
