/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "cmd/watched.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

int watched_prepare(struct watched *w, const struct attach_opts *opts, uint64_t start_ns,
		    struct err *err)
{
	const struct elf_segment *segments;
	uint64_t bias = 0;
	size_t i;
	int r;

	r = go_binary_open(&w->bin, w->process.exe_path, err);
	if (r)
		return r;
	r = hooks_choose(&w->hooks, w->bin, err);
	if (r)
		return r;
	for (i = 0; i < w->hooks.count; i++)
		if (w->hooks.hooks[i].state == HOOK_BLIND)
			log_warn("process %d: %s cannot be watched: %s", (int)w->process.pid,
				 w->hooks.hooks[i].function, w->hooks.hooks[i].why);
	if (elf_file_is_pie(go_binary_elf(w->bin))) {
		if (!elf_file_segments(go_binary_elf(w->bin), &segments))
			return err_set(err, -ENOEXEC, "%s has nothing to load", w->process.exe);
		r = process_load_bias(&w->process, segments[0].vaddr, segments[0].offset, &bias,
				      err);
		if (r)
			return r;
	}
	w->source.resolver = (struct resolver){
		.bin = w->bin, .process = &w->process, .bias = bias, .start_ns = start_ns};
	r = attachment_new(&w->attachment, opts, err);
	if (r)
		return r;
	w->source.attachment = w->attachment;
	r = attachment_prepare(w->attachment, &w->process, w->bin, &w->hooks, bias, err);
	if (r)
		return r;
	return attachment_load(w->attachment, err);
}

int watched_start(struct watched *w, struct err *err)
{
	int r = attachment_attach(w->attachment, err);

	if (r)
		return r;
	attachment_activate(w->attachment);
	w->started = true;
	return 0;
}

/* Run-time minus link-time address, given where its code is. */
static int library_bias(const struct go_binary *bin, const struct process_library *lib,
			uint64_t *bias)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	const struct elf_segment *segments;
	size_t n = elf_file_segments(go_binary_elf(bin), &segments), i;

	for (i = 0; i < n; i++)
		if ((segments[i].offset & ~(page - 1)) == lib->offset) {
			*bias = lib->start - (segments[i].vaddr & ~(page - 1));
			return 0;
		}
	return -ENOENT;
}

static int watch_plugin(struct watched *w, struct watched_plugin *p,
			const struct process_library *lib, struct err *err)
{
	struct resolver *r = &w->source.resolver;
	struct stat st;
	uint64_t bias;
	int e;

	if (stat(lib->openable, &st) || st.st_ino != lib->ino)
		return err_set(err, -ESTALE, "its file was replaced");
	e = library_bias(p->bin, lib, &bias);
	if (e)
		return err_set(err, e, "its code is not where its file says");
	e = hooks_choose(&p->hooks, p->bin, err);
	if (!e)
		e = attachment_add(w->attachment, lib->openable, &p->hooks, bias, err);
	if (!e)
		r->plugins[r->nplugins++] = (struct resolver_plugin){p->bin, bias};
	return e;
}

static void note_library(void *arg, const struct process_library *lib)
{
	struct watched *w = arg;
	struct watched_plugin *p = &w->plugins[w->nplugins];
	struct err err = {}, none = {};
	size_t i;

	for (i = 0; i < w->nplugins; i++)
		if (!strcmp(w->plugins[i].path, lib->path))
			return;
	if (w->nplugins == RESOLVER_PLUGINS) /* one that is known to be unwatched stands for all */
		return;
	memset(p, 0, sizeof(*p));
	if (go_binary_open_plugin(&p->bin, lib->openable, w->bin, &none))
		return; /* libc and the like */
	p->path = strdup(lib->path);
	if (!p->path) {
		go_binary_close(p->bin);
		return;
	}
	w->nplugins++;
	p->watched = !watch_plugin(w, p, lib, &err);
	if (p->watched) {
		log_verbose("process %d: plugin %s is watched at %zu sites", (int)w->process.pid,
			    p->path, p->hooks.probed);
		return;
	}
	w->plugins_unwatched++;
	log_warn("process %d: map operations in the plugin %s are not watched: %s",
		 (int)w->process.pid, p->path, err.text);
}

void watched_look_for_plugins(struct watched *w)
{
	static const char *const open_plugin = "plugin.open"; /* what Open, inlined, comes to */
	struct go_func f = {};

	w->looks++;
	if (w->looks & (w->looks - 1)) /* the 1st, 2nd, 4th, 8th ... time */
		return;
	if (go_binary_find_funcs(w->bin, &open_plugin, 1, &f) || !f.name)
		return;
	(void)process_libraries(&w->process, note_library, w); /* gone: nothing to add */
}

void watched_stop(struct watched *w)
{
	if (w->attachment)
		attachment_detach(w->attachment);
}

void watched_close(struct watched *w)
{
	attachment_free(w->attachment);
	w->attachment = NULL;
	while (w->nplugins) {
		struct watched_plugin *p = &w->plugins[--w->nplugins];

		hooks_free(&p->hooks);
		go_binary_close(p->bin);
		free(p->path);
	}
	hooks_free(&w->hooks);
	if (w->bin)
		go_binary_close(w->bin);
	w->bin = NULL;
	process_close(&w->process);
}

int watched_describe(const struct watched *w, struct report_target *target)
{
	const struct elf_file *elf = go_binary_elf(w->bin);

	memset(target, 0, sizeof(*target));
	target->pid = (uint32_t)w->process.pid;
	target->exe = strdup(w->process.exe);
	target->build_id = strdup(elf_file_build_id(elf));
	target->go_version = strdup(go_binary_version(w->bin));
	target->swiss = go_binary_layout(w->bin)->map_impl == GO_MAP_SWISS;
	target->stripped = !elf_file_has_symtab(elf);
	target->pie = elf_file_is_pie(elf);
	target->cgo = go_binary_is_cgo(w->bin);
	target->exited = w->ended;
	target->exit_status = w->process.reaped ? w->process.wait_status : -1;
	if (target->exe && target->build_id && target->go_version)
		return 0;
	free(target->exe);
	free(target->build_id);
	free(target->go_version);
	return -ENOMEM;
}
