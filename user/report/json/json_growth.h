/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_REPORT_JSON_GROWTH_H
#define MAPRACE_REPORT_JSON_GROWTH_H

#include "model/model.h"
#include "report/json/json_value.h"

/* What a document may hold at the most: whoever fills a report stays well below. */
#define JSON_GROWTHS_MAX 20000
#define JSON_GROWTH_PARTS_MAX 1000 /* payers, and iterators, of one growth */

/* One element of the member "growths", and all of it. NULL: no memory. */
json_t *json_build_growth(const struct report_growth *growth);
json_t *json_build_growths(const struct report *report);
/* Where the member is missing nobody asked for growths. */
void json_read_growths(struct json_reader *r, const json_t *o, struct report *report);

#endif
