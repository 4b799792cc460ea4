/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_BASE_LEASE_H
#define MAPRACE_BASE_LEASE_H

#include <stdbool.h>

/*
 * A lease on a file (fcntl(2), F_SETLEASE, F_RDLCK): who is about to write to it, or cuts it short,
 * waits inside open(2) or truncate(2) until we give it up, for /proc/sys/fs/lease-break-time at the
 * most, 45 seconds; who opens it so that nothing waits (O_NONBLOCK) is refused. Who asks for it
 * sends us SIGIO, which is to be blocked. A program that is being executed cannot be written to at
 * all (ETXTBSY), lease or not.
 */

/*
 * fd: of any kind. A file descriptor, or negative errno: -EAGAIN somebody is about to write to it,
 * -EACCES it is another user's and we have no CAP_LEASE, -EINVAL its file system has none.
 */
int lease_take(int fd);
/* Somebody waits for it. */
bool lease_is_asked_for(int lease);
void lease_end(int lease);

#endif
