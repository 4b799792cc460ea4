/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Go libraries (-buildmode=c-shared) that a process has loaded: each has a Go runtime of its own,
 * and is watched as a program is.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "session/watched.h"

#define MAX_SEEN 65536 /* a process cannot make us grow without bound */

int watched_library_bias(const struct go_binary *bin, uint64_t start, uint64_t offset,
			 uint64_t *bias)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	const struct elf_segment *segments;
	size_t n = elf_file_segments(go_binary_elf(bin), &segments), i;

	for (i = 0; i < n; i++)
		if ((segments[i].offset & ~(page - 1)) == offset) {
			*bias = start - (segments[i].vaddr & ~(page - 1));
			return 0;
		}
	return -ENOENT;
}

bool watched_has_runtime(const struct go_binary *bin)
{
	/* where the loader enters a library; src/runtime/rt0_linux_amd64.s */
	static const char *const entry = "_rt0_amd64_linux_lib";
	struct go_func f = {};

	return !go_binary_find_funcs(bin, &entry, 1, &f) && f.name;
}

bool watched_may_load(const struct watched *w)
{
	return w->library || go_binary_is_cgo(w->bin);
}

/* False: it was looked at before, or there are too many. */
static bool is_new(struct watched *w, const struct process_library *lib)
{
	struct watched_seen *grown;
	size_t i;

	for (i = 0; i < w->nseen; i++)
		if (w->seen[i].ino == lib->ino && !strcmp(w->seen[i].path, lib->path))
			return false;
	if (w->nseen == MAX_SEEN)
		return false;
	if (!(w->nseen & (w->nseen - 1))) { /* 0, 1, 2, 4, 8 ... */
		grown = realloc(w->seen, (w->nseen ? 2 * w->nseen : 1) * sizeof(*grown));
		if (!grown)
			return false;
		w->seen = grown;
	}
	w->seen[w->nseen].ino = lib->ino;
	w->seen[w->nseen].path = strdup(lib->path);
	return w->seen[w->nseen].path && ++w->nseen;
}

/*
 * Whether it is worth a closer look: a process may have hundreds of libraries, of gigabytes. A
 * section is named after Go in each that a Go linker has had a part in; without section names it
 * can be anything.
 */
static bool may_be_go(const char *path)
{
	static const char *const sections[] = {".go.buildinfo", ".note.go.buildid", ".gopclntab",
					       ".data.rel.ro.gopclntab", ".go.module"};
	struct err err = {};
	struct elf_file *elf;
	bool yes;
	size_t i;

	if (elf_file_open(&elf, path, &err))
		return false;
	yes = !elf_file_section(elf, ".shstrtab");
	for (i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
		yes |= elf_file_section(elf, sections[i]) != NULL;
	elf_file_close(elf);
	return yes;
}

struct finding {
	struct watched *watched;
	watched_found found;
	void *ctx;
};

static void look_at(void *arg, const struct process_library *lib)
{
	struct finding *f = arg;
	struct watched *w = f->watched;
	struct go_binary *bin = NULL;
	struct err err = {};
	int r;

	if (!is_new(w, lib) || !may_be_go(lib->openable))
		return;
	r = go_binary_open(&bin, lib->openable, &err);
	if (r == -ENOEXEC)
		return;
	if (!r && watched_has_runtime(bin)) {
		f->found(f->ctx, lib, bin);
		return;
	}
	if (bin)
		go_binary_close(bin);
	if (!r || (w->bin && w->may_plug))
		return; /* a plugin: watched_plugins.c */
	w->plugins_unwatched++;
	log_warn("process %d: %s is not watched: %s", (int)w->process.pid, lib->path, err.text);
}

void watched_find_libraries(struct watched *w, watched_found found, void *ctx)
{
	struct finding f = {w, found, ctx};

	(void)process_libraries(&w->process, look_at, &f); /* gone: nothing to add */
}

void watched_forget_libraries(struct watched *w)
{
	while (w->nseen)
		free(w->seen[--w->nseen].path);
	free(w->seen);
	w->seen = NULL;
}
