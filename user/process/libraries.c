/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "process/libraries.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/open_file.h"
#include "process/live_reader.h"
#include "process/mappings.h"

#define LINK 96 /* room for a link of /proc/PID/map_files */

/* What of it was mapped where, so far. */
struct passing {
	char path[4096];
	uint64_t ino, head;
	bool told; /* of its code */
};

/* A file whose name is gone keeps the path that it had. */
static bool name_library(const struct mapping *m, char path[4096])
{
	static const char gone[] = " (deleted)";
	size_t len = strlen(m->path), left = len - (sizeof(gone) - 1);

	snprintf(path, 4096, "%s", m->path);
	if (len < sizeof(gone) || strcmp(m->path + left, gone) != 0)
		return false;
	path[left] = '\0';
	return true;
}

static void pass(const struct process *p, const struct mapping *m, struct passing *now,
		 void (*each)(void *arg, const struct process_library *lib), void *arg)
{
	struct process_library lib = {.start = m->start,
				      .offset = m->offset,
				      .dev = m->dev,
				      .ino = m->ino,
				      .head = now->head,
				      .pid = p->pid};
	char path[4096], link[LINK];

	now->told = true;
	lib.gone = name_library(m, path);
	lib.path = path;
	snprintf(link, sizeof(link), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, (int)p->pid,
		 m->start, m->end);
	lib.link = link;
	each(arg, &lib);
}

int process_libraries(const struct process *p,
		      void (*each)(void *arg, const struct process_library *lib), void *arg)
{
	struct passing now = {.path = ""};
	FILE *f = mappings_open(p->pid);
	struct mapping m;
	char *line = NULL;
	size_t cap = 0;

	if (!f)
		return -errno;
	while (mappings_next(f, &line, &cap, &m)) {
		if (!mapping_has_file(&m) || strlen(m.path) >= sizeof(now.path) ||
		    !strcmp(m.path, p->exe))
			continue;
		if (m.ino != now.ino || strcmp(m.path, now.path) != 0) {
			now = (struct passing){.ino = m.ino};
			snprintf(now.path, sizeof(now.path), "%s", m.path);
		}
		if (!m.offset && !now.head)
			now.head = m.start;
		if (m.executable && !now.told)
			pass(p, &m, &now, each, arg);
	}
	free(line);
	fclose(f);
	return 0;
}

int library_file(const struct process_library *lib, char path[PROCESS_PATH])
{
	struct file_identity there = {}, linked;
	int r = -ENOENT, by_link;

	if (!lib->gone) {
		snprintf(path, PROCESS_PATH, "/proc/%d/root%s", (int)lib->pid, lib->path);
		r = file_identify(path, &there);
	}
	if (!r && there.dev == lib->dev && there.ino == lib->ino)
		return 0;
	by_link = file_identify(lib->link, &linked);
	if (!by_link) {
		snprintf(path, PROCESS_PATH, "%s", lib->link);
		return 0;
	}
	if (r)
		return by_link;
	/* of the same file system it is another file; else there is no telling */
	return there.dev == lib->dev ? -ESTALE : 0;
}

#define HEAD_BYTES 4096

/* name's length, description's, which may be any, type 4, name: cmd/link's build id */
static const uint8_t note_begin[] = {4, 0, 0, 0}, note_end[] = {4, 0, 0, 0, 'G', 'o', 0, 0};

bool library_is_go(const struct process_library *lib)
{
	uint8_t head[HEAD_BYTES];
	size_t i;

	if (!lib->head || live_read(lib->pid, lib->head, head, sizeof(head)))
		return false;
	for (i = 0; i + 16 <= sizeof(head); i += 4)
		if (!memcmp(head + i, note_begin, sizeof(note_begin)) &&
		    !memcmp(head + i + 8, note_end, sizeof(note_end)))
			return true;
	return false;
}
