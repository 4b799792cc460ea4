/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "base/open_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TRIES 16 /* the kernel asks for another one when something is renamed meanwhile */

/* Where openat2() is refused nothing is found: there is no safe way without it. */
static int find(int dir, const char *path, uint64_t resolve)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = resolve};
	int tries, fd = -1;

	for (tries = 0; tries < TRIES; tries++) {
		fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	return fd < 0 ? -errno : fd;
}

/* The length of "/proc/PID/root" at the start of a longer path, else 0. */
static size_t root_length(const char *path)
{
	size_t digits, n = strlen("/proc/");

	if (strncmp(path, "/proc/", n) != 0)
		return 0;
	digits = strspn(path + n, "0123456789");
	n += digits;
	if (!digits || strncmp(path + n, "/root/", 6) != 0)
		return 0;
	return n + 5;
}

static int find_in_root(const char *path, size_t root_len)
{
	char root[64];
	int dir, fd;

	if (root_len >= sizeof(root))
		return -ENAMETOOLONG;
	snprintf(root, sizeof(root), "%.*s", (int)root_len, path);
	dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	fd = find(dir, path + root_len, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
	close(dir);
	return fd;
}

int file_find(const char *path)
{
	size_t root = root_length(path);
	int fd;

	if (root)
		return find_in_root(path, root);
	fd = open(path, O_PATH | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int file_find_strange(const char *path)
{
	return find(AT_FDCWD, path, RESOLVE_NO_MAGICLINKS);
}

int file_open_found(int found)
{
	char link[64];
	struct stat st;
	int fd;

	if (fstat(found, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", found);
	fd = open(link, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	return fd < 0 ? -errno : fd;
}
