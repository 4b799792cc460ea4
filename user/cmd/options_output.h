/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_CMD_OPTIONS_OUTPUT_H
#define MAPRACE_CMD_OPTIONS_OUTPUT_H

#include "cmd/option_values.h"
#include "cmd/optable.h"
#include "cmd/options.h"

/* Rows for options that have a struct output_options named out. */
#define OUTPUT_ROW_PATH(options, text)                                                             \
	{                                                                                          \
		"output", 'o', "FILE", OPTION_AT(struct output_options, options, out),             \
			output_path, option_format_extensions, "a file name, at most eight times", \
			text                                                                       \
	}
#define OUTPUT_ROW_FORMAT(options)                                                       \
	{                                                                                \
		"format", 'f', "FORMAT", OPTION_AT(struct output_options, options, out), \
			output_format_of_all, option_format_names, "%s",                 \
			"the format of -o, whatever its extension says"                  \
	}
#define OUTPUT_ROW_SUPPRESSIONS(options, text)                                                   \
	{                                                                                        \
		"suppressions", 0, "FILE", OPTION_TEXT(options, out.suppressions), EXPECTS_FILE, \
			text                                                                     \
	}
#define OUTPUT_ROW_BASELINE(options)                                                     \
	{                                                                                \
		"baseline", 0, "FILE", OPTION_TEXT(options, out.baseline), EXPECTS_FILE, \
			"report only what is not in this earlier report"                 \
	}
#define OUTPUT_ROW_RECORD(options)                                                   \
	{                                                                            \
		"record", 0, "FILE", OPTION_TEXT(options, out.record), EXPECTS_FILE, \
			"stream a recording there, for maprace report"               \
	}

int output_path(void *out, const char *arg);	      /* one more file */
int output_format_of_all(void *out, const char *arg); /* whatever their names */

/* What does not go together. OPTIONS_RUN or the exit status. */
int output_options_check(const struct output_options *options, const struct option_table *table);
int output_options_check_core(const struct output_options *options, const char *core,
			      const struct option_table *table);

#endif
