/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <errno.h>

#include "base/log.h"
#include "cmd/commands.h"
#include "cmd/options_daemon.h"
#include "cmd/watch_run.h"
#include "session/daemon.h"

struct words {
	int argc;
	char **argv;
};

/* SIGHUP: the same words, and the file as it is now. */
static int read_again(void *ctx, struct daemon_options *options)
{
	const struct words *words = ctx;

	return options_parse_daemon(words->argc, words->argv, options) == OPTIONS_RUN ? 0 : -EINVAL;
}

int cmd_daemon(int argc, char **argv)
{
	struct words words = {argc, argv};
	struct daemon_options options;
	struct watch w = {.options = &options.watch, .calibration = {.fd = -1}};
	struct daemon *daemon = NULL;
	struct err err = {};
	int status = options_parse_daemon(argc, argv, &options);

	if (status != OPTIONS_RUN)
		goto out;
	watch_run_begin(&w);
	if (daemon_open(&daemon, &w, &options, read_again, &words, &err)) {
		log_error("%s", err.text[0] ? err.text : "out of memory");
		status = EXIT_TOOL;
		goto out;
	}
	status = watch_run(&w);
	watch_run_end(&w);
	daemon_close(daemon);
out:
	daemon_options_free(&options);
	return status;
}
