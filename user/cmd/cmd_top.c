/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "base/log.h"
#include "cmd/commands.h"
#include "cmd/options_top.h"
#include "cmd/watch_run.h"
#include "top/top.h"

int cmd_top(int argc, char **argv)
{
	struct top_options options;
	struct watch w = {.options = &options.watch, .calibration = {.fd = -1}};
	struct top *top = NULL;
	struct err err = {};
	int status = options_parse_top(argc, argv, &options);

	if (status != OPTIONS_RUN)
		goto out;
	if (top_open(&top, &w, &options, &err)) {
		log_error("%s", err.text[0] ? err.text : "out of memory");
		if (err.hint[0])
			log_hint("%s", err.hint);
		status = EXIT_TOOL;
		goto out;
	}
	watch_run_begin(&w);
	status = watch_run(&w);
	watch_run_end(&w);
	top_close(top);
out:
	top_options_free(&options);
	return status;
}
