/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SESSION_HOST_H
#define MAPRACE_SESSION_HOST_H

#include "model/model.h"

/* What each report says of this build and of this machine: version, kernel, arch, cpus, which the
 * report then owns. 0 or -ENOMEM. */
int host_fill(struct report *report);

#endif
