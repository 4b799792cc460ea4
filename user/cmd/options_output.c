/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "cmd/options_output.h"

#include <errno.h>

static int set_file(const char **to, const char *arg)
{
	if (!*arg)
		return -EINVAL;
	*to = arg;
	return 0;
}

int output_set_path(void *options, const char *arg)
{
	struct output_options *o = options;

	if (!*arg)
		return -EINVAL;
	if (o->n == OUTPUTS)
		return -ERANGE;
	o->paths[o->n++] = arg;
	return 0;
}

int output_set_format(void *options, const char *arg)
{
	struct output_options *o = options;

	o->format_given = true;
	return format_find(arg, &o->format) ? 0 : -EINVAL;
}

int output_set_record(void *options, const char *arg)
{
	return set_file(&((struct output_options *)options)->record, arg);
}

int output_set_suppressions(void *options, const char *arg)
{
	return set_file(&((struct output_options *)options)->suppressions, arg);
}

int output_set_baseline(void *options, const char *arg)
{
	return set_file(&((struct output_options *)options)->baseline, arg);
}

int output_options_check(const struct output_options *options, const struct option_table *table)
{
	if (options->format_given && !options->n)
		return option_usage_error(table, "--format is that of -o FILE, which is missing");
	return OPTIONS_RUN;
}
