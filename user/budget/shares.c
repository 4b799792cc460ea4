/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "budget/shares.h"

#define LEAST 0.01 /* CPUs that a process counts for beside what it uses */

double shares_part(double use, double all, double least, size_t n)
{
	double together = all > least ? all : least;

	return together * (use + LEAST) / (all + LEAST * (double)n);
}
