/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_REPORT_JSON_READ_H
#define MAPRACE_REPORT_JSON_READ_H

#include <stddef.h>

#include "base/err.h"
#include "model/model.h"

/* Larger documents are refused: parsed JSON takes some twenty times its size in memory. */
#define JSON_READ_MAX (32u << 20)

/*
 * Reads a maprace/1 document back into the model. The input is untrusted. Members that are not
 * known are ignored (the schema grows by addition), except numbers in "stats", which are counters
 * of losses.
 *
 * 0, and the report is the caller's, to be freed with report_free(); or -EBADMSG (not JSON, or not
 * of the schema), -ENOTSUP (another version of the schema), -EFBIG, -ENOMEM, or what reading the
 * file gave; *report then owns nothing. path "-" is standard input.
 */
int json_read_report(const char *path, struct report *report, struct err *err);
int json_read_buffer(const char *data, size_t len, struct report *report, struct err *err);

#endif
