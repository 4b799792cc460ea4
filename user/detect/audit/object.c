/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "detect/audit/object.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_CODE 4096	    /* sections of code */
#define MAX_VARIABLES 65536 /* of global data */

/* What a section is to us. */
enum role { ROLE_NONE, ROLE_CODE, ROLE_MAPS, ROLE_OLD_MAPS, ROLE_DATA };

struct place {
	enum role role;
	uint32_t base; /* code: its first instruction; data: its map */
	uint32_t n;    /* code: instructions */
};

struct reader {
	struct audit_unit *unit;
	struct elf_object elf;
	struct place *places; /* of sections */
	uint32_t *maps;	      /* of symbols: map + 1 */
	uint32_t *mapped;     /* symbols that have one */
	uint32_t nmapped;
	uint32_t *code; /* sections of code */
	uint32_t ncode;
	uint32_t *variables; /* BTF's, by name */
	uint32_t nvariables;
};

static bool begins(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

static enum role role_of(const struct elf_piece *s)
{
	if (s->type == SHT_PROGBITS && (s->flags & SHF_EXECINSTR))
		return s->size >= sizeof(struct bpf_insn) ? ROLE_CODE : ROLE_NONE;
	if (!strcmp(s->name, ".maps"))
		return ROLE_MAPS;
	if (!strcmp(s->name, "maps"))
		return ROLE_OLD_MAPS;
	if (begins(s->name, ".data") || begins(s->name, ".bss") || begins(s->name, ".rodata") ||
	    begins(s->name, ".percpu"))
		return ROLE_DATA;
	return ROLE_NONE;
}

static int add_data(struct reader *r, uint32_t section)
{
	const struct elf_piece *s = &r->elf.sections[section];
	struct audit_map *map = audit_unit_add_map(r->unit, strdup(s->name));

	if (!map)
		return -ENOMEM;
	map->type = begins(s->name, ".percpu") ? BPF_MAP_TYPE_PERCPU_ARRAY : BPF_MAP_TYPE_ARRAY;
	map->flags = begins(s->name, ".rodata") ? BPF_F_RDONLY_PROG : 0;
	map->key_size = 4;
	map->value_size = s->size < UINT32_MAX ? (uint32_t)s->size : UINT32_MAX;
	r->places[section].base = (uint32_t)(map - r->unit->maps);
	return 0;
}

static int place_sections(struct reader *r, struct err *err)
{
	struct audit_unit *unit = r->unit;
	uint64_t total = 0;
	uint32_t i;

	r->places = calloc(r->elf.nsections + 1, sizeof(*r->places));
	r->code = calloc(MAX_CODE, sizeof(*r->code));
	if (!r->places || !r->code)
		return -ENOMEM;
	for (i = 0; i < r->elf.nsections; i++) {
		struct place *p = &r->places[i];

		p->role = role_of(&r->elf.sections[i]);
		if (p->role == ROLE_DATA && add_data(r, i))
			return -ENOMEM;
		if (p->role != ROLE_CODE)
			continue;
		if (r->ncode >= MAX_CODE)
			return err_set(err, -ENOEXEC, "it has more than %d sections of code",
				       MAX_CODE);
		r->code[r->ncode++] = i;
		p->base = (uint32_t)total;
		p->n = (uint32_t)(r->elf.sections[i].size / sizeof(struct bpf_insn));
		total += p->n;
		if (total > AUDIT_MAX_INSNS)
			return err_set(err, -ENOEXEC, "it has more than %u instructions",
				       AUDIT_MAX_INSNS);
	}
	if (!total)
		return err_set(err, -ENOEXEC, "there is no code in it");
	unit->n = (uint32_t)total;
	/* one more: the second half of a wide one that is cut off */
	unit->insns = calloc(total + 1, sizeof(*unit->insns));
	unit->refs = calloc(total + 1, sizeof(*unit->refs));
	if (!unit->insns || !unit->refs)
		return -ENOMEM;
	for (i = 0; i < r->ncode; i++)
		memcpy(&unit->insns[r->places[r->code[i]].base], r->elf.sections[r->code[i]].data,
		       r->places[r->code[i]].n * sizeof(*unit->insns));
	return 0;
}

/* --- functions --- */

static uint32_t type_of_section(const char *name)
{
	enum bpf_attach_type attach;
	enum bpf_prog_type type;

	while (*name == '?')
		name++;
	return libbpf_prog_type_by_name(name, &type, &attach) ? BPF_PROG_TYPE_UNSPEC : type;
}

static int add_function(struct reader *r, const Elf64_Sym *sym)
{
	const struct place *p = &r->places[sym->st_shndx];
	const char *section = r->elf.sections[sym->st_shndx].name;
	uint64_t start = sym->st_value / sizeof(struct bpf_insn);
	uint64_t n = sym->st_size / sizeof(struct bpf_insn);
	struct audit_unit *unit = r->unit;
	struct audit_function *fn;

	if (!n || start >= p->n || n > p->n - start || unit->nfunctions >= AUDIT_MAX_FUNCTIONS)
		return 0;
	fn = reallocarray(unit->functions, unit->nfunctions + 1, sizeof(*fn));
	if (!fn)
		return -ENOMEM;
	unit->functions = fn;
	fn += unit->nfunctions++;
	*fn = (struct audit_function){
		.start = p->base + (uint32_t)start,
		.end = p->base + (uint32_t)(start + n),
		.name = strdup(elf_object_symbol_name(&r->elf, sym)),
		.entry = strcmp(section, ".text") != 0,
		.section = strdup(section),
	};
	fn->prog_type = fn->entry ? type_of_section(section) : 0;
	return fn->name && fn->section ? 0 : -ENOMEM;
}

static int by_start(const void *a, const void *b)
{
	const struct audit_function *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

/* None may overlap: of two that do, the later one begins where the first one ends. */
static void sort_functions(struct audit_unit *unit)
{
	uint32_t i, n = 0;

	if (unit->nfunctions)
		qsort(unit->functions, unit->nfunctions, sizeof(*unit->functions), by_start);
	for (i = 0; i < unit->nfunctions; i++) {
		struct audit_function *fn = &unit->functions[i];

		if (n && fn->start < unit->functions[n - 1].end) {
			free(fn->name);
			free(fn->section);
			continue;
		}
		unit->functions[n++] = *fn;
	}
	unit->nfunctions = n;
}

static int read_functions(struct reader *r)
{
	Elf64_Sym sym;
	uint32_t i;
	int rc = 0;

	for (i = 0; !rc && elf_object_symbol(&r->elf, i, &sym); i++)
		if (ELF64_ST_TYPE(sym.st_info) == STT_FUNC && sym.st_shndx < r->elf.nsections &&
		    r->places[sym.st_shndx].role == ROLE_CODE)
			rc = add_function(r, &sym);
	sort_functions(r->unit);
	return rc;
}

/* --- maps and variables --- */

static const char *variable_name(const struct btf *btf, uint32_t id)
{
	const char *name = btf__name_by_offset(btf, btf__type_by_id(btf, id)->name_off);

	return name ? name : "";
}

static int by_name(const void *a, const void *b, void *btf)
{
	return strcmp(variable_name(btf, *(const uint32_t *)a),
		      variable_name(btf, *(const uint32_t *)b));
}

static int sort_variables(struct reader *r)
{
	uint32_t i, n = r->unit->btf ? btf__type_cnt(r->unit->btf) : 0;

	for (i = 1; i < n; i++)
		r->nvariables += btf_is_var(btf__type_by_id(r->unit->btf, i));
	if (r->nvariables > MAX_VARIABLES)
		r->nvariables = MAX_VARIABLES;
	r->variables = calloc(r->nvariables + 1, sizeof(*r->variables));
	if (!r->variables)
		return -ENOMEM;
	for (i = 1, r->nvariables = 0; i < n && r->nvariables < MAX_VARIABLES; i++)
		if (btf_is_var(btf__type_by_id(r->unit->btf, i)))
			r->variables[r->nvariables++] = i;
	if (r->nvariables)
		qsort_r(r->variables, r->nvariables, sizeof(*r->variables), by_name, r->unit->btf);
	return 0;
}

/* The type of a variable; 0: not known. */
static uint32_t variable_type(const struct reader *r, const char *name)
{
	uint32_t lo = 0, hi = r->nvariables, mid;
	int order;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		order = strcmp(variable_name(r->unit->btf, r->variables[mid]), name);
		if (!order)
			return btf__type_by_id(r->unit->btf, r->variables[mid])->type;
		if (order < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return 0;
}

static int add_variable(struct reader *r, const Elf64_Sym *sym, const char *name)
{
	struct audit_unit *unit = r->unit;
	struct audit_symbol *grown;

	if (sym->st_value > UINT32_MAX || sym->st_size > UINT32_MAX ||
	    unit->nsymbols >= MAX_VARIABLES)
		return 0;
	grown = reallocarray(unit->symbols, unit->nsymbols + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	unit->symbols = grown;
	grown[unit->nsymbols] = (struct audit_symbol){
		.map = r->places[sym->st_shndx].base,
		.off = (uint32_t)sym->st_value,
		.size = (uint32_t)sym->st_size,
		.name = strdup(name),
		.type = variable_type(r, name),
	};
	return grown[unit->nsymbols++].name ? 0 : -ENOMEM;
}

static int add_symbol(struct reader *r, uint32_t i, const Elf64_Sym *sym)
{
	const char *name = elf_object_symbol_name(&r->elf, sym);
	const struct elf_piece *s = &r->elf.sections[sym->st_shndx];
	uint32_t map;
	int rc;

	switch (r->places[sym->st_shndx].role) {
	case ROLE_MAPS:
		rc = audit_object_map(r->unit, name, variable_type(r, name), &map);
		break;
	case ROLE_OLD_MAPS:
		if (s->type == SHT_NOBITS || sym->st_value > s->size)
			return 0;
		rc = audit_object_old_map(r->unit, name, s->data + sym->st_value,
					  s->size - sym->st_value, &map);
		break;
	case ROLE_DATA:
		return ELF64_ST_TYPE(sym->st_info) == STT_OBJECT ? add_variable(r, sym, name) : 0;
	default:
		return 0;
	}
	if (!rc) {
		r->maps[i] = map + 1;
		r->mapped[r->nmapped++] = i; /* as many as maps at most */
	}
	return rc;
}

static int read_symbols(struct reader *r)
{
	unsigned int type;
	Elf64_Sym sym;
	uint32_t i;
	int rc = 0;

	r->maps = calloc(r->elf.nsymbols + 1, sizeof(*r->maps));
	r->mapped = calloc(AUDIT_MAX_MAPS, sizeof(*r->mapped));
	if (!r->maps || !r->mapped)
		return -ENOMEM;
	for (i = 0; !rc && elf_object_symbol(&r->elf, i, &sym); i++) {
		type = ELF64_ST_TYPE(sym.st_info);
		if (sym.st_shndx < r->elf.nsections && (type == STT_OBJECT || type == STT_NOTYPE))
			rc = add_symbol(r, i, &sym);
	}
	return rc;
}

/* --- relocations --- */

static void refer(struct reader *r, uint32_t insn, enum audit_ref_kind kind, uint64_t which,
		  uint64_t off)
{
	r->unit->refs[insn] =
		(struct audit_ref){.kind = kind, .which = (uint32_t)which, .off = (uint32_t)off};
}

static void refer_function(struct reader *r, uint32_t insn, int64_t target)
{
	const struct audit_function *fn;

	if (target < 0 || target >= r->unit->n)
		return;
	fn = audit_unit_function(r->unit, (uint32_t)target);
	if (fn && fn->start == target)
		refer(r, insn, AUDIT_REF_FUNC, (uint64_t)(fn - r->unit->functions), 0);
}

/* A static map has no symbol of its own in the relocation, but its section's. */
static uint32_t map_of(const struct reader *r, uint32_t index, const Elf64_Sym *sym, uint64_t off)
{
	Elf64_Sym other;
	uint32_t i;

	if (r->maps[index])
		return r->maps[index];
	for (i = 0; i < r->nmapped; i++)
		if (elf_object_symbol(&r->elf, r->mapped[i], &other) &&
		    other.st_shndx == sym->st_shndx && other.st_value == off)
			return r->maps[r->mapped[i]];
	return 0;
}

static void refer_wide(struct reader *r, uint32_t insn, uint32_t index, const Elf64_Sym *sym)
{
	const struct place *p = &r->places[sym->st_shndx];
	uint64_t off = sym->st_value + (uint64_t)(int64_t)r->unit->insns[insn].imm;
	uint32_t map;

	switch (p->role) {
	case ROLE_MAPS:
	case ROLE_OLD_MAPS:
		map = map_of(r, index, sym, off);
		if (map)
			refer(r, insn, AUDIT_REF_MAP, map - 1, 0);
		break;
	case ROLE_DATA:
		refer(r, insn, AUDIT_REF_VALUE, p->base, off);
		break;
	case ROLE_CODE:
		if (off / 8 < p->n)
			refer_function(r, insn, (int64_t)p->base + (int64_t)(off / 8));
		break;
	case ROLE_NONE:
		break;
	}
}

static void refer_call(struct reader *r, uint32_t insn, const Elf64_Sym *sym)
{
	const char *name = elf_object_symbol_name(&r->elf, sym);

	if (sym->st_shndx == SHN_UNDEF) /* a kfunc */
		refer(r, insn, AUDIT_REF_HELPER, audit_helper_by_name(name), 0);
	else if (sym->st_shndx < r->elf.nsections && r->places[sym->st_shndx].role == ROLE_CODE &&
		 sym->st_value / 8 < r->places[sym->st_shndx].n)
		refer_function(r, insn,
			       (int64_t)r->places[sym->st_shndx].base +
				       (int64_t)(sym->st_value / 8) + r->unit->insns[insn].imm + 1);
}

static bool is_call(const struct bpf_insn *insn)
{
	return insn->code == (BPF_JMP | BPF_CALL);
}

static void relocate(struct reader *r, const struct place *p, const uint8_t *entry)
{
	uint32_t insn, index;
	Elf64_Sym sym;
	Elf64_Rel rel;

	memcpy(&rel, entry, sizeof(rel));
	index = (uint32_t)ELF64_R_SYM(rel.r_info);
	if (rel.r_offset / 8 >= p->n || !elf_object_symbol(&r->elf, index, &sym))
		return;
	insn = p->base + (uint32_t)(rel.r_offset / 8);
	if (is_call(&r->unit->insns[insn]))
		refer_call(r, insn, &sym);
	else if (r->unit->insns[insn].code == (BPF_LD | BPF_IMM | BPF_DW) &&
		 sym.st_shndx < r->elf.nsections) {
		refer_wide(r, insn, index, &sym);
		/* an address, whatever it is of, is no number */
		r->unit->insns[insn].src_reg = BPF_PSEUDO_BTF_ID;
	}
}

/* Calls that need no relocation. */
static void refer_plain(struct reader *r, const struct place *p)
{
	const struct bpf_insn *insn;
	uint32_t i;

	for (i = p->base; i < p->base + p->n; i++) {
		insn = &r->unit->insns[i];
		if (!is_call(insn))
			continue;
		if (insn->src_reg == BPF_PSEUDO_CALL)
			refer_function(r, i, (int64_t)i + insn->imm + 1);
		else if (!insn->src_reg)
			refer(r, i, AUDIT_REF_HELPER, audit_helper_by_id((uint32_t)insn->imm), 0);
	}
}

static void read_relocations(struct reader *r)
{
	const struct elf_piece *s;
	uint64_t off;
	uint32_t i;

	for (i = 0; i < r->elf.nsections; i++)
		if (r->places[i].role == ROLE_CODE)
			refer_plain(r, &r->places[i]);
	for (i = 0; i < r->elf.nsections; i++) {
		s = &r->elf.sections[i];
		if (s->type != SHT_REL || s->info >= r->elf.nsections ||
		    r->places[s->info].role != ROLE_CODE)
			continue;
		for (off = 0; off + sizeof(Elf64_Rel) <= s->size; off += sizeof(Elf64_Rel))
			relocate(r, &r->places[s->info], s->data + off);
	}
}

/* --- lines --- */

static uint32_t word(const uint8_t *p)
{
	uint32_t w;

	memcpy(&w, p, sizeof(w));
	return w;
}

static const struct place *place_of(const struct reader *r, const char *name)
{
	uint32_t i;

	for (i = 0; name && i < r->ncode; i++)
		if (!strcmp(r->elf.sections[r->code[i]].name, name))
			return &r->places[r->code[i]];
	return NULL;
}

static int add_lines(struct reader *r, const struct place *p, const uint8_t *rec, uint32_t n,
		     uint32_t size)
{
	uint32_t i, insn;
	int rc = 0;

	for (i = 0; p && i < n && !rc; i++, rec += size) {
		insn = word(rec) / 8;
		if (insn < p->n)
			rc = audit_unit_add_line(r->unit, p->base + insn,
						 btf__name_by_offset(r->unit->btf, word(rec + 4)),
						 word(rec + 12) >> 10);
	}
	return rc;
}

/* .BTF.ext: magic, version, flags, length of the header; then where the parts are, from its end. */
static int read_lines(struct reader *r)
{
	const struct elf_piece *ext = elf_object_section(&r->elf, ".BTF.ext");
	uint64_t at, end, header;
	uint32_t size, n, parts = 0;
	int rc = 0;

	if (!ext || !r->unit->btf || ext->type == SHT_NOBITS || ext->size < 24 ||
	    (word(ext->data) & 0xffff) != BTF_MAGIC)
		return 0;
	header = word(ext->data + 4);
	at = header + word(ext->data + 16);
	end = at + word(ext->data + 20);
	if (end > ext->size || end - at < 4)
		return 0;
	size = word(ext->data + at);
	if (size < 16 || size > 1024)
		return 0;
	at += 4;
	while (!rc && end - at >= 8 && parts++ < MAX_CODE) {
		n = word(ext->data + at + 4);
		if ((end - at - 8) / size < n)
			return 0;
		rc = add_lines(r,
			       place_of(r, btf__name_by_offset(r->unit->btf, word(ext->data + at))),
			       ext->data + at + 8, n, size);
		at += 8 + (uint64_t)n * size;
	}
	return rc;
}

/* --- all of it --- */

static void read_btf(struct reader *r)
{
	const struct elf_piece *s = elf_object_section(&r->elf, ".BTF");

	if (s && s->type != SHT_NOBITS && s->size && s->size < UINT32_MAX)
		r->unit->btf = btf__new(s->data, (uint32_t)s->size);
}

static int read_all(struct reader *r, struct err *err)
{
	int rc;

	read_btf(r);
	rc = sort_variables(r);
	if (!rc)
		rc = place_sections(r, err);
	if (!rc)
		rc = read_functions(r);
	if (!rc)
		rc = read_symbols(r);
	if (rc)
		return rc;
	read_relocations(r);
	rc = read_lines(r);
	audit_unit_finish(r->unit);
	return rc;
}

int audit_object_read(struct audit_unit *unit, const char *name, const uint8_t *data, size_t size,
		      struct err *err)
{
	struct reader r = {.unit = unit};
	int rc;

	memset(unit, 0, sizeof(*unit));
	unit->object = strdup(name);
	rc = unit->object ? elf_object_open(&r.elf, data, size, err) : -ENOMEM;
	if (!rc)
		rc = read_all(&r, err);
	elf_object_close(&r.elf);
	free(r.places);
	free(r.maps);
	free(r.mapped);
	free(r.code);
	free(r.variables);
	return rc == -ENOMEM ? err_set(err, rc, "out of memory") : rc;
}
