/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_GO_LABELS_H
#define MAPRACE_GO_LABELS_H

#include <stddef.h>
#include <stdint.h>

#include "go/go_layout.h"
#include "model/model.h"

/* len bytes of the process's memory at addr. 0 or negative. */
typedef int (*labels_source)(void *ctx, uint64_t addr, void *buf, size_t len);

/*
 * The profiler labels (runtime/pprof.Do, SetGoroutineLabels) that g.labels points to, sorted by
 * key: a map[string]string before Go 1.24, a list since (src/runtime/pprof/label.go). At most 16,
 * each text cut at 128 bytes; none where they cannot be read. 0 or -ENOMEM; free with
 * report_labels_free() either way.
 */
int labels_decode(const struct go_layout *l, uint64_t at, labels_source read, void *ctx,
		  struct report_label **labels, size_t *n);

#endif
