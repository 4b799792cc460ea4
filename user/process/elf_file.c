/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "process/elf_file.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/open_file.h"
#include "process/elf_note.h"
#include "process/elf_reloc.h"

/* What no linker makes for an executable; above it a file is taken for damaged. */
#define MAX_SEGMENTS 256
#define MAX_SECTIONS 4096
#define MAX_STRTAB (1u << 20)

#define UPX_HEAD 1024
#define COMPARED 16384 /* bytes at a time */
#define DOUBTS_MAX 8   /* who changes its times again and again is not looked at again and again */

struct elf_file {
	int fd;
	struct file_identity
		was; /* when it was opened, but for changes that are none of its contents */
	uint8_t head[FILE_HEAD]; /* its first bytes then */
	bool written;		 /* to, since */
	/* what was read of it once, and stays where it is */
	const uint8_t *vouched;
	uint64_t vouched_offset;
	size_t vouched_len;
	unsigned int doubts; /* its time was another one */
	bool refused;	     /* something of it has been, since */
	uint16_t type, machine;
	struct elf_segment *loads;
	size_t n_loads;
	struct elf_segment dynamic;
	struct elf_section *sections;
	size_t n_sections;
	char *names; /* of the sections */
	bool has_symtab;
	char build_id[ELF_BUILD_ID_MAX];
	struct elf_relocs relocs; /* a cache: filled at the first question */
	int relocs_state;	  /* 1 not asked yet, 0 loaded, or why not */
	uint64_t scanned;	  /* bytes of it, of ELF_SCAN_MAX */
};

static size_t head_len(const struct elf_file *elf)
{
	return elf->was.size < FILE_HEAD ? elf->was.size : FILE_HEAD;
}

static bool is_as_vouched(const struct elf_file *elf)
{
	uint8_t piece[COMPARED];
	size_t done = 0, len;

	while (done < elf->vouched_len) {
		len = elf->vouched_len - done;
		len = len < COMPARED ? len : COMPARED;
		if (file_read_at(elf->fd, piece, len, elf->vouched_offset + done) != (ssize_t)len ||
		    memcmp(piece, elf->vouched + done, len) != 0)
			return false;
		done += len;
	}
	return done > 0;
}

/*
 * A name that is given to it or taken away (mv(1), rm(1)) does no harm: nobody has written then.
 * Nor does it that its time is another one (touch(1)), where what was read of it once is the same
 * still.
 */
static bool is_the_same(struct elf_file *elf, const struct file_identity *now)
{
	if (!file_is_unwritten(elf->fd, &elf->was, now))
		return false;
	if (now->mtime_ns != elf->was.mtime_ns &&
	    (elf->doubts++ == DOUBTS_MAX || !is_as_vouched(elf)))
		return false;
	elf->was.ctime_ns = now->ctime_ns;
	elf->was.mtime_ns = now->mtime_ns;
	return true;
}

/* What cannot be looked at is not known to be the same. */
bool elf_file_is_unwritten(const struct elf_file *elf)
{
	/* Constant for whoever asks: it says the same from then on. */
	struct elf_file *cache = (struct elf_file *)elf;
	struct file_identity now;

	if (elf->written || file_identify_open(elf->fd, &now))
		return false;
	if (now.ctime_ns == elf->was.ctime_ns && now.size == elf->was.size)
		return true;
	cache->written = !is_the_same(cache, &now);
	return !elf->written;
}

static int read_at(const struct elf_file *elf, uint64_t offset, void *buf, size_t len)
{
	struct elf_file *note = (struct elf_file *)elf;
	ssize_t n = file_read_at(elf->fd, buf, len, offset);

	if (n < 0)
		return (int)n;
	if (!elf_file_is_unwritten(elf)) { /* behind the read: it may have come meanwhile */
		note->refused = true;
		return -ESTALE;
	}
	return (size_t)n == len ? 0 : -ENODATA; /* became shorter under our hands */
}

static int truncated(const char *path, const char *what, uint64_t end, uint64_t size,
		     struct err *err)
{
	err_hint(err, "fetch or build the file again");
	return err_set(err, -ENOEXEC,
		       "%s is truncated or damaged: its %s end at byte %#llx, the file at %#llx",
		       path, what, (unsigned long long)end, (unsigned long long)size);
}

