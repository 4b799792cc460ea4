/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_REPORT_JSON_PARTS_H
#define MAPRACE_REPORT_JSON_PARTS_H

#include "model/model.h"
#include "report/json/json_value.h"

/*
 * The parts of a document, of which a recording is made: what is known at the start, a race, the
 * sightings of a race that is known, and everything that changes all the time. (Snapshots and
 * deaths: json_snapshot.h.) Builders give NULL when memory is short.
 */
json_t *json_build_head(const struct report *report);
json_t *json_build_race(const struct report_race *race);
json_t *json_build_seen(const struct report_race *race);
json_t *json_build_state(const struct report *report);
/* Of that, what a line of its own may have. */
json_t *json_build_target(const struct report_target *target);
json_t *json_build_stats(const struct report_stats *stats);
/* What races and growths are made of. role: one of json_role(), "payer", "iterator". */
json_t *json_build_access(const struct report_access *access, const char *role);
json_t *json_build_map(const struct report_map *map);
json_t *json_build_stack(const struct report_access *access);
json_t *json_build_frame(const struct report_frame *frame);
json_t *json_build_labels(const struct report_label *labels, size_t n);
json_t *json_build_creation(const struct report_creation *created); /* null when not known */

/*
 * Readers fill what is zero; the first failure is in r. What they allocated is the report's (the
 * race's) even then. json_read_seen() replaces what a race says of its sightings.
 */
void json_read_head(struct json_reader *r, const json_t *o, struct report *report);
void json_read_race(struct json_reader *r, const json_t *o, struct report_race *race);
void json_read_seen(struct json_reader *r, const json_t *o, struct report_race *race);
void json_read_state(struct json_reader *r, const json_t *o, struct report *report);
void json_read_stats(struct json_reader *r, json_t *o, struct report_stats *stats);
/* o may be NULL: then nothing is known, and no string is NULL all the same. */
void json_read_frame(struct json_reader *r, const json_t *o, struct report_frame *frame);
/* *n of them; NULL when there are none. */
struct report_label *json_read_labels(struct json_reader *r, const json_t *o, size_t *n);
void json_read_creation(struct json_reader *r, const json_t *o, struct report_creation *created);
/* All of it but the operation. */
void json_read_who(struct json_reader *r, const json_t *o, struct report_access *access);
void json_read_access(struct json_reader *r, const json_t *o, struct report_access *access);
void json_read_map(struct json_reader *r, const json_t *o, struct report_map *map);
/* -ENOTSUP for another version of the schema, -EBADMSG for something else. */
int json_check_schema(const json_t *root, struct err *err);
/* Takes controls out of a message that quotes a file. */
void json_scrub(struct err *err);

#endif
