/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_CMD_CONFIG_H
#define MAPRACE_CMD_CONFIG_H

#include "base/err.h"
#include "cmd/optable.h"

/*
 * A configuration file: YAML, one mapping of a command's long options to their values, which are
 * true or false where the option takes no argument (one that counts how often it is given is none
 * of them). What is not understood is refused with its line. strings: what the values point into,
 * owned by the caller whatever comes back. 0 or a negative errno with err set.
 */
int config_read(const struct option_table *table, const char *path, void *options, char ***strings,
		size_t *nstrings, struct err *err);

#endif