static int refuse(const char *path, const char *why, struct err *err)
{
	return err_set(err, -ENOEXEC, "%s %s", path, why);
}

static int check_ident(const char *path, const uint8_t *h, struct err *err)
{
	if (memcmp(h, ELFMAG, SELFMAG) != 0)
		return refuse(path, "is not an ELF executable", err);
	if (h[EI_CLASS] == ELFCLASS32)
		return refuse(path, "is a 32-bit executable; only 64-bit ones can be watched", err);
	if (h[EI_CLASS] != ELFCLASS64)
		return refuse(path, "is a damaged ELF file (its class is neither 32 nor 64 bits)",
			      err);
	if (h[EI_DATA] != ELFDATA2LSB)
		return refuse(path, "is a big-endian executable, made for another machine", err);
	return 0;
}

static int check_type(struct elf_file *elf, const char *path, const Elf64_Ehdr *eh, struct err *err)
{
	elf->type = eh->e_type;
	elf->machine = eh->e_machine;
	if (elf->type == ET_REL)
		return refuse(path, "is an object file, not an executable", err);
	if (elf->type == ET_CORE)
		return refuse(path, "is a core dump, not an executable", err);
	if (elf->type != ET_EXEC && elf->type != ET_DYN)
		return refuse(path, "is an ELF file but not an executable", err);
	if (elf->machine != EM_X86_64 && elf->machine != EM_AARCH64)
		return err_set(err, -ENOEXEC, "%s is made for another machine (ELF machine %u)",
			       path, elf->machine);
	return 0;
}

/* The header tables must lie in the file before anything is allocated for them. */
static int check_tables(const struct elf_file *elf, const char *path, const Elf64_Ehdr *eh,
			struct err *err)
{
	uint64_t phsize = (uint64_t)eh->e_phnum * sizeof(Elf64_Phdr);
	uint64_t shsize = (uint64_t)eh->e_shnum * sizeof(Elf64_Shdr);

	if (!eh->e_phnum)
		return refuse(path, "has no program headers: it cannot be run", err);
	if (eh->e_phentsize != sizeof(Elf64_Phdr) || eh->e_phnum > MAX_SEGMENTS ||
	    (eh->e_shnum && eh->e_shentsize != sizeof(Elf64_Shdr)) || eh->e_shnum > MAX_SECTIONS)
		return refuse(path, "is a damaged ELF file (its header tables make no sense)", err);
	if (!range_fits(eh->e_phoff, phsize, elf->was.size))
		return truncated(path, "program headers", eh->e_phoff + phsize, elf->was.size, err);
	if (!range_fits(eh->e_shoff, shsize, elf->was.size))
		return truncated(path, "section headers", eh->e_shoff + shsize, elf->was.size, err);
	return 0;
}

static struct elf_segment segment_of(const Elf64_Phdr *ph)
{
	return (struct elf_segment){
		.vaddr = ph->p_vaddr,
		.offset = ph->p_offset,
		.filesz = ph->p_filesz,
		.memsz = ph->p_memsz,
		.flags = ph->p_flags,
	};
}

static int compare_loads(const void *a, const void *b)
{
	const struct elf_segment *x = a, *y = b;

	return x->vaddr < y->vaddr ? -1 : x->vaddr > y->vaddr;
}

static int add_load(struct elf_file *elf, const char *path, const Elf64_Phdr *ph, struct err *err)
{
	if (!range_fits(ph->p_offset, ph->p_filesz, elf->was.size))
		return truncated(path, "segments", ph->p_offset + ph->p_filesz, elf->was.size, err);
	if (ph->p_filesz > ph->p_memsz || !range_fits(ph->p_vaddr, ph->p_memsz, UINT64_MAX))
		return refuse(path, "is a damaged ELF file (a segment contradicts itself)", err);
	elf->loads[elf->n_loads++] = segment_of(ph);
	return 0;
}

