/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_REPORT_INPUT_H
#define MAPRACE_REPORT_INPUT_H

#include <stddef.h>

#include "base/err.h"
#include "model/model.h"

/*
 * A whole file in memory; "-" is standard input. The file's size is not believed (pipes have none).
 * 0 and *data is malloc'ed, or a negative errno: -EFBIG when there is more than max.
 */
int input_read(const char *path, size_t max, char **data, size_t *len);

#endif
