/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_REPORT_JSON_BPF_H
#define MAPRACE_REPORT_JSON_BPF_H

#include "model/model.h"
#include "report/json/json_value.h"

/* The member "bpf" of a race. NULL: no memory. */
json_t *json_build_bpf(const struct report_bpf *bpf);
/* NULL for no object, and after a failure. */
struct report_bpf *json_read_bpf(struct json_reader *r, const json_t *o);

/* A program whose instructions were to be read; the reader fills what is zero. */
json_t *json_build_audited(const struct report_audited *audited);
void json_read_audited(struct json_reader *r, const json_t *o, struct report_audited *audited);

#endif
