/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_BASE_NOTIFY_H
#define MAPRACE_BASE_NOTIFY_H

#include <stdint.h>

/* What a service manager is told: "READY=1". Nothing where there is none. Source: sd_notify(3),
 * which says that the protocol is stable: a datagram to the socket named by NOTIFY_SOCKET. */
void notify_manager(const char *state);
/* How often it wants to hear WATCHDOG=1 at the latest; 0: never. Source: sd_watchdog_enabled(3). */
uint64_t notify_watchdog_ns(void);

#endif
