/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "cmd/options_output.h"

#include <errno.h>

int output_path(void *out, const char *arg)
{
	struct output_options *o = out;

	if (!*arg)
		return -EINVAL;
	if (o->n == OUTPUTS)
		return -ERANGE;
	o->paths[o->n++] = arg;
	return 0;
}

int output_format_of_all(void *out, const char *arg)
{
	struct output_options *o = out;

	o->format_given = true;
	return option_format(&o->format, arg);
}

int output_options_check(const struct output_options *options, const struct option_table *table)
{
	if (options->format_given && !options->n)
		return option_usage_error(table, "--format is that of -o FILE, which is missing");
	return OPTIONS_RUN;
}
