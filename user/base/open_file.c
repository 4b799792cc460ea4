/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "base/open_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/errand.h"

#define TRIES 16 /* the kernel asks for another one when something is renamed meanwhile */
#define PIECE (64u << 10)

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

static int find_own(const char *path)
{
	size_t root = root_length(path);
	int fd;

	if (root)
		return find_in_root(path, root);
	fd = open(path, O_PATH | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int open_found(int found)
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

static uint64_t ns_of(const struct statx_timestamp *t)
{
	return (uint64_t)t->tv_sec * 1000000000u + t->tv_nsec;
}

static int identify(int fd, const char *path, struct file_identity *out)
{
	struct statx st;

	if (statx(fd, path, AT_STATX_DONT_SYNC | (path[0] ? 0 : AT_EMPTY_PATH),
		  STATX_INO | STATX_SIZE | STATX_CTIME | STATX_MTIME | STATX_TYPE, &st))
		return -errno;
	*out = (struct file_identity){
		.dev = makedev(st.stx_dev_major, st.stx_dev_minor),
		.ino = st.stx_ino,
		.size = st.stx_size,
		.ctime_ns = ns_of(&st.stx_ctime),
		.mtime_ns = ns_of(&st.stx_mtime),
		.mode = st.stx_mode,
	};
	return 0;
}

/* --- what may not come back --- */

struct file_errand {
	int result;
	union {
		char path[PATH_MAX];
		struct file_identity identity;
		struct {
			uint64_t offset;
			size_t len;
			uint8_t data[PIECE];
		} piece;
	} of;
};

_Static_assert(sizeof(struct file_errand) <= ERRAND_ROOM, "it fits");

/* What a new file descriptor is, or why there is none. */
static int brought(struct file_errand *e, int r)
{
	e->result = r < 0 ? r : 0;
	return r < 0 ? -1 : r;
}

static int do_find(void *place, int fd)
{
	struct file_errand *e = place;

	(void)fd;
	return brought(e, find_own(e->of.path));
}

static int do_find_strange(void *place, int fd)
{
	struct file_errand *e = place;

	(void)fd;
	return brought(e, find(AT_FDCWD, e->of.path, RESOLVE_NO_MAGICLINKS));
}

static int do_open(void *place, int fd)
{
	return brought(place, open_found(fd));
}

static int do_identify(void *place, int fd)
{
	struct file_errand *e = place;
	struct file_identity found = {};

	(void)fd;
	e->result = identify(AT_FDCWD, e->of.path, &found);
	e->of.identity = found;
	return -1;
}

static int do_read(void *place, int fd)
{
	struct file_errand *e = place;
	ssize_t n = pread(fd, e->of.piece.data, e->of.piece.len, (off_t)e->of.piece.offset);

	e->result = n < 0 ? -errno : (int)n;
	return -1;
}

/* What it has been given is closed. */
static int do_nothing(void *place, int fd)
{
	(void)place;
	(void)fd;
	return -1;
}

static uint64_t hash_of(const void *bytes, size_t len)
{
	const uint8_t *at = bytes;
	uint64_t hash = 14695981039346656037u; /* FNV-1a */

	while (len--)
		hash = (hash ^ *at++) * 1099511628211u;
	return hash;
}

static uint64_t whom_by_name(const char *path)
{
	return errand_whom(ERRAND_NAME, hash_of(path, strlen(path)));
}

/* What is known here is not asked for. */
static uint64_t whom_by_file(int fd)
{
	struct file_identity of = {};

	(void)identify(fd, "", &of);
	return errand_whom(ERRAND_DEVICE, of.dev);
}

static int run_by_name(const char *path, int (*do_it)(void *place, int fd),
		       struct file_errand **out, int *opened)
{
	struct file_errand *e = *out = errand_place();
	size_t len = strlen(path) + 1;
	int r;

	if (!e)
		return -errno;
	if (len > sizeof(e->of.path))
		return -ENAMETOOLONG;
	memcpy(e->of.path, path, len);
	r = errand_run(whom_by_name(path), ERRAND_ANY, do_it, -1, opened);
	return r ? r : e->result;
}

static int opened_or(int r, int opened)
{
	if (r)
		return r;
	return opened < 0 ? -EMFILE : opened;
}

/* What somebody names to us may be ours: /dev/stdin, /proc/self/fd/4. */
static bool is_of_a_process(const char *path)
{
	return !strncmp(path, "/proc/", 6) && path[6] >= '0' && path[6] <= '9';
}

int file_find(const char *path)
{
	struct file_errand *e;
	int fd = -1, r;

	if (!is_of_a_process(path))
		return find_own(path);
	r = run_by_name(path, do_find, &e, &fd);
	return opened_or(r, fd);
}

int file_find_strange(const char *path)
{
	struct file_errand *e;
	int fd = -1, r = run_by_name(path, do_find_strange, &e, &fd);

	return opened_or(r, fd);
}

int file_identify(const char *path, struct file_identity *out)
{
	struct file_errand *e;
	int r = run_by_name(path, do_identify, &e, NULL);

	if (!r)
		*out = e->of.identity;
	return r;
}

int file_identify_here(const char *path, struct file_identity *out)
{
	return identify(AT_FDCWD, path, out);
}

int file_identify_open(int fd, struct file_identity *out)
{
	return identify(fd, "", out);
}

int file_open_found(int found)
{
	struct file_errand *e = errand_place();
	int r, fd = -1;

	if (!e)
		return -errno;
	r = errand_run(whom_by_file(found), ERRAND_ANY, do_open, found, &fd);
	return opened_or(r ? r : e->result, fd);
}

static ssize_t read_away(int fd, void *buf, size_t len, uint64_t offset)
{
	struct file_errand *e = errand_place();
	int r;

	if (!e)
		return -errno;
	e->of.piece.offset = offset;
	e->of.piece.len = len < PIECE ? len : PIECE;
	r = errand_run(whom_by_file(fd), ERRAND_ANY, do_read, fd, NULL);
	if (!r)
		r = e->result;
	if (r > 0)
		memcpy(buf, e->of.piece.data, (size_t)r);
	return r;
}

ssize_t file_read_at(int fd, void *buf, size_t len, uint64_t offset)
{
	size_t done = 0;
	ssize_t n;

	if (offset > INT64_MAX - len)
		return -EINVAL;
	while (done < len) {
		struct iovec to = {(uint8_t *)buf + done, len - done};

		/* what is in memory already, as most of it is, keeps nobody waiting */
		n = preadv2(fd, &to, 1, (off_t)(offset + done), RWF_NOWAIT);
		if (n <= 0)
			n = read_away(fd, to.iov_base, to.iov_len, offset + done);
		if (n == -EINTR)
			continue;
		if (n <= 0)
			return n ? n : (ssize_t)done;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

uint64_t file_head(const void *bytes, size_t len)
{
	uint64_t hash = hash_of(bytes, len);

	return hash ? hash : 1;
}

bool file_is_unwritten(int fd, const struct file_identity *before, const struct file_identity *now)
{
	uint8_t head[FILE_HEAD];
	ssize_t n;

	if (now->size != before->size)
		return false;
	if (now->ctime_ns == before->ctime_ns)
		return true;
	n = before->head ? file_read_at(fd, head, sizeof(head), 0) : -1;
	return n >= 0 && file_head(head, (size_t)n) == before->head;
}

/* A server is asked whenever one closes its file (FUSE_FLUSH): a copy of it is closed first. */
void file_close(int fd)
{
	if (!errand_place() || !errand_run(whom_by_file(fd), ERRAND_ANY, do_nothing, fd, NULL))
		close(fd);
}
