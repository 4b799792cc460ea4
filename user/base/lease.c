/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "base/lease.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/open_file.h"

int lease_take(int fd)
{
	int lease = file_open_found(fd); /* others may have what fd is of, too, and keep it */

	if (lease < 0)
		return lease;
	/* the process, not this thread, which may end before */
	if (!fcntl(lease, F_SETOWN, getpid()) && !fcntl(lease, F_SETLEASE, F_RDLCK))
		return lease;
	fd = -errno;
	file_close(lease);
	return fd;
}

bool lease_is_asked_for(int lease)
{
	return fcntl(lease, F_GETLEASE) == F_UNLCK;
}

void lease_end(int lease)
{
	(void)fcntl(lease, F_SETLEASE, F_UNLCK);
	file_close(lease);
}
