/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "cmd/commands.h"
#include "cmd/options.h"
#include "cmd/watch_run.h"
#include "session/recorder.h"

int cmd_watch(int argc, char **argv)
{
	struct watch_options options;
	struct watch w = {.options = &options, .calibration = {.fd = -1}};
	int status = options_parse_watch(argc, argv, &options);

	if (status != OPTIONS_RUN)
		goto out;
	watch_run_begin(&w);
	status = watch_run(&w);
	if (recorder_close(w.recorder))
		status = EXIT_TOOL;
	watch_run_end(&w);
out:
	watch_options_free(&options);
	return status;
}
