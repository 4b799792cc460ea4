/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_CMD_OPTIONS_TOP_H
#define MAPRACE_CMD_OPTIONS_TOP_H

#include "cmd/options.h"
#include "top/top.h"

int options_parse_top(int argc, char **argv, struct top_options *options);
void top_options_free(struct top_options *options);

#endif