static int load_segments(struct elf_file *elf, const char *path, const Elf64_Ehdr *eh,
			 struct err *err)
{
	size_t size = eh->e_phnum * sizeof(Elf64_Phdr);
	Elf64_Phdr *ph = malloc(size);
	int code = -ENOMEM;
	size_t i;

	elf->loads = calloc(eh->e_phnum, sizeof(*elf->loads));
	if (!ph || !elf->loads)
		goto out;
	code = read_at(elf, eh->e_phoff, ph, size);
	for (i = 0; !code && i < eh->e_phnum; i++) {
		if (ph[i].p_type == PT_LOAD && ph[i].p_memsz)
			code = add_load(elf, path, &ph[i], err);
		else if (ph[i].p_type == PT_DYNAMIC)
			elf->dynamic = segment_of(&ph[i]);
	}
	if (code)
		goto out;
	if (!elf->n_loads) {
		code = refuse(path, "has no loadable segment: it cannot be run", err);
		goto out;
	}
	qsort(elf->loads, elf->n_loads, sizeof(*elf->loads), compare_loads);
	for (i = 1; i < elf->n_loads; i++) {
		if (elf->loads[i].vaddr - elf->loads[i - 1].vaddr < elf->loads[i - 1].memsz)
			code = refuse(path, "is a damaged ELF file (its segments overlap)", err);
	}
	for (i = 0; !code && i < eh->e_phnum; i++) {
		if (ph[i].p_type == PT_NOTE)
			elf_note_build_id(elf, ph[i].p_vaddr, ph[i].p_filesz, elf->build_id);
	}
out:
	free(ph);
	return code;
}

static int load_names(struct elf_file *elf, const char *path, const Elf64_Ehdr *eh,
		      const Elf64_Shdr *sections, struct err *err)
{
	static const char unreadable[] = "is a damaged ELF file (its section names are unreadable)";
	const Elf64_Shdr *strtab;

	if (eh->e_shstrndx >= eh->e_shnum)
		return refuse(path, unreadable, err);
	strtab = &sections[eh->e_shstrndx];
	if (strtab->sh_type != SHT_STRTAB || strtab->sh_size > MAX_STRTAB)
		return refuse(path, unreadable, err);
	if (!range_fits(strtab->sh_offset, strtab->sh_size, elf->was.size))
		return truncated(path, "section names", strtab->sh_offset + strtab->sh_size,
				 elf->was.size, err);
	elf->names = malloc(strtab->sh_size + 1);
	if (!elf->names)
		return -ENOMEM;
	elf->names[strtab->sh_size] = '\0';
	return read_at(elf, strtab->sh_offset, elf->names, strtab->sh_size);
}

static int load_sections(struct elf_file *elf, const char *path, const Elf64_Ehdr *eh,
			 struct err *err)
{
	size_t size = eh->e_shnum * sizeof(Elf64_Shdr);
	Elf64_Shdr *sh = NULL;
	int code;
	size_t i;

	if (!eh->e_shnum)
		return 0;
	sh = malloc(size);
	elf->sections = calloc(eh->e_shnum, sizeof(*elf->sections));
	if (!sh || !elf->sections) {
		code = -ENOMEM;
		goto out;
	}
	code = read_at(elf, eh->e_shoff, sh, size);
	if (code)
		goto out;
	code = load_names(elf, path, eh, sh, err);
	if (code)
		goto out;
	for (i = 0; i < eh->e_shnum; i++) {
		struct elf_section *s = &elf->sections[elf->n_sections];

		if (sh[i].sh_name >= sh[eh->e_shstrndx].sh_size)
			continue;
		if (sh[i].sh_type != SHT_NOBITS &&
		    !range_fits(sh[i].sh_offset, sh[i].sh_size, elf->was.size)) {
			code = truncated(path, "sections", sh[i].sh_offset + sh[i].sh_size,
					 elf->was.size, err);
			goto out;
		}
		s->name = elf->names + sh[i].sh_name;
		s->addr = sh[i].sh_addr;
		s->offset = sh[i].sh_offset;
		s->size = sh[i].sh_size;
		s->type = sh[i].sh_type;
		if (s->type == SHT_SYMTAB && s->size)
			elf->has_symtab = true;
		elf->n_sections++;
	}
out:
	free(sh);
	return code;
}

