/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_REPORT_JSON_SNAPSHOT_H
#define MAPRACE_REPORT_JSON_SNAPSHOT_H

#include <jansson.h>

#include "model/snapshot.h"

/* NULL when memory is short. Snapshots are written only: reading a document leaves them out. */
json_t *json_build_snapshots(const struct report *report);
json_t *json_build_death(const struct report_death *d);
json_t *json_build_deaths(const struct report *report);

#endif
