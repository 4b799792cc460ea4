/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Plugins (-buildmode=plugin) that a watched process has loaded. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "session/watched.h"

struct watched_plugin {
	char *path;
	struct go_binary *bin;
	struct hook_set hooks;
};

static void plugin_free(struct watched_plugin *p)
{
	hooks_free(&p->hooks);
	if (p->bin)
		go_binary_close(p->bin);
	free(p->path);
	free(p);
}

static int watch_plugin(struct watched *w, struct watched_plugin *p,
			const struct process_library *lib, const char *file, struct err *err)
{
	struct resolver *r = &w->source.resolver;
	uint64_t bias;
	int e;

	e = watched_library_bias(p->bin, lib->start, lib->offset, &bias);
	if (e)
		return err_set(err, e, "its code is not where its file says");
	e = binary_choose(&p->hooks, p->bin, w->attach, err);
	if (!e)
		e = attachment_add(w->attachment, file, p->bin, &p->hooks, bias, err);
	if (!e) /* as many as files of the attachment */
		r->plugins[r->nplugins++] = (struct resolver_file){p->bin, bias};
	return e;
}

/* Remembered, watched or not: it is told of once. */
static struct watched_plugin *remember(struct watched *w, const char *path)
{
	struct watched_plugin **grown =
		realloc(w->plugins, (w->nplugins + 1) * sizeof(struct watched_plugin *));
	struct watched_plugin *p;

	if (!grown)
		return NULL;
	w->plugins = grown;
	p = calloc(1, sizeof(*p));
	grown[w->nplugins] = p;
	if (!p)
		return NULL;
	p->path = strdup(path);
	if (!p->path) {
		plugin_free(p);
		return NULL;
	}
	w->nplugins++;
	return p;
}

bool watched_knows_plugin(const struct watched *w, const char *path)
{
	size_t i;

	for (i = 0; i < w->nplugins; i++)
		if (!strcmp(w->plugins[i]->path, path))
			return true;
	return false;
}

static void note_library(void *arg, const struct process_library *lib)
{
	struct watched *w = arg;
	struct watched_plugin *p;
	struct go_binary *bin = NULL;
	char file[PROCESS_PATH];
	struct err err = {};
	int e;

	if (!watched_files_take(&w->plugin_files, lib))
		return;
	e = watched_files_find(lib, file, &err);
	if (!e)
		e = go_binary_open_plugin(&bin, file, w->bin, &err);
	watched_files_looked(&w->plugin_files);
	if (e == -ENOEXEC)
		return; /* libc and the like */
	if (bin && watched_has_runtime(bin)) {
		go_binary_close(bin);
		return; /* not a part of this program: watched_libraries.c */
	}
	p = remember(w, lib->path);
	if (!p) {
		if (bin)
			go_binary_close(bin);
		return;
	}
	p->bin = bin;
	if (!e)
		e = watch_plugin(w, p, lib, file, &err);
	if (!e) {
		log_verbose("process %d: plugin %s is watched at %zu sites", (int)w->process.pid,
			    p->path, p->hooks.probed);
		return;
	}
	w->plugins_unwatched++;
	log_warn("process %d: map operations in %s are not watched: %s", (int)w->process.pid,
		 p->path, err.text);
}

bool watched_may_plug(const struct watched *w)
{
	static const char *const open_plugin = "plugin.open"; /* what Open, inlined, comes to */
	struct go_func f = {};

	return !go_binary_find_funcs(w->bin, &open_plugin, 1, &f) && f.name;
}

void watched_tell_files(struct watched *w, struct watched_files *f)
{
	if (!f->refused || f->told)
		return;
	f->told = true;
	w->plugins_unwatched++;
	log_warn("process %d maps more files with code than are looked into: map operations in "
		 "plugins and Go libraries among them are not watched",
		 (int)w->process.pid);
}

void watched_look_for_plugins(struct watched *w)
{
	w->looks++;
	if (w->looks & (w->looks - 1)) /* the 1st, 2nd, 4th, 8th ... time */
		return;
	if (!w->may_plug)
		return;
	watched_files_begin(&w->plugin_files);
	(void)process_libraries(&w->process, note_library, w); /* gone: nothing to add */
	watched_tell_files(w, &w->plugin_files);
	if (w->plugin_files.cut)
		w->looks = 0; /* soon again */
}

void watched_forget_plugins(struct watched *w)
{
	while (w->nplugins)
		plugin_free(w->plugins[--w->nplugins]);
	free(w->plugins);
	w->plugins = NULL;
	watched_files_free(&w->plugin_files);
}
