/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_DETECT_AUDIT_UNIT_H
#define MAPRACE_DETECT_AUDIT_UNIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/bpf.h>

#include "base/err.h"
#include "detect/audit/helpers.h"

struct btf;

/*
 * BPF code as it is analysed, whether it comes from an object file or from the kernel: instructions
 * in a row, and for each of them what it refers to. Every index in it was checked by its reader.
 */
#define AUDIT_MAX_INSNS (2u << 20)
#define AUDIT_MAX_MAPS 4096
#define AUDIT_MAX_FUNCTIONS 65536

enum audit_ref_kind {
	AUDIT_REF_NONE,
	AUDIT_REF_MAP,	  /* loads a map's address; which: the map */
	AUDIT_REF_VALUE,  /* loads the address of global data; which: the map, off: where in it */
	AUDIT_REF_FUNC,	  /* calls a function here, or loads its address; which: the function */
	AUDIT_REF_HELPER, /* calls the kernel; which: enum audit_helper */
};

struct audit_ref {
	uint32_t kind; /* enum audit_ref_kind */
	uint32_t which;
	uint32_t off;
};

struct audit_map {
	char *name;
	uint32_t id; /* 0: of an object file */
	uint32_t type, key_size, value_size, flags;
	const struct btf *btf; /* NULL: none; the unit's, or owned_btf */
	uint32_t value_type;   /* in btf; 0: not known */
	struct btf *owned_btf; /* freed with the map */
	int32_t inner;	       /* map of maps: what its values are like; -1: not known */
	bool inside;	       /* it stands for the maps within another one */
	bool has_lock;	       /* its values have a bpf_spin_lock or the like, by their type */
};

struct audit_function {
	uint32_t start, end; /* instructions */
	char *name;
	uint32_t prog_type; /* enum bpf_prog_type; of an entry */
	bool entry;	    /* the kernel calls it: a program */
	char *section;	    /* NULL: not known */
};

struct audit_line {
	uint32_t insn, line;
	const char *file; /* in the unit's btf; "" when not known */
};

struct audit_symbol { /* of global data in an object file */
	uint32_t map, off, size;
	char *name;
	uint32_t type; /* in the unit's btf; 0: not known */
};

struct audit_unit {
	char *object;	/* the file; NULL: loaded into this kernel */
	uint32_t id;	/* of a loaded program */
	char tag[17];	/* of a loaded program, else "" */
	char name[128]; /* of a loaded program */
	struct btf *btf;
	struct bpf_insn *insns;
	struct audit_ref *refs; /* one for each instruction */
	uint32_t n;
	struct audit_map *maps;
	uint32_t nmaps;
	struct audit_function *functions; /* by start, ascending; they do not overlap */
	uint32_t nfunctions;
	struct audit_line *lines; /* by insn, ascending */
	uint32_t nlines;
	struct audit_symbol *symbols; /* by map and offset */
	uint32_t nsymbols;
	bool unnamed_calls; /* the kernel does not show which helpers are called */
};

void audit_unit_free(struct audit_unit *unit); /* what it owns */
/* The function that holds an instruction; NULL: none. */
const struct audit_function *audit_unit_function(const struct audit_unit *unit, uint32_t insn);
/* The line that an instruction was made of; NULL: not known. */
const struct audit_line *audit_unit_line(const struct audit_unit *unit, uint32_t insn);
/* The variable at an offset in a map of global data; NULL: not known. */
const struct audit_symbol *audit_unit_symbol(const struct audit_unit *unit, uint32_t map,
					     uint32_t off);
/* A new map, zero but for inner; NULL: too many, or no memory. Takes name over. */
struct audit_map *audit_unit_add_map(struct audit_unit *unit, char *name);
/* The map that stands for those within another one, made when it is not there; -1: none. */
int32_t audit_unit_inner(struct audit_unit *unit, uint32_t map);
/* 0 or -ENOMEM; what is out of bounds is left out. */
int audit_unit_add_line(struct audit_unit *unit, uint32_t insn, const char *file, uint32_t line);
/* After the last addition: puts lines and symbols in order, and gives each map of maps its inner
 * one. */
void audit_unit_finish(struct audit_unit *unit);

/* Whether several CPUs see the same value. */
bool audit_map_per_cpu(uint32_t type);
bool audit_map_of_maps(uint32_t type);
/* Whether a look-up gives the address of a value that is shared. */
bool audit_map_has_values(uint32_t type);

#endif
