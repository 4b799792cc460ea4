/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_BASE_KERNEL_H
#define MAPRACE_BASE_KERNEL_H

#include <stdbool.h>

/* Than this release, by what it says of itself: for what cannot be tried. False where it does not
 * say. */
bool kernel_is_older(unsigned int major, unsigned int minor);

#endif
