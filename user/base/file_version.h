/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_BASE_FILE_VERSION_H
#define MAPRACE_BASE_FILE_VERSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/open_file.h"

/* A file as it is at one time, for what was learnt of it: one that was changed since, or another
 * one at its place, is not the same. */
struct file_version {
	uint64_t dev, ino, size;
	uint64_t stamp; /* its ctime, ns; or what else tells it from a later one */
};

static inline bool file_version_same(const struct file_version *a, const struct file_version *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size && a->stamp == b->stamp;
}

static inline struct file_version file_version_of(const struct file_identity *of)
{
	return (struct file_version){
		.dev = of->dev, .ino = of->ino, .size = of->size, .stamp = of->ctime_ns};
}

#endif
