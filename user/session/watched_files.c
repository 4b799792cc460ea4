/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "session/watched_files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "process/elf_file.h"

#define MOST 4096
#define PASS_NS 200000000u    /* nobody else is looked after meanwhile */
#define MOST_NS 5000000000ull /* of all looks at one process */

void watched_files_begin(struct watched_files *f)
{
	f->begun_ns = 0;
	f->cut = false;
}

static bool is_known(const struct watched_files *f, const struct process_library *lib)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		if (f->list[i].ino == lib->ino && !strcmp(f->list[i].path, lib->path))
			return true;
	return false;
}

static bool remember(struct watched_files *f, const struct process_library *lib)
{
	struct watched_file *grown;

	if (!(f->n & (f->n - 1))) { /* 0, 1, 2, 4, 8 ... */
		grown = realloc(f->list, (f->n ? 2 * f->n : 1) * sizeof(*grown));
		if (!grown)
			return false;
		f->list = grown;
	}
	f->list[f->n].ino = lib->ino;
	f->list[f->n].path = strdup(lib->path);
	return f->list[f->n].path && ++f->n;
}

bool watched_files_take(struct watched_files *f, const struct process_library *lib)
{
	uint64_t now;

	if (f->refused || is_known(f, lib))
		return false;
	now = clock_ns(CLOCK_MONOTONIC);
	if (f->n == MOST || f->spent_ns > MOST_NS) {
		f->refused = true;
		return false;
	}
	if (f->begun_ns && now - f->begun_ns > PASS_NS) {
		f->cut = true;
		return false;
	}
	if (!remember(f, lib)) {
		f->cut = true;
		return false;
	}
	f->spent_ns -= now; /* until watched_files_looked() */
	if (!f->begun_ns)
		f->begun_ns = now;
	return true;
}

void watched_files_looked(struct watched_files *f)
{
	f->spent_ns += clock_ns(CLOCK_MONOTONIC);
}

void watched_files_free(struct watched_files *f)
{
	while (f->n)
		free(f->list[--f->n].path);
	free(f->list);
	*f = (struct watched_files){.n = 0};
}

/* A section is named after Go in each that a Go linker has had a part in; without section names it
 * can be anything. */
int watched_files_may_be_go(const char *path, struct err *err)
{
	static const char *const sections[] = {".go.buildinfo", ".note.go.buildid", ".gopclntab",
					       ".data.rel.ro.gopclntab", ".go.module"};
	struct elf_file *elf;
	size_t i;
	int r = elf_file_open(&elf, path, err);
	bool yes;

	if (r)
		return r;
	yes = !elf_file_section(elf, ".shstrtab");
	for (i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
		yes |= elf_file_section(elf, sections[i]) != NULL;
	elf_file_close(elf);
	return yes ? 0 : -ENOEXEC;
}

int watched_files_find(const struct process_library *lib, char path[PROCESS_PATH], struct err *err)
{
	int r = library_file(lib, path);

	if (r == -EPERM || r == -EACCES || r == -ENOENT || r == -ESTALE)
		err_set(err, r, "its file is not at its path any more");
	else if (r)
		err_set(err, r, "its file cannot be found: %s", err_name(r));
	else
		r = watched_files_may_be_go(path, err);
	/* or a libc that was replaced, say */
	return r && r != -ENOMEM && !library_is_go(lib) ? -ENOEXEC : r;
}
