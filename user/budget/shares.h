/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_BUDGET_SHARES_H
#define MAPRACE_BUDGET_SHARES_H

#include <stddef.h>

/*
 * One budget for several processes: a share of the CPUs that they use together, `least` at least:
 * one, as of a single process, or where none of them may use as many, what the freest of them may.
 * It is shared out by use; whoever uses next to nothing gets a little all the same, so that it can
 * be held now and then.
 *
 * The CPUs that one of n processes earns for: it uses `use` of them, all together `all`.
 */
double shares_part(double use, double all, double least, size_t n);

#endif
