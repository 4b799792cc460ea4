/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "process/live_reader.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>

#include "base/clock.h"
#include "base/errand.h"

#define PAGE 4096u
#define PIECE (LIVE_PAGES * PAGE)

struct live_piece {
	pid_t pid;
	uint64_t addr;
	size_t len;
	int result;
	uint32_t pages;
	uint8_t data[PIECE];
};

struct live_pieces { /* from several places */
	pid_t pid;
	uint64_t addrs[LIVE_READ_MANY];
	size_t n, each, done;
	uint64_t cpu_ns;
	int result;
	uint8_t data[LIVE_READ_BYTES];
};

_Static_assert(sizeof(struct live_piece) <= ERRAND_ROOM, "a piece fits");
_Static_assert(sizeof(struct live_pieces) <= ERRAND_ROOM, "pieces fit");

static uint64_t many_cpu_ns;

int live_read_here(pid_t pid, uint64_t addr, void *buf, size_t len)
{
	struct iovec to = {.iov_base = buf, .iov_len = len};
	struct iovec from = {.iov_base = (void *)(uintptr_t)addr, .iov_len = len};
	ssize_t n = process_vm_readv(pid, &to, 1, &from, 1, 0);

	if (n < 0)
		return errno == ESRCH || errno == EPERM || errno == ENOMEM ? -errno : -EFAULT;
	return (size_t)n == len ? 0 : -EFAULT;
}

static int read_it(void *place, int fd)
{
	struct live_piece *p = place;

	(void)fd;
	p->result = live_read_here(p->pid, p->addr, p->data, p->len);
	return -1;
}

static int read_them(void *place, int fd)
{
	struct live_piece *p = place;
	uint32_t i;

	(void)fd;
	p->pages = LIVE_ALL_PAGES;
	p->result = live_read_here(p->pid, p->addr, p->data, PIECE);
	if (p->result != -EFAULT)
		return -1;
	for (i = 0; i < LIVE_PAGES; i++) {
		p->result = live_read_here(p->pid, p->addr + i * PAGE, p->data + i * PAGE, PAGE);
		if (p->result)
			p->pages &= ~(1u << i);
		if (p->result && p->result != -EFAULT)
			return -1;
	}
	p->result = 0;
	return -1;
}

static struct live_piece *new_piece(pid_t pid, uint64_t addr, size_t len)
{
	struct live_piece *p = errand_place();

	if (p) {
		p->pid = pid;
		p->addr = addr;
		p->len = len;
	}
	return p;
}

static uint64_t whom(pid_t pid)
{
	return errand_whom(ERRAND_PROCESS, (uint64_t)pid);
}

int live_read_pages(pid_t pid, uint64_t addr, void *buf, uint32_t *pages, uint64_t most_ns)
{
	struct live_piece *p = new_piece(pid, addr, PIECE);
	int r;

	if (!p)
		return -errno;
	r = errand_run(whom(pid), most_ns, read_them, -1, NULL);
	if (!r)
		r = p->result;
	if (r)
		return r;
	memcpy(buf, p->data, PIECE);
	*pages = p->pages;
	return 0;
}

static int read_piece(pid_t pid, uint64_t addr, void *buf, size_t len)
{
	struct live_piece *p = new_piece(pid, addr, len);
	int r;

	if (!p)
		return -errno;
	r = errand_run(whom(pid), ERRAND_ANY, read_it, -1, NULL);
	if (!r)
		r = p->result;
	if (!r)
		memcpy(buf, p->data, len);
	return r;
}

int live_read(pid_t pid, uint64_t addr, void *buf, size_t len)
{
	size_t done, n;
	int r = 0;

	for (done = 0; !r && done < len; done += n) {
		n = len - done < PIECE ? len - done : PIECE;
		r = read_piece(pid, addr + done, (uint8_t *)buf + done, n);
	}
	return r;
}

static int read_many(void *place, int fd)
{
	struct live_pieces *p = place;
	struct iovec to = {.iov_base = p->data, .iov_len = p->n * p->each}, from[LIVE_READ_MANY];
	uint64_t cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	ssize_t got;
	size_t i;

	(void)fd;
	for (i = 0; i < p->n; i++)
		from[i] = (struct iovec){(void *)(uintptr_t)p->addrs[i], p->each};
	got = process_vm_readv(p->pid, &to, 1, from, p->n, 0);
	p->done = got > 0 ? (size_t)got / p->each : 0;
	p->result = got < 0 && (errno == ESRCH || errno == EPERM || errno == ENOMEM) ? -errno : 0;
	p->cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu;
	return -1;
}

int live_read_many(pid_t pid, const uint64_t *addrs, size_t n, size_t each, void *buf, size_t *done)
{
	struct live_pieces *p;
	int r;

	*done = 0;
	if (!n)
		return 0;
	if (n > LIVE_READ_MANY || !each || each > LIVE_READ_BYTES / n)
		return -EINVAL;
	p = errand_place();
	if (!p)
		return -errno;
	p->pid = pid;
	memcpy(p->addrs, addrs, n * sizeof(*addrs));
	p->n = n;
	p->each = each;
	r = errand_run(whom(pid), ERRAND_ANY, read_many, -1, NULL);
	if (!r)
		r = p->result;
	if (r)
		return r;
	many_cpu_ns += p->cpu_ns;
	*done = p->done <= n ? p->done : 0;
	memcpy(buf, p->data, *done * each);
	return 0;
}

uint64_t live_read_many_cpu_ns(void)
{
	return many_cpu_ns;
}
