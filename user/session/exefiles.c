/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "session/exefiles.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/errand.h"
#include "base/open_file.h"
#include "go/go_glance.h"
#include "process/exec_mounts.h"

#define KERNEL_MINOR_BITS 20 /* MINORBITS, include/linux/kdev_t.h */

static bool same_file(const struct census_file *a, const struct census_file *b)
{
	return file_version_same(&a->version, &b->version) && a->told == b->told;
}

static struct exefile *find(struct exefiles *f, const struct census_file *file)
{
	size_t i;

	for (i = 0; i < EXEFILES && i < f->nfiles; i++)
		if (same_file(&f->files[i].file, file))
			return &f->files[i];
	return NULL;
}

struct exefile *exefile_find(struct exefiles *f, const struct census_file *file)
{
	struct exefile *known = find(f, file);

	return known && known->nature != EXEFILE_LATE ? known : NULL;
}

void exefile_know(struct exefiles *f, const struct census_file *file, enum exefile_nature nature)
{
	struct exefile *known = find(f, file);

	if (!known)
		known = &f->files[f->nfiles++ % EXEFILES];
	*known = (struct exefile){*file, nature};
}

static struct census_file as_census(const struct file_identity *of)
{
	return (struct census_file){.version = file_version_of(of)};
}

int exefile_of(pid_t pid, struct census_file *file)
{
	struct file_identity of = {};
	char path[64];
	int r;

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	r = file_identify(path, &of);
	if (!r)
		*file = as_census(&of);
	return r;
}

/* Of file systems that are put together of others the kernel and stat() tell different devices. */
static bool has_own_devices(pid_t pid)
{
	struct statfs fs;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	return !statfs(path, &fs) &&
	       (fs.f_type == BTRFS_SUPER_MAGIC || fs.f_type == OVERLAYFS_SUPER_MAGIC);
}

/* Whether what the process runs now is the file that we were told of: it may have gone on to
 * another one, on purpose, of which nothing is to be learnt for the first. */
static bool is_told(pid_t pid, const struct census_file *file, const struct census_file *of)
{
	uint64_t dev = of->version.dev;

	if (of->told) /* as the kernel has it */
		dev = makedev(dev >> KERNEL_MINOR_BITS, dev & ((1u << KERNEL_MINOR_BITS) - 1));
	return file->version.size == of->version.size && file->version.ino == of->version.ino &&
	       (file->version.dev == dev || has_own_devices(pid));
}

struct exefile_errand { /* what may not come back: nothing of it is anybody else's */
	pid_t pid;
	struct census_file of;
	enum exefile_nature nature;
	int result;
};

static int look(pid_t pid, const struct census_file *of, enum exefile_nature *nature)
{
	static const enum exefile_nature natures[] = {[GO_GLANCE_NO] = EXEFILE_OTHER,
						      [GO_GLANCE_PERHAPS] = EXEFILE_PERHAPS,
						      [GO_GLANCE_YES] = EXEFILE_GO};
	struct file_identity now = {}, opened = {};
	struct census_file file;
	char path[64];
	int fd, r;

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	r = file_identify_here(path, &now);
	if (r)
		return r;
	file = as_census(&now);
	if (!is_told(pid, &file, of))
		return -ESTALE;
	if (!exec_mounts_is_local(pid, now.dev)) {
		*nature = EXEFILE_FAR;
		return 0;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	r = file_identify_open(fd, &opened);
	if (!r && (opened.size != now.size || opened.ino != now.ino || opened.dev != now.dev))
		r = -ESTALE;
	if (!r)
		*nature = natures[go_glance(fd)];
	close(fd);
	return r;
}

static int do_look(void *place, int fd)
{
	struct exefile_errand *e = place;

	(void)fd;
	e->result = look(e->pid, &e->of, &e->nature);
	return -1;
}

int exefile_look(pid_t pid, const struct census_file *of, enum exefile_nature *nature)
{
	struct exefile_errand *e = errand_place();
	int r;

	if (!e)
		return -errno;
	*e = (struct exefile_errand){.pid = pid, .of = *of};
	r = errand_run(errand_whom(ERRAND_PROCESS, (uint64_t)pid), ERRAND_ANY, do_look, -1, NULL);
	if (r == -ETIME) {
		*nature = EXEFILE_LATE;
		return 0;
	}
	if (!r)
		r = e->result;
	if (!r)
		*nature = e->nature;
	return r;
}

size_t exefile_far(const struct exefiles *f)
{
	size_t i, n = 0;

	for (i = 0; i < EXEFILES && i < f->nfiles; i++)
		n += f->files[i].nature == EXEFILE_FAR || f->files[i].nature == EXEFILE_LATE;
	return n;
}
