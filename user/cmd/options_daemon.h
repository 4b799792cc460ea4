/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_CMD_OPTIONS_DAEMON_H
#define MAPRACE_CMD_OPTIONS_DAEMON_H

#include "cmd/options.h"
#include "session/daemon.h"

/* Of the configuration file that they name, and of the command line. As in options.h. */
int options_parse_daemon(int argc, char **argv, struct daemon_options *options);

#endif
