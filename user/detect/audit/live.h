/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_DETECT_AUDIT_LIVE_H
#define MAPRACE_DETECT_AUDIT_LIVE_H

#include <signal.h>

#include "detect/audit/symbols.h"
#include "model/model.h"

/* Watches the loaded programs of a report's findings for ns, or until *stop; each finding of one of
 * them then has what was seen, and the evidence for it. What cannot be seen is said there: nothing
 * but a lack of memory fails. */
int audit_live_watch(struct report *report, const struct audit_symbols *symbols, uint64_t ns,
		     const volatile sig_atomic_t *stop);

#endif
