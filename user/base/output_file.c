/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "base/output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/vfs.h>
#include <unistd.h>

#define LINKS_MAX 40 /* as the kernel has it */
#define CREATE_TRIES 8
#define TEMPORARY_TRIES 100

/* A way through directories, one name at a time. */
struct walk {
	int dir, found;
	char name[NAME_MAX + 1];
	char rest[PATH_MAX]; /* behind name */
	struct stat st;	     /* of found */
	int links;
	bool foreign;
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int start(struct walk *w, const char *path)
{
	int dir;

	if (strlen(path) >= sizeof(w->rest))
		return -ENAMETOOLONG;
	if (path[0] == '/') {
		dir = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (dir < 0)
			return -errno;
		close_fd(&w->dir);
		w->dir = dir;
	}
	memmove(w->rest, path, strlen(path) + 1);
	return 0;
}

/* The next name; false when there is none. */
static int next_name(struct walk *w)
{
	const char *at = w->rest + strspn(w->rest, "/");
	size_t n = strcspn(at, "/");

	if (n > NAME_MAX)
		return -ENAMETOOLONG;
	snprintf(w->name, sizeof(w->name), "%.*s", (int)n, at);
	memmove(w->rest, at + n, strlen(at + n) + 1);
	return n ? 1 : 0;
}

/* Where others may put what they like, and not take away what is ours. */
static bool is_refused(struct walk *w)
{
	struct stat dir;

	if (fstat(w->dir, &dir))
		return true;
	if (!(dir.st_mode & S_ISVTX) || !(dir.st_mode & S_IWOTH) || w->st.st_uid == geteuid() ||
	    w->st.st_uid == dir.st_uid)
		return false;
	w->foreign = S_ISLNK(w->st.st_mode) || S_ISREG(w->st.st_mode) || S_ISFIFO(w->st.st_mode);
	return w->foreign;
}

/* Links of /proc do not say where they lead: the kernel goes there. */
static int follow_magic(struct walk *w)
{
	char link[64], real[PATH_MAX];
	int fd = openat(w->dir, w->name, O_PATH | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	close_fd(&w->found);
	w->found = fd;
	if (fstat(fd, &w->st))
		return -errno;
	if (!S_ISREG(w->st.st_mode))
		return 0;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, real, sizeof(real) - 1);
	if (n < 0)
		return -errno;
	real[n] = '\0';
	close_fd(&w->found);
	return start(w, real);
}

static int follow(struct walk *w)
{
	char target[PATH_MAX], whole[PATH_MAX];
	struct statfs fs;
	ssize_t n;
	int len;

	if (++w->links > LINKS_MAX)
		return -ELOOP;
	if (is_refused(w))
		return -EACCES;
	if (!fstatfs(w->dir, &fs) && fs.f_type == PROC_SUPER_MAGIC)
		return follow_magic(w);
	n = readlinkat(w->found, "", target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	target[n] = '\0';
	len = snprintf(whole, sizeof(whole), "%s%s", target, w->rest);
	if (len < 0 || (size_t)len >= sizeof(whole))
		return -ENAMETOOLONG;
	close_fd(&w->found);
	return n ? start(w, whole) : -ENOENT;
}

/* The name in hand: 1 when the way goes on, 0 at its end. */
static int step(struct walk *w)
{
	bool last = !w->rest[0];
	int r;

	close_fd(&w->found);
	w->found = openat(w->dir, w->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (w->found < 0)
		return errno == ENOENT && last ? 0 : -errno;
	if (fstat(w->found, &w->st))
		return -errno;
	if (S_ISLNK(w->st.st_mode)) {
		r = follow(w);
		if (r || w->found < 0)
			return r ? r : 1;
		last = !w->rest[0];
	}
	if (last)
		return 0;
	if (!S_ISDIR(w->st.st_mode))
		return -ENOTDIR;
	close_fd(&w->dir);
	w->dir = w->found;
	w->found = -1;
	return 1;
}

static int walk(struct walk *w, const char *path)
{
	int r;

	w->dir = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (w->dir < 0)
		return -errno;
	r = path[0] ? start(w, path) : -ENOENT;
	while (!r) {
		r = next_name(w);
		if (!r) /* a path that ends in a slash */
			return -EISDIR;
		r = r < 0 ? r : step(w);
		if (!r)
			break;
		r = r < 0 ? r : 0;
	}
	if (!r && w->found >= 0 && is_refused(w))
		r = -EACCES;
	return r;
}

int output_find(const char *path, struct output_place *place)
{
	struct walk w = {.dir = -1, .found = -1};
	int r = walk(&w, path);

	if (r) {
		close_fd(&w.dir);
		close_fd(&w.found);
		return r;
	}
	place->dir = w.dir;
	place->found = w.found;
	place->st = w.st;
	memcpy(place->name, w.name, sizeof(place->name));
	return 0;
}

void output_release(struct output_place *place)
{
	close_fd(&place->dir);
	close_fd(&place->found);
}

static int open_found(const struct output_place *place, int flags)
{
	char link[64];
	int fd;

	if (S_ISDIR(place->st.st_mode))
		return -EISDIR;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", place->found);
	fd = open(link, flags | O_WRONLY | O_CLOEXEC | O_NOCTTY);
	return fd < 0 ? -errno : fd;
}

int output_open_found(const struct output_place *place)
{
	return open_found(place, 0);
}

int output_temporary(const struct output_place *place, char name[NAME_MAX + 1])
{
	int fd, tries;
	uint64_t n;

	for (tries = 0; tries < TEMPORARY_TRIES; tries++) {
		if (getrandom(&n, sizeof(n), 0) != sizeof(n))
			return -EIO;
		/* a name as long as names may be has no room for the end */
		snprintf(name, NAME_MAX + 1, "%.*s.%06" PRIx64, NAME_MAX - 7, place->name,
			 n & 0xffffff);
		fd = openat(place->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			    0600);
		if (fd >= 0 || errno != EEXIST)
			return fd < 0 ? -errno : fd;
	}
	return -EEXIST;
}

static int sync_directory(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;

	if (fd < 0)
		return 0; /* a directory that may be written but not read: the rename stands, only
			     later on disk */
	if (fsync(fd) && errno != EINVAL)
		rc = -errno;
	close(fd);
	return rc;
}

int output_finish(const struct output_place *place, const char *temporary, int fd, int written)
{
	int r = written;

	if (close(fd) && !r)
		r = -errno;
	if (!r && !renameat(place->dir, temporary, place->dir, place->name))
		return sync_directory(place->dir);
	r = r ? r : -errno;
	unlinkat(place->dir, temporary, 0);
	return r;
}

int output_create(const char *path)
{
	struct output_place place;
	int fd = -EEXIST, tries, r;

	for (tries = 0; tries < CREATE_TRIES && fd == -EEXIST; tries++) {
		r = output_find(path, &place);
		if (r)
			return r;
		if (place.found >= 0) {
			fd = open_found(&place, O_TRUNC);
		} else {
			fd = openat(place.dir, place.name,
				    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0666);
			fd = fd < 0 ? -errno : fd;
		}
		output_release(&place);
	}
	return fd;
}

bool output_is_foreign(const char *path)
{
	struct walk w = {.dir = -1, .found = -1};
	int r = walk(&w, path);

	close_fd(&w.dir);
	close_fd(&w.found);
	return r == -EACCES && w.foreign;
}
