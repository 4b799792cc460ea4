/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_GO_GO_BINARY_H
#define MAPRACE_GO_GO_BINARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "go/go_layout.h"
#include "process/elf_file.h"

/*
 * A Go executable as maprace sees it: build info, version, layout, function table (.gopclntab),
 * moduledata, types. All addresses are link-time virtual addresses; whoever has a running process
 * subtracts its load bias first. Works on stripped, PIE, cgo and externally linked files; never
 * looks at the symbol table.
 */
struct go_binary;

struct go_func {
	uint64_t entry, end; /* [entry, end) */
	const char *name;    /* owned by the go_binary */
	uint32_t index;	     /* in the function table */
};

struct go_frame {
	const char *function; /* owned by the go_binary, never NULL ("?" when unknown) */
	const char *file;     /* "" when unknown */
	int line;	      /* 0 when unknown */
	int start_line;	      /* of the function, 0 when unknown (before 1.20) */
	bool inlined;	      /* this frame has no physical frame of its own */
};

/*
 * 0; -ENOEXEC not an ELF we take, or not Go (err says which); -ENOTSUP a Go version outside the
 * table, or a machine other than amd64; -EBADMSG tables that contradict themselves; -EFBIG -E2BIG
 * more to look through, or more relocations, than we take. Ownership of what *out points to: the
 * caller, go_binary_close().
 */
int go_binary_open(struct go_binary **out, const char *path, struct err *err);
/* The same for a plugin that a program has loaded: where it does not say which Go built it, it was
 * the host's. */
int go_binary_open_plugin(struct go_binary **out, const char *path, const struct go_binary *host,
			  struct err *err);
void go_binary_close(struct go_binary *bin);

const struct elf_file *go_binary_elf(const struct go_binary *bin);
const struct go_layout *go_binary_layout(const struct go_binary *bin);
/* "go1.24.4" or "go1.24.4 X:noswissmap" */
const char *go_binary_version(const struct go_binary *bin);
/* The main module's path; in a program built without modules its main package's; or "". */
const char *go_binary_module(const struct go_binary *bin);
bool go_binary_is_cgo(const struct go_binary *bin);
/* Built with -race, as the module information says. */
bool go_binary_is_race(const struct go_binary *bin);
/* runtime.text */
uint64_t go_binary_text(const struct go_binary *bin);

size_t go_binary_func_count(const struct go_binary *bin);
/* -ENOENT beyond the last one, -EBADMSG when its record is malformed. */
int go_binary_func_at(const struct go_binary *bin, size_t i, struct go_func *out);
/* -ENOENT outside [first entry, end of the last function). */
int go_binary_func_by_pc(const struct go_binary *bin, uint64_t pc, struct go_func *out);
/*
 * Looks up n names in one pass over the table: out[i].name is NULL where there is no such function.
 * Where a name occurs several times the first is taken.
 */
int go_binary_find_funcs(const struct go_binary *bin, const char *const *names, size_t n,
			 struct go_func *out);

/*
 * pcsp table: the regions [lo, hi) of f with their SP delta in bytes. At most max regions are
 * stored; returns how many there are, or a negative errno when the table is malformed.
 */
struct go_sp_region {
	uint64_t lo, hi;
	int32_t delta;
};
int go_binary_sp_regions(const struct go_binary *bin, const struct go_func *f,
			 struct go_sp_region *out, size_t max);

/* The SP delta at pc, and the function it is in. -ENOENT where there is no function, or no table. */
int go_binary_sp_delta(const struct go_binary *bin, uint64_t pc, struct go_func *f, int32_t *delta);

/*
 * The frames that stand at pc, innermost first (inlined callees before the physical function). For
 * a return address pass the address itself and is_return = true: the call instruction before it is
 * looked up. Returns the number of frames stored (>= 1; an unknown pc gives one frame "?"), at most
 * max.
 */
int go_binary_frames(const struct go_binary *bin, uint64_t pc, bool is_return, struct go_frame *out,
		     size_t max);

/*
 * Name of the type at link-time address type, as Go prints it ("map[string]int"). Types outside
 * this binary's type section (made by reflection at run time) are -ENOENT.
 */
int go_binary_type_name(const struct go_binary *bin, uint64_t type, char *buf, size_t len);
/*
 * The same for a type in a live process's memory (reflect.MapOf …): builds "map[K]V" from key and
 * element types read through read_mem, which copies len bytes at a run-time address and returns 0
 * or a negative errno.
 */
typedef int (*go_read_mem)(void *ctx, uint64_t addr, void *buf, size_t len);
int go_binary_live_type_name(const struct go_binary *bin, uint64_t bias, uint64_t type,
			     go_read_mem read_mem, void *ctx, char *buf, size_t len);

/* Where type descriptors and their names are, as link-time addresses. */
void go_binary_types(const struct go_binary *bin, uint64_t *lo, uint64_t *hi);

/* Copies a read-only string of the binary (the argument of runtime.fatal). 0 or negative errno. buf
 * is always terminated. */
int go_binary_string(const struct go_binary *bin, uint64_t addr, size_t n, char *buf, size_t len);

#endif
