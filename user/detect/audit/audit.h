/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_DETECT_AUDIT_AUDIT_H
#define MAPRACE_DETECT_AUDIT_AUDIT_H

#include <signal.h>

#include "base/err.h"
#include "model/model.h"

struct audit;

struct audit *audit_new(void); /* NULL: no memory */
void audit_free(struct audit *audit);
/* All objects of a file. 0, or a negative errno with err set: it cannot be read, or holds none. */
int audit_file(struct audit *audit, const char *path, struct err *err);
/* A file's bytes, as above. */
int audit_bytes(struct audit *audit, const char *name, const uint8_t *data, size_t size,
		struct err *err);
/* A loaded program by its id or name (several may have it), or all (NULL). 0, -ENOENT (there is none
 * of that name), -EPERM, … with err set; programs that cannot be read are told of in the report. */
int audit_loaded(struct audit *audit, const char *program, struct err *err);
/* Gives the findings (as suspects), the programs, the counters and caveats to a report, which owns
 * them then. 0 or -ENOMEM. */
int audit_finish(struct audit *audit, struct report *report);
/* After that: watches the loaded programs in which something was found for ns, or until *stop. 0 or
 * -ENOMEM; what could not be seen is said in the findings. */
int audit_live(struct audit *audit, struct report *report, uint64_t ns,
	       const volatile sig_atomic_t *stop);

#endif
