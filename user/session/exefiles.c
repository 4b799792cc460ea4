/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "session/exefiles.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "go/go_glance.h"
#include "process/exec_mounts.h"

#define KERNEL_MINOR_BITS 20 /* MINORBITS, include/linux/kdev_t.h */

static bool same_file(const struct census_file *a, const struct census_file *b)
{
	return a->ino == b->ino && a->dev == b->dev && a->size == b->size && a->stamp == b->stamp &&
	       a->told == b->told;
}

struct exefile *exefile_find(struct exefiles *f, const struct census_file *file)
{
	size_t i;

	for (i = 0; i < EXEFILES && i < f->nfiles; i++)
		if (same_file(&f->files[i].file, file))
			return &f->files[i];
	return NULL;
}

void exefile_know(struct exefiles *f, const struct census_file *file, enum exefile_nature nature)
{
	struct exefile *known = exefile_find(f, file);

	if (!known)
		known = &f->files[f->nfiles++ % EXEFILES];
	*known = (struct exefile){*file, nature};
}

int exefile_of(pid_t pid, struct census_file *file)
{
	struct statx st;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	if (statx(AT_FDCWD, path, AT_STATX_DONT_SYNC, STATX_INO | STATX_SIZE | STATX_CTIME, &st))
		return -errno;
	*file = (struct census_file){.dev = makedev(st.stx_dev_major, st.stx_dev_minor),
				     .ino = st.stx_ino,
				     .size = st.stx_size,
				     .stamp = (uint64_t)st.stx_ctime.tv_sec * 1000000000u +
					      st.stx_ctime.tv_nsec};
	return 0;
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
	uint64_t dev = of->dev;

	if (of->told) /* as the kernel has it */
		dev = makedev(dev >> KERNEL_MINOR_BITS, dev & ((1u << KERNEL_MINOR_BITS) - 1));
	return file->size == of->size && file->ino == of->ino &&
	       (file->dev == dev || has_own_devices(pid));
}

int exefile_look(pid_t pid, const struct census_file *of, enum exefile_nature *nature)
{
	static const enum exefile_nature natures[] = {[GO_GLANCE_NO] = EXEFILE_OTHER,
						      [GO_GLANCE_PERHAPS] = EXEFILE_PERHAPS,
						      [GO_GLANCE_YES] = EXEFILE_GO};
	struct census_file file = {};
	struct stat st;
	char path[64];
	int fd, r = exefile_of(pid, &file);

	if (r)
		return r;
	if (!is_told(pid, &file, of))
		return -ESTALE;
	if (!exec_mounts_is_local(pid, file.dev)) {
		*nature = EXEFILE_FAR;
		return 0;
	}
	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	r = fstat(fd, &st) || (uint64_t)st.st_size != file.size || st.st_ino != file.ino ||
			    st.st_dev != file.dev
		    ? -ESTALE
		    : 0;
	if (!r)
		*nature = natures[go_glance(fd)];
	close(fd);
	return r;
}

size_t exefile_far(const struct exefiles *f)
{
	size_t i, n = 0;

	for (i = 0; i < EXEFILES && i < f->nfiles; i++)
		n += f->files[i].nature == EXEFILE_FAR;
	return n;
}
