/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "process/live_reader.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>

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

_Static_assert(sizeof(struct live_piece) <= ERRAND_ROOM, "a piece fits");

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
