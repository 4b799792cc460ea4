/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "snapshot/core.h"

#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/output_file.h"
#include "snapshot/core_memory.h"
#include "snapshot/core_notes.h"

#define PAGE 4096u
#define MAX_SEGMENTS (PN_XNUM - 1u) /* more have another form, which not all debuggers know */

struct core {
	const struct process *process;
	struct core_memory memory;
	struct core_notes notes;
	struct memory *kept;
	pid_t first; /* 0: to be chosen */
	int failed;  /* while it was frozen */
};

int core_prepare(struct core **out, const struct process *p, uint64_t max_freeze_ns,
		 enum core_room room, struct err *err)
{
	struct core *c = calloc(1, sizeof(*c));
	int r = -ENOMEM;

	*out = NULL;
	if (c) {
		c->process = p;
		r = core_memory_init(&c->memory, p->pid, max_freeze_ns, room == CORE_ROOM_NOW);
		if (!r)
			r = core_notes_init(&c->notes, p);
	}
	if (r) {
		core_free(c);
		return err_set(err, r, "there is no memory for a core file of process %d",
			       (int)p->pid);
	}
	*out = c;
	return 0;
}

void core_begin_with(struct core *c, pid_t tid)
{
	c->first = tid;
}

/* Debuggers begin with the first one: one that runs Go code, before one that waits in the kernel,
 * before that of main(). */
static pid_t choose_first(const struct freeze *f, const struct goroutines *gs)
{
	const struct frozen_thread *t;
	pid_t waits = 0;
	size_t i;

	for (i = 0; gs && i < gs->n; i++) {
		const struct goroutine *g = &gs->list[i];

		t = g->tid ? freeze_thread(f, g->tid) : NULL;
		if (!t || !t->known)
			continue;
		if (g->status == GOROUTINE_RUNNING)
			return g->tid;
		if (g->status == GOROUTINE_SYSCALL && !waits)
			waits = g->tid;
	}
	return waits ? waits : f->n ? f->threads[0].own : 0;
}

void core_take(struct core *c, const struct freeze *f, const struct memory *kept,
	       const struct goroutines *goroutines, uint64_t until_ns)
{
	c->failed =
		core_notes_take(&c->notes, f, c->first ? c->first : choose_first(f, goroutines));
	if (!c->failed)
		c->failed = core_memory_take(&c->memory, f, kept, until_ns);
}

void core_own(struct core *c, struct memory *kept)
{
	c->kept = kept;
}

void core_free(struct core *c)
{
	if (!c)
		return;
	core_memory_free(&c->memory);
	core_notes_free(&c->notes);
	memory_close(c->kept);
	free(c);
}

struct layout {
	Elf64_Phdr *list; /* the first is PT_NOTE */
	size_t n, room;
	uint64_t end; /* of the contents so far; then of the file */
};

/* Whether what is not in the core is in the file that is mapped, by its name (NT_FILE). */
static bool is_in_file(const struct mapping *m)
{
	return mapping_has_file(m) && (m->shared || !m->writable);
}

static bool add_segment(struct layout *l, const struct mapping *m, uint64_t addr, uint64_t filesz)
{
	Elf64_Phdr *grown;

	if (l->n == l->room) {
		grown = reallocarray(l->list, 2 * l->room, sizeof(*grown));
		if (!grown)
			return false;
		l->list = grown;
		l->room *= 2;
	}
	l->list[l->n++] = (Elf64_Phdr){
		.p_type = PT_LOAD,
		.p_flags = (m->readable ? PF_R : 0u) | (m->writable ? PF_W : 0u) |
			   (m->executable ? PF_X : 0u),
		.p_offset = l->end,
		.p_vaddr = addr,
		.p_filesz = filesz,
		.p_memsz = is_in_file(m) ? m->end - addr : filesz,
		.p_align = PAGE,
	};
	l->end += filesz;
	return true;
}

/*
 * What there is of a mapping in one go is a segment. Of a file also what is not there, before and
 * behind; of anything else that has no segment: gdb shows as zeros what a segment has and the core
 * has not. *at: the first piece that is not before the mapping.
 */
static int lay_out_mapping(struct layout *l, struct core_memory *cm, const struct mapping *m,
			   size_t *at, size_t left)
{
	bool begun = false, file = is_in_file(m);
	uint64_t start, end;

	while (*at < cm->npieces && cm->pieces[*at].addr < m->end) {
		start = cm->pieces[*at].addr;
		for (end = start; *at < cm->npieces && cm->pieces[*at].addr == end && end < m->end;
		     (*at)++)
			end += cm->pieces[*at].len;
		if (l->n + left + 2 > MAX_SEGMENTS) { /* room for the others, and these two */
			cm->taken -= end - start;
			continue;
		}
		if (!begun && file && start > m->start && !add_segment(l, m, m->start, 0))
			return -ENOMEM;
		if (file && (begun || start > m->start))
			l->list[l->n - 1].p_memsz = start - l->list[l->n - 1].p_vaddr;
		if (!add_segment(l, m, start, end - start))
			return -ENOMEM;
		begun = true;
	}
	return begun || !file || add_segment(l, m, m->start, 0) ? 0 : -ENOMEM;
}

static int lay_out(struct layout *l, struct core_memory *cm)
{
	size_t i, at = 0, left = 0;
	int r = 0;

	*l = (struct layout){.n = 1, .room = 1024};
	l->list = calloc(l->room, sizeof(*l->list));
	if (!l->list)
		return -ENOMEM;
	for (i = 0; i < cm->mappings.n; i++)
		left += cm->mappings.list[i].readable;
	for (i = 0; i < cm->mappings.n && !r; i++) {
		if (!cm->mappings.list[i].readable)
			continue;
		left--;
		r = l->n < MAX_SEGMENTS ? lay_out_mapping(l, cm, &cm->mappings.list[i], &at, left)
					: -E2BIG;
	}
	return r;
}

