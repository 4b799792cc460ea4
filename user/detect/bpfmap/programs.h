/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_DETECT_BPFMAP_PROGRAMS_H
#define MAPRACE_DETECT_BPFMAP_PROGRAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <maprace/bpfmap.h>

/* The BPF programs of this kernel: who they are, and where their code lies. Those that are gone
 * stay known by name. */
struct bpf_known_program {
	uint32_t id;
	uint32_t type; /* enum bpf_prog_type */
	char name[16];
	char tag[17];
	bool loaded;
};

struct bpf_code_range {
	uint64_t lo, hi;
	uint32_t id;
};

struct programs {
	struct bpf_known_program *list; /* by id, ascending */
	size_t n;
	struct bpf_code_range *ranges;
	size_t nranges;
	uint64_t ids_hash; /* of the ids at the last look */
};

/* Looks again; *changed when programs came or went. 0 or negative errno. */
int programs_refresh(struct programs *p, bool *changed);
/* Writes where programs lie into the table that the kernel side looks in; returns how many pieces
 * found no room. */
size_t programs_publish(const struct programs *p, struct mr_bpf_chunk *chunks);
const struct bpf_known_program *programs_find(const struct programs *p, uint32_t id);
/* The program whose code holds this address, else NULL. */
const struct bpf_known_program *programs_at(const struct programs *p, uint64_t address);
const char *program_type_name(uint32_t type); /* "xdp", "unknown" */
void programs_free(struct programs *p);

#endif
