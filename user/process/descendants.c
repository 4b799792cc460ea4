/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "process/descendants.h"

#include <dirent.h>
#include <errno.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/helper.h"
#include "process/proc_text.h"

#define MOST 65536 /* who moves to another parent meanwhile may be there twice */

struct family {
	pid_t *list;
	size_t n, room;
};

static int add(struct family *f, pid_t pid)
{
	pid_t *grown;
	size_t room;

	if (f->n == MOST)
		return 0;
	if (f->n == f->room) {
		room = f->room ? 2 * f->room : 64;
		grown = realloc(f->list, room * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		f->list = grown;
		f->room = room;
	}
	f->list[f->n++] = pid;
	return 0;
}

/* A thread's; -ENOMEM, or 0. */
static int add_children(struct family *f, pid_t pid, const char *tid)
{
	char path[64];
	pid_t child;
	FILE *file;
	int r = 0;

	snprintf(path, sizeof(path), "/proc/%d/task/%.16s/children", (int)pid, tid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	while (!r && fscanf(file, "%d", &child) == 1)
		if (!helper_is(child))
			r = add(f, child);
	fclose(file);
	return r;
}

static int add_family(struct family *f, pid_t pid)
{
	const struct dirent *entry;
	char path[64];
	DIR *dir;
	int r = 0;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	while (dir && !r && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			r = add_children(f, pid, entry->d_name);
	if (dir)
		closedir(dir);
	return r;
}

static int by_number(const void *a, const void *b)
{
	const pid_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

int descendants_list(pid_t **list, size_t *n)
{
	struct family f = {};
	size_t i, kept = 0;
	int r = add_family(&f, getpid());

	for (i = 0; i < f.n && !r; i++)
		r = add_family(&f, f.list[i]);
	if (r) {
		free(f.list);
		return r;
	}
	if (f.n)
		qsort(f.list, f.n, sizeof(*f.list), by_number);
	for (i = 0; i < f.n; i++)
		if (!kept || f.list[kept - 1] != f.list[i])
			f.list[kept++] = f.list[i];
	*list = f.list;
	*n = kept;
	return 0;
}

bool descendant_is_on_its_way(pid_t pid, pid_t parent)
{
	size_t len;
	char *text = proc_text(pid, "syscall", 255, &len);
	long number = text && len ? strtol(text, NULL, 10) : -1;

	free(text);
	if (number == SYS_execve || number == SYS_execveat)
		return true;
	return !syscall(SYS_kcmp, pid, parent, KCMP_VM, 0, 0);
}
