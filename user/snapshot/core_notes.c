/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "snapshot/core_notes.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "process/proc_text.h"

#define MAX_AUXV 4096u
#define MAX_WIDE 16384u /* XSAVE area: 11 KiB with AMX */
/* Of more only what points into memory: these are read while all stand still. */
#define WIDE_THREADS 512u

static void fill_process(struct core_notes *n, const struct process *p)
{
	struct elf_prpsinfo *i = &n->process;
	size_t len, k;
	char *text = proc_text(p->pid, "cmdline", sizeof(i->pr_psargs) - 1, &len);
	const char *at;
	long nice;

	for (k = 0; text && k < len; k++)
		i->pr_psargs[k] = text[k] ? text[k] : ' ';
	free(text);
	text = proc_text(p->pid, "comm", sizeof(i->pr_fname) - 1, &len);
	if (text)
		memcpy(i->pr_fname, text, strcspn(text, "\n"));
	free(text);
	text = proc_text(p->pid, "stat", 4096, &len);
	at = text ? strrchr(text, ')') : NULL;
	i->pr_sname = 'S';
	if (at && sscanf(at, ") %c %d %d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %ld",
			 &i->pr_sname, &i->pr_ppid, &i->pr_pgrp, &i->pr_sid, &nice) == 5)
		i->pr_nice = (char)nice;
	i->pr_state = i->pr_sname == 'R' ? 0 : 1;
	free(text);
	text = proc_text(p->pid, "status", 4096, &len);
	at = text ? strstr(text, "\nUid:") : NULL;
	if (at)
		i->pr_uid = (unsigned int)strtoul(at + 5, NULL, 10);
	at = text ? strstr(text, "\nGid:") : NULL;
	if (at)
		i->pr_gid = (unsigned int)strtoul(at + 5, NULL, 10);
	free(text);
	i->pr_pid = p->pid;
}

int core_notes_init(struct core_notes *n, const struct process *p)
{
	memset(n, 0, sizeof(*n));
	fill_process(n, p);
	n->auxv = proc_text(p->pid, "auxv", MAX_AUXV, &n->nauxv);
	return n->auxv ? 0 : -ENOMEM;
}

static int take_thread(struct core_thread *to, const struct frozen_thread *t, bool wide)
{
	uint8_t room[MAX_WIDE];
	ssize_t len;

	*to = (struct core_thread){.id = t->own, .regs = t->regs};
	if (!wide)
		return 0;
	len = freeze_registers(t, NT_FPREGSET, &to->floats, sizeof(to->floats));
	to->nfloats = len > 0 ? (size_t)len : 0;
	len = freeze_registers(t, NT_X86_XSTATE, room, sizeof(room));
	if (len <= 0 || (size_t)len == sizeof(room)) /* or there is more than we have room for */
		return 0;
	to->wide = malloc((size_t)len);
	if (!to->wide)
		return -ENOMEM;
	memcpy(to->wide, room, (size_t)len);
	to->nwide = (size_t)len;
	return 0;
}

int core_notes_take(struct core_notes *n, const struct freeze *f, pid_t first)
{
	int pass, r = 0;
	size_t i;

	n->threads = calloc(f->n ? f->n : 1, sizeof(*n->threads));
	if (!n->threads)
		return -ENOMEM;
	for (pass = 0; pass < 2 && !r; pass++)
		for (i = 0; i < f->n && !r; i++) {
			const struct frozen_thread *t = &f->threads[i];

			if (t->tid == f->process->pid)
				n->process.pr_pid = t->own;
			if (!t->known || (t->own == first) == pass)
				continue;
			r = take_thread(&n->threads[n->nthreads], t, n->nthreads < WIDE_THREADS);
			n->nthreads++;
		}
	return r;
}

static void put_note(FILE *out, const char *name, uint32_t type, const void *data, size_t len)
{
	static const char zeros[4];
	const Elf64_Nhdr h = {(Elf64_Word)strlen(name) + 1, (Elf64_Word)len, type};

	fwrite(&h, sizeof(h), 1, out);
	fwrite(name, h.n_namesz, 1, out);
	fwrite(zeros, -h.n_namesz & 3, 1, out);
	if (len)
		fwrite(data, len, 1, out);
	fwrite(zeros, -len & 3, 1, out);
}

static void put_status(FILE *out, const struct core_notes *n, const struct core_thread *t)
{
	struct elf_prstatus s = {
		.pr_pid = t->id,
		.pr_ppid = n->process.pr_ppid,
		.pr_pgrp = n->process.pr_pgrp,
		.pr_sid = n->process.pr_sid,
		.pr_fpvalid = t->nfloats > 0,
	};

	_Static_assert(sizeof(s.pr_reg) == sizeof(t->regs), "as ptrace has them");
	memcpy(&s.pr_reg, &t->regs, sizeof(s.pr_reg));
	put_note(out, "CORE", NT_PRSTATUS, &s, sizeof(s));
}

static void put_wider(FILE *out, const struct core_thread *t)
{
	if (t->nfloats)
		put_note(out, "CORE", NT_FPREGSET, &t->floats, t->nfloats);
	if (t->nwide)
		put_note(out, "LINUX", NT_X86_XSTATE, t->wide, t->nwide);
}

/* How many of them, the size of a page, from where to where and from which page each is, names. */
static int put_files(FILE *out, const struct mappings *m)
{
	uint64_t head[2] = {0, 4096}, entry[3];
	char *text = NULL;
	size_t len = 0, i;
	FILE *files = open_memstream(&text, &len);

	if (!files)
		return -ENOMEM;
	for (i = 0; i < m->n; i++)
		head[0] += mapping_has_file(&m->list[i]);
	fwrite(head, sizeof(head), 1, files);
	for (i = 0; i < m->n; i++) {
		entry[0] = m->list[i].start;
		entry[1] = m->list[i].end;
		entry[2] = m->list[i].offset / 4096;
		if (mapping_has_file(&m->list[i]))
			fwrite(entry, sizeof(entry), 1, files);
	}
	for (i = 0; i < m->n; i++)
		if (mapping_has_file(&m->list[i]))
			fwrite(m->list[i].path, strlen(m->list[i].path) + 1, 1, files);
	if (fclose(files)) {
		free(text);
		return -ENOMEM;
	}
	if (head[0] && len <= UINT32_MAX - 3)
		put_note(out, "CORE", NT_FILE, text, len);
	free(text);
	return 0;
}

int core_notes_make(const struct core_notes *n, const struct mappings *mappings, char **out,
		    size_t *len)
{
	FILE *f = open_memstream(out, len);
	size_t i;
	int r;

	if (!f)
		return -ENOMEM;
	if (n->nthreads)
		put_status(f, n, &n->threads[0]);
	put_note(f, "CORE", NT_PRPSINFO, &n->process, sizeof(n->process));
	put_note(f, "CORE", NT_AUXV, n->auxv, n->nauxv);
	r = put_files(f, mappings);
	if (n->nthreads)
		put_wider(f, &n->threads[0]);
	for (i = 1; i < n->nthreads; i++) {
		put_status(f, n, &n->threads[i]);
		put_wider(f, &n->threads[i]);
	}
	if (ferror(f))
		r = -ENOMEM;
	return fclose(f) ? -ENOMEM : r;
}

void core_notes_free(struct core_notes *n)
{
	size_t i;

	for (i = 0; i < n->nthreads; i++)
		free(n->threads[i].wide);
	free(n->threads);
	free(n->auxv);
	memset(n, 0, sizeof(*n));
}
