/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_CMD_OPTIONS_OUTPUT_H
#define MAPRACE_CMD_OPTIONS_OUTPUT_H

#include "cmd/optable.h"
#include "cmd/options.h"

/* Rows of option tables whose options begin with a struct output_options. */
int output_set_path(void *options, const char *arg);
int output_set_format(void *options, const char *arg);
int output_set_record(void *options, const char *arg);
int output_set_suppressions(void *options, const char *arg);
int output_set_baseline(void *options, const char *arg);

#define OUTPUT_PATH_EXPECTS "a file name, at most eight times"
#define OUTPUT_ROW_FORMAT                                                   \
	{                                                                   \
		"format", 'f', "FORMAT", output_set_format, OPTION_FORMATS, \
			"the format of -o, whatever its extension says"     \
	}
#define OUTPUT_ROW_BASELINE                                                \
	{                                                                  \
		"baseline", 0, "FILE", output_set_baseline, "a file name", \
			"report only what is not in this earlier report"   \
	}
#define OUTPUT_ROW_RECORD                                              \
	{                                                              \
		"record", 0, "FILE", output_set_record, "a file name", \
			"stream a recording there, for maprace report" \
	}

/* What does not go together. OPTIONS_RUN or the exit status. */
int output_options_check(const struct output_options *options, const struct option_table *table);

#endif
