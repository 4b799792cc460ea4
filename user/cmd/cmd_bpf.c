/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "base/log.h"
#include "cmd/commands.h"
#include "cmd/options.h"

int cmd_bpf(int argc, char **argv)
{
	struct bpf_options options;
	int status = options_parse_bpf(argc, argv, &options);

	if (status != OPTIONS_RUN)
		return status;
	log_error("watching kernel BPF maps is not available in this version");
	return EXIT_USAGE;
}
