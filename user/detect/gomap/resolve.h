/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_DETECT_GOMAP_RESOLVE_H
#define MAPRACE_DETECT_GOMAP_RESOLVE_H

#include <maprace/wire.h>

#include "go/go_binary.h"
#include "model/model.h"
#include "probe/attach.h"
#include "probe/links.h"
#include "process/process.h"

#define RESOLVE_NAME_MAX 1024  /* bytes of a function's or file's name */
#define RESOLVE_FRAMES_MAX 256 /* of a stack, inlined ones counted */
#define RESOLVER_PLUGINS (LINKS_FILES - 1)

/* From raw addresses of one process to names for people. */
struct resolver {
	const struct go_binary *bin;
	const struct process *process;
	const struct attachment *attachment; /* NULL: nothing is read that may have changed */
	uint64_t bias;
	uint64_t start_ns;     /* CLOCK_MONOTONIC at the start of the watch */
	struct resolver_file { /* run-time minus link-time address: bias */
		const struct go_binary *bin;
		uint64_t bias;
	} plugins[RESOLVER_PLUGINS];
	size_t nplugins;
	uint64_t unresolved;		/* counts program counters outside the Go code */
	uint64_t names_cut, stacks_cut; /* that were longer than the following */
};

/* The plugin that this address is in, else the program. */
struct resolver_file resolve_file(const struct resolver *r, uint64_t addr);
/* 0 or -ENOMEM. out is filled from nothing; free with report_access_free(). */
int resolve_access(struct resolver *r, const struct mr_access *raw, struct report_access *out);
/* Fills map from the raw header and type. 0 or -ENOMEM. */
int resolve_map(struct resolver *r, uint64_t addr, uint64_t type, const uint8_t *header,
		size_t header_len, struct report_map *map);
/* The type's name, "" when unknown; NULL: no memory. */
char *resolve_type(struct resolver *r, uint64_t type);
/*
 * Takes name over (NULL: no memory). A target can make thousands of them as long as 64 KiB: of what
 * is longer than anybody reads the beginning stays, and what tells it from others.
 */
char *resolve_cut(struct resolver *r, char *name);
enum report_op resolve_op(uint32_t op);

#endif
