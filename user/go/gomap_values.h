/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_GO_GOMAP_VALUES_H
#define MAPRACE_GO_GOMAP_VALUES_H

#include "go/gomap_walk.h"

/* Keeps an entry's key and value as text where their types are plain: numbers, truth values and
 * strings; "..." where they are not. 0 or -ENOMEM. */
int gomap_value_add(struct gomap_walk *w, const struct gomap_entry *e);

#endif
