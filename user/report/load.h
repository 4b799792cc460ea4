/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_REPORT_LOAD_H
#define MAPRACE_REPORT_LOAD_H

#include "base/err.h"
#include "model/model.h"
#include "report/mrec/mrec.h"

/*
 * A report from a file, be it a recording or a JSON document; "-" is standard input. 0, and the
 * report is the caller's; else a negative errno with err set. For a document note says that it is
 * whole.
 */
int report_load(const char *path, struct report *report, struct mrec_note *note, struct err *err);

#endif