/*
 * UPX leaves a stub: no sections, its mark right behind the program headers, and the real program
 * compressed. Nothing of Go can be seen in it, and the running process executes from anonymous
 * memory, where no uprobe can stand.
 */
static int check_packed(const struct elf_file *elf, const char *path, const Elf64_Ehdr *eh,
			struct err *err)
{
	size_t len = head_len(elf) < UPX_HEAD ? head_len(elf) : UPX_HEAD;

	if (eh->e_shnum || !memmem(elf->head, len, "UPX!", 4))
		return 0;
	err_hint(err, "unpack it with upx -d and run the unpacked file");
	return refuse(path,
		      "is packed by UPX: its code exists only in memory, where it cannot be probed",
		      err);
}

static int open_file(struct elf_file *elf, const char *path, struct err *err)
{
	int found = file_find(path), code;
	struct file_identity of;

	code = found < 0 ? found : file_identify_open(found, &of);
	if (!code && S_ISDIR(of.mode))
		code = refuse(path, "is a directory, not an executable", err);
	else if (!code && !S_ISREG(of.mode))
		code = refuse(path, "is not a regular file", err);
	if (!code) {
		elf->fd = file_open_found(found);
		code = elf->fd < 0 ? elf->fd : 0;
		elf->was = of;
	}
	if (found >= 0)
		close(found);
	return code ? err_set(err, code, "cannot open %s: %s", path, strerror(-code)) : 0;
}

static int load(struct elf_file *elf, const char *path, struct err *err)
{
	Elf64_Ehdr eh;
	size_t len;
	int code;

	code = open_file(elf, path, err);
	if (code)
		return code;
	if (!elf->was.size)
		return refuse(path, "is empty", err);
	code = read_at(elf, 0, elf->head, head_len(elf));
	if (code)
		return code;
	elf->was.head = file_head(elf->head, head_len(elf));
	memset(&eh, 0, sizeof(eh));
	len = elf->was.size < sizeof(eh) ? elf->was.size : sizeof(eh);
	memcpy(&eh, elf->head, len);
	code = check_ident(path, eh.e_ident, err);
	if (code)
		return code;
	if (len < sizeof(eh))
		return truncated(path, "headers", sizeof(eh), elf->was.size, err);
	code = check_type(elf, path, &eh, err);
	if (!code)
		code = check_tables(elf, path, &eh, err);
	if (!code)
		code = check_packed(elf, path, &eh, err);
	if (!code)
		code = load_segments(elf, path, &eh, err);
	if (!code)
		code = load_sections(elf, path, &eh, err);
	return code;
}

int elf_file_refuse_written(const char *path, struct err *err)
{
	if (err)
		*err = (struct err){.text = ""};
	return err_set(err, -ETXTBSY, "%s was written to while it was read", path);
}

int elf_file_open(struct elf_file **out, const char *path, struct err *err)
{
	struct elf_file *elf = calloc(1, sizeof(*elf));
	int code;

	*out = NULL;
	if (!elf)
		return err_set(err, -ENOMEM, "out of memory while opening %s", path);
	elf->fd = -1;
	elf->relocs_state = 1;
	code = load(elf, path, err);
	if (code) {
		elf_file_close(elf);
		if (code == -ESTALE)
			return elf_file_refuse_written(path, err);
		return err_set(err, code, "cannot read %s: %s", path, strerror(-code));
	}
	*out = elf;
	return 0;
}

void elf_file_close(struct elf_file *elf)
{
	if (!elf)
		return;
	if (elf->fd >= 0)
		file_close(elf->fd);
	elf_relocs_free(&elf->relocs);
	free(elf->loads);
	free(elf->sections);
	free(elf->names);
	free(elf);
}

uint16_t elf_file_machine(const struct elf_file *elf)
{
	return elf->machine;
}

bool elf_file_is_pie(const struct elf_file *elf)
{
	return elf->type == ET_DYN;
}

bool elf_file_has_symtab(const struct elf_file *elf)
{
	return elf->has_symtab;
}

