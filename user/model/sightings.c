/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <string.h>

#include "model/model.h"

#define FIRST_BIN_S 0.0625

static void widen(struct report_sightings *s)
{
	size_t i;

	for (i = 0; i < REPORT_BINS / 2; i++)
		s->bins[i] = s->bins[2 * i] + s->bins[2 * i + 1];
	memset(&s->bins[REPORT_BINS / 2], 0, sizeof(s->bins) / 2);
	s->nbins = (s->nbins + 1) / 2;
	s->bin_s *= 2;
}

void report_sightings_add(struct report_sightings *s, double at_s, uint64_t count)
{
	size_t bin;

	if (!count || !(at_s >= 0) || at_s > 1e12)
		return;
	if (!(s->bin_s > 0))
		s->bin_s = FIRST_BIN_S;
	while (at_s >= s->bin_s * REPORT_BINS)
		widen(s);
	bin = (size_t)(at_s / s->bin_s);
	if (bin >= REPORT_BINS)
		bin = REPORT_BINS - 1;
	s->bins[bin] += count;
	if (bin >= s->nbins)
		s->nbins = bin + 1;
}
