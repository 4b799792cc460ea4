/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SNAPSHOT_CORE_NOTES_H
#define MAPRACE_SNAPSHOT_CORE_NOTES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/procfs.h>
#include <sys/user.h>

#include "process/mappings.h"
#include "process/process.h"
#include "snapshot/freeze.h"

/* What a core file says beside memory, as the kernel writes it (Linux, fs/binfmt_elf.c). */
struct core_thread {
	pid_t id; /* that the process knows */
	struct user_regs_struct regs;
	struct user_fpregs_struct floats;
	size_t nfloats; /* 0: not known */
	uint8_t *wide;	/* XSAVE area; NULL: not known */
	size_t nwide;
};

struct core_notes {
	struct elf_prpsinfo process;
	char *auxv;
	size_t nauxv;
	struct core_thread *threads; /* the one to look at first is first */
	size_t nthreads;
};

/* While it runs. 0 or -ENOMEM; free it either way. */
int core_notes_init(struct core_notes *n, const struct process *p);
/* While it is frozen. first: the id of a thread, as the process knows it. 0 or -ENOMEM. */
int core_notes_take(struct core_notes *n, const struct freeze *f, pid_t first);
/* All of the segment PT_NOTE, to be freed. 0 or -ENOMEM. */
int core_notes_make(const struct core_notes *n, const struct mappings *mappings, char **out,
		    size_t *len);
void core_notes_free(struct core_notes *n);

#endif
