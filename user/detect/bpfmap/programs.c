/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "detect/bpfmap/programs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_FUNCTIONS 512 /* of one program */
#define MAX_LENGTH (1u << 20)

static struct bpf_known_program *program_slot(struct programs *p, uint32_t id)
{
	struct bpf_known_program *grown;
	size_t i = p->n;

	while (i && p->list[i - 1].id >= id)
		i--;
	if (i < p->n && p->list[i].id == id)
		return &p->list[i];
	grown = realloc(p->list, (p->n + 1) * sizeof(*grown));
	if (!grown)
		return NULL;
	p->list = grown;
	memmove(&grown[i + 1], &grown[i], (p->n - i) * sizeof(*grown));
	p->n++;
	grown[i] = (struct bpf_known_program){.id = id};
	return &grown[i];
}

static int add_range(struct programs *p, uint32_t id, uint64_t lo, uint32_t length)
{
	struct bpf_code_range *grown;

	if (!lo || !length || length > MAX_LENGTH)
		return 0;
	grown = realloc(p->ranges, (p->nranges + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	p->ranges = grown;
	grown[p->nranges++] = (struct bpf_code_range){lo, lo + length, id};
	return 0;
}

static int look_at(struct programs *p, uint32_t id)
{
	uint64_t ksyms[MAX_FUNCTIONS] = {};
	uint32_t lengths[MAX_FUNCTIONS] = {}, i, n, size;
	struct bpf_prog_info info = {
		.jited_ksyms = (uintptr_t)ksyms,
		.nr_jited_ksyms = MAX_FUNCTIONS,
		.jited_func_lens = (uintptr_t)lengths,
		.nr_jited_func_lens = MAX_FUNCTIONS,
	};
	int fd = bpf_prog_get_fd_by_id(id), r = 0;
	struct bpf_known_program *k;

	if (fd < 0)
		return 0; /* gone meanwhile */
	size = sizeof(info);
	if (bpf_prog_get_info_by_fd(fd, &info, &size))
		goto out;
	k = program_slot(p, id);
	if (!k) {
		r = -ENOMEM;
		goto out;
	}
	k->type = info.type;
	k->loaded = true;
	snprintf(k->name, sizeof(k->name), "%.15s", info.name);
	for (i = 0; i < 8; i++)
		snprintf(&k->tag[(size_t)i * 2], 3, "%02x", info.tag[i]);
	n = info.nr_jited_ksyms < info.nr_jited_func_lens ? info.nr_jited_ksyms
							  : info.nr_jited_func_lens;
	for (i = 0; i < n && i < MAX_FUNCTIONS && !r; i++)
		r = add_range(p, id, ksyms[i], lengths[i]);
out:
	close(fd);
	return r;
}

int programs_refresh(struct programs *p, bool *changed)
{
	uint64_t hash = 0xcbf29ce484222325ull;
	uint32_t id = 0;
	size_t i;
	int r = 0;

	*changed = false;
	while (!bpf_prog_get_next_id(id, &id))
		hash = (hash ^ id) * 0x100000001b3ull;
	if (hash == p->ids_hash && p->n)
		return 0;
	p->ids_hash = hash;
	p->nranges = 0;
	*changed = true;
	for (i = 0; i < p->n; i++)
		p->list[i].loaded = false;
	for (id = 0; !r && !bpf_prog_get_next_id(id, &id);)
		r = look_at(p, id);
	return r;
}

static bool put_chunk(struct mr_bpf_chunk *chunks, uint64_t at, uint32_t id)
{
	uint32_t slot = mr_bpf_chunk_slot(at), i;
	struct mr_bpf_chunk *c;

	for (i = 0; i < MR_BPF_CHUNK_PROBES; i++) {
		c = &chunks[(slot + i) & (MR_BPF_CHUNKS - 1)];
		if (c->at && c->at != at)
			continue;
		c->prog_id = id;
		__atomic_store_n(&c->at, at, __ATOMIC_RELEASE);
		return true;
	}
	return false;
}

size_t programs_publish(const struct programs *p, struct mr_bpf_chunk *chunks)
{
	struct mr_bpf_chunk *table = calloc(MR_BPF_CHUNKS, sizeof(*table));
	size_t i, dropped = 0;
	uint64_t at;

	if (!table)
		return p->nranges;
	for (i = 0; i < p->nranges; i++)
		for (at = p->ranges[i].lo >> 6; at <= (p->ranges[i].hi - 1) >> 6; at++)
			dropped += !put_chunk(table, at, p->ranges[i].id);
	/* only what is new: a program that runs meanwhile must not be unknown for a moment */
	for (i = 0; i < MR_BPF_CHUNKS; i++) {
		if (chunks[i].at == table[i].at && chunks[i].prog_id == table[i].prog_id)
			continue;
		if (chunks[i].at != table[i].at)
			__atomic_store_n(&chunks[i].at, 0, __ATOMIC_SEQ_CST);
		chunks[i].prog_id = table[i].prog_id;
		__atomic_store_n(&chunks[i].at, table[i].at, __ATOMIC_SEQ_CST);
	}
	free(table);
	return dropped;
}

const struct bpf_known_program *programs_find(const struct programs *p, uint32_t id)
{
	size_t lo = 0, hi = p->n, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (p->list[mid].id == id)
			return &p->list[mid];
		if (p->list[mid].id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

const struct bpf_known_program *programs_at(const struct programs *p, uint64_t address)
{
	size_t i;

	for (i = 0; i < p->nranges; i++)
		if (address > p->ranges[i].lo && address <= p->ranges[i].hi) /* a return address */
			return programs_find(p, p->ranges[i].id);
	return NULL;
}

const char *program_type_name(uint32_t type)
{
	const char *name = libbpf_bpf_prog_type_str((enum bpf_prog_type)type);

	return name ? name : "unknown";
}

void programs_free(struct programs *p)
{
	free(p->list);
	free(p->ranges);
	*p = (struct programs){};
}
