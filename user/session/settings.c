/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "session/settings.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum report_format output_format(const struct output_options *options, const char *path)
{
	return options->format_given ? options->format : format_of_path(path);
}

bool options_color(bool no_color, int fd)
{
	const char *term = getenv("TERM"), *wish = getenv("NO_COLOR");

	if (no_color || (wish && *wish) || !term || !strcmp(term, "dumb"))
		return false;
	return isatty(fd) == 1;
}