bool elf_file_has_refused(const struct elf_file *elf)
{
	return elf->refused;
}

const struct file_identity *elf_file_identity(const struct elf_file *elf)
{
	return &elf->was;
}

uint64_t elf_file_size(const struct elf_file *elf)
{
	return elf->was.size;
}

int elf_file_fd(const struct elf_file *elf)
{
	return elf->fd;
}

const char *elf_file_build_id(const struct elf_file *elf)
{
	return elf->build_id;
}

size_t elf_file_segments(const struct elf_file *elf, const struct elf_segment **out)
{
	*out = elf->loads;
	return elf->n_loads;
}

void elf_file_dynamic(const struct elf_file *elf, uint64_t *vaddr, uint64_t *size)
{
	*vaddr = elf->dynamic.vaddr;
	*size = elf->dynamic.filesz;
}

const struct elf_section *elf_file_section(const struct elf_file *elf, const char *name)
{
	size_t i;

	for (i = 0; i < elf->n_sections; i++) {
		if (!strcmp(elf->sections[i].name, name))
			return &elf->sections[i];
	}
	return NULL;
}

static int offset_of(const struct elf_file *elf, uint64_t vaddr, size_t len, uint64_t *offset)
{
	size_t i;

	for (i = 0; i < elf->n_loads; i++) {
		const struct elf_segment *s = &elf->loads[i];

		if (vaddr >= s->vaddr && vaddr - s->vaddr < s->filesz &&
		    range_fits(vaddr - s->vaddr, len, s->filesz)) {
			*offset = s->offset + (vaddr - s->vaddr);
			return 0;
		}
	}
	return -EFAULT;
}

void elf_file_vouch(struct elf_file *elf, uint64_t vaddr, const void *data, size_t len)
{
	if (offset_of(elf, vaddr, len, &elf->vouched_offset))
		return;
	elf->vouched = data;
	elf->vouched_len = len;
}

int elf_file_offset(const struct elf_file *elf, uint64_t vaddr, uint64_t *offset)
{
	return offset_of(elf, vaddr, 1, offset);
}

int elf_file_read_section(const struct elf_file *elf, const struct elf_section *section,
			  uint64_t offset, void *buf, size_t len)
{
	if (!section || section->type == SHT_NOBITS)
		return -ENOENT;
	if (offset > section->size || len > section->size - offset ||
	    section->offset > UINT64_MAX - offset)
		return -EFAULT;
	return read_at(elf, section->offset + offset, buf, len);
}

int elf_file_read(const struct elf_file *elf, uint64_t vaddr, void *buf, size_t len)
{
	uint64_t offset;
	int code = offset_of(elf, vaddr, len, &offset);

	return code ? code : read_at(elf, offset, buf, len);
}

int elf_file_relocs(const struct elf_file *elf, const struct elf_relocs **out)
{
	/* Constant for whoever asks: the file's contents do not change by our reading them. */
	struct elf_file *cache = (struct elf_file *)elf;

	if (elf->relocs_state == 1)
		cache->relocs_state = elf_file_is_pie(elf) ? elf_relocs_load(&cache->relocs, elf)
							   : 0;
	*out = &elf->relocs;
	return elf->relocs_state;
}

bool elf_file_scan_more(const struct elf_file *elf, size_t len)
{
	/* Constant for whoever asks, as above. */
	struct elf_file *account = (struct elf_file *)elf;

	if (!range_fits(elf->scanned, len, ELF_SCAN_MAX))
		return false;
	account->scanned += len;
	return true;
}

int elf_file_read_u64(const struct elf_file *elf, uint64_t vaddr, uint64_t *out)
{
	const struct elf_relocs *relocs;
	const struct elf_reloc *reloc;
	uint8_t raw[8];
	int code;

	code = elf_file_read(elf, vaddr, raw, sizeof(raw));
	if (code)
		return code;
	*out = get_le64(raw);
	code = elf_file_relocs(elf, &relocs);
	if (code)
		return code;
	reloc = elf_relocs_find(relocs, vaddr);
	if (reloc)
		*out = reloc->value;
	return 0;
}
