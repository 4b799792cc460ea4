/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_TESTS_MEMFILE_H
#define MAPRACE_TESTS_MEMFILE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* A file that exists only in memory, with a path that open() takes. */
struct memfile {
	int fd;
	char path[64];
};

static inline struct memfile memfile_make(const void *data, size_t size)
{
	struct memfile m = {.fd = memfd_create("maprace-test", MFD_CLOEXEC)};
	size_t done = 0;

	if (m.fd < 0)
		abort();
	while (done < size) {
		ssize_t n = write(m.fd, (const char *)data + done, size - done);

		if (n <= 0)
			abort();
		done += (size_t)n;
	}
	snprintf(m.path, sizeof(m.path), "/proc/self/fd/%d", m.fd);
	return m;
}

static inline void memfile_close(struct memfile *m)
{
	close(m->fd);
}

#endif
