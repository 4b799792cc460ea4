/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_REPORT_JSON_NAMES_H
#define MAPRACE_REPORT_JSON_NAMES_H

/* What the writer and the reader of the JSON document must agree on. */
#define JSON_SCHEMA "maprace/1"
#define JSON_SCHEMA_FAMILY "maprace/"

#endif
