/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "cmd/options_output.h"

#include <errno.h>
#include <string.h>

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

int output_options_check_core(const struct output_options *options, const char *core,
			      const struct option_table *table)
{
	size_t i;

	for (i = 0; core && i < options->n; i++)
		if (!strcmp(core, options->paths[i]))
			return option_usage_error(
				table, "-o and --core cannot be the same file: %s", core);
	return OPTIONS_RUN;
}