static int write_at(int fd, uint64_t offset, const void *data, size_t len)
{
	const uint8_t *from = data;
	ssize_t n;

	while (len) {
		n = pwrite(fd, from, len, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		from += n;
		offset += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

static bool is_zero(const uint8_t *page)
{
	return !page[0] && !memcmp(page, page + 1, PAGE - 1);
}

/* Pages that are zero are holes of the file. */
static int write_piece(int fd, uint64_t offset, const struct core_piece *p)
{
	uint64_t from, to;
	int r = 0;

	for (from = 0; p->data && from < p->len && !r; from = to) {
		bool zero = is_zero(p->data + from);

		for (to = from + PAGE; to < p->len && is_zero(p->data + to) == zero;)
			to += PAGE;
		if (!zero)
			r = write_at(fd, offset + from, p->data + from, to - from);
	}
	return r;
}

static int write_contents(int fd, const struct layout *l, const struct core_memory *cm)
{
	size_t i, at = 0;
	int r = 0;

	for (i = 1; i < l->n && !r; i++) {
		const Elf64_Phdr *s = &l->list[i];

		if (!s->p_filesz)
			continue;
		while (at < cm->npieces && cm->pieces[at].addr < s->p_vaddr)
			at++;
		for (; at < cm->npieces && cm->pieces[at].addr < s->p_vaddr + s->p_filesz && !r;
		     at++)
			r = write_piece(fd, s->p_offset + (cm->pieces[at].addr - s->p_vaddr),
					&cm->pieces[at]);
	}
	return r;
}

static int write_headers(int fd, struct layout *l, const char *notes, size_t nnotes)
{
	const Elf64_Ehdr eh = {
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT,
			    ELFOSABI_NONE},
		.e_type = ET_CORE,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(eh),
		.e_ehsize = sizeof(eh),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = (Elf64_Half)l->n,
	};
	uint64_t notes_at = sizeof(eh) + l->n * sizeof(Elf64_Phdr);
	uint64_t contents_at = (notes_at + nnotes + PAGE - 1) / PAGE * PAGE;
	size_t i;
	int r;

	l->list[0] = (Elf64_Phdr){
		.p_type = PT_NOTE, .p_offset = notes_at, .p_filesz = nnotes, .p_align = 4};
	for (i = 1; i < l->n; i++)
		l->list[i].p_offset += contents_at;
	l->end += contents_at;
	r = write_at(fd, 0, &eh, sizeof(eh));
	if (!r)
		r = write_at(fd, sizeof(eh), l->list, l->n * sizeof(Elf64_Phdr));
	if (!r)
		r = write_at(fd, notes_at, notes, nnotes);
	if (!r && ftruncate(fd, (off_t)l->end))
		r = -errno;
	return r;
}

static int write_fd(struct core *c, int fd, uint64_t *bytes)
{
	struct layout l = {};
	char *notes = NULL;
	size_t nnotes = 0;
	int r;

	core_memory_finish(&c->memory);
	r = core_notes_make(&c->notes, &c->memory.mappings, &notes, &nnotes);
	if (!r)
		r = lay_out(&l, &c->memory);
	if (!r)
		r = write_headers(fd, &l, notes, nnotes);
	if (!r)
		r = write_contents(fd, &l, &c->memory);
	if (!r && fsync(fd))
		r = -errno;
	*bytes = l.end;
	free(l.list);
	free(notes);
	return r;
}

static int write_file(struct core *c, const char *path, uint64_t *bytes)
{
	char temporary[NAME_MAX + 1];
	struct output_place place;
	int fd, r = output_find(path, &place);

	if (r)
		return r;
	fd = place.found < 0 || S_ISREG(place.st.st_mode) ? output_temporary(&place, temporary)
							  : -EINVAL;
	r = fd < 0 ? fd : write_fd(c, fd, bytes);
	if (fd >= 0)
		r = output_finish(&place, temporary, fd, r);
	output_release(&place);
	return r;
}

static int note_what_is_missing(const struct core_memory *m, struct report_snapshot *out)
{
	const char *why = m->full     ? "there was no more room for it in maprace's own memory"
			  : m->absent ? "a page of it did not come"
			  : m->late   ? "the time given with --max-freeze was up; the largest "
					"mappings come last"
				      : "parts of its memory could not be read";
	int r = 0;

	if (m->taken + m->refused < m->of)
		r = report_snapshot_note(out, "the core file is not complete: %s", why);
	if (!r && m->huge)
		r = report_snapshot_note(out,
					 "%zu mappings of more than 64 GiB are not in the core "
					 "file, but for stacks",
					 m->huge);
	if (!r && m->refused)
		r = report_snapshot_note(out,
					 "%" PRIu64
					 " bytes of its memory are not in the core file: "
					 "the kernel does not give them",
					 m->refused);
	return r;
}

int core_write(struct core *c, const char *path, struct report_snapshot *out, struct err *err)
{
	struct report_core *core = &out->core;
	int r = c->failed;

	if (r == -ETIME)
		err_hint(err, "give it more time with --max-freeze");
	if (r)
		return err_set(err, r,
			       "there is no core file: what the process has mapped cannot "
			       "be read: %s",
			       err_name(r));
	r = write_file(c, path, &core->bytes);
	if (r)
		return err_set(err, r, "cannot write %s: %s", path, err_name(r));
	core->taken = c->memory.taken;
	core->of = c->memory.of;
	core->file = strdup(path);
	return core->file ? note_what_is_missing(&c->memory, out) : -ENOMEM;
}
