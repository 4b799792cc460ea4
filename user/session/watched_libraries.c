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
	char file[PROCESS_PATH];
	struct err err = {};
	int r;

	if (!watched_files_take(&w->files, lib))
		return;
	r = watched_files_find(lib, file, &err);
	if (!r)
		r = go_binary_open(&bin, file, &err);
	watched_files_looked(&w->files);
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

	watched_files_begin(&w->files);
	(void)process_libraries(&w->process, look_at, &f); /* gone: nothing to add */
	watched_tell_files(w, &w->files);
	if (w->files.cut)
		w->looks = 0; /* soon again */
}

void watched_forget_libraries(struct watched *w)
{
	watched_files_free(&w->files);
	watched_files_free(&w->silence.files);
}
