/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_REPORT_JSON_NAMES_H
#define MAPRACE_REPORT_JSON_NAMES_H

#include <stddef.h>

#include "model/model.h"

/* What the writer and the reader of the JSON document must agree on. */
#define JSON_SCHEMA "maprace/1"
#define JSON_SCHEMA_FAMILY "maprace/"

/* The part that access[which] played: "entered", "held", "died", "last-seen", "previous". */
const char *json_role(enum report_evidence evidence, size_t which);

#endif
