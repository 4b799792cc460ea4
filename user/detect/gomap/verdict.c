/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "detect/gomap/verdict.h"

#include <math.h>

/*
 * The weight of one control that was met while no hold ever was. Somebody came; the coin had chosen
 * a control and not one of the r holds beside it, which would have been met VERDICT_HINDRANCE times
 * as often at the least. That it so falls has a chance of 1 / (1 + r * VERDICT_HINDRANCE), whatever
 * came before; the chance of k in a row is its k-th power, and its logarithm is what is added up.
 */
static double weight(uint32_t holds, uint32_t controls)
{
	double ratio;

	if (!controls)
		return 0;
	ratio = (double)holds / controls;
	if (ratio > MR_TRIAL_ODDS - 1)
		ratio = MR_TRIAL_ODDS - 1;
	return log1p(ratio * VERDICT_HINDRANCE);
}

/* The number of controls met at the site that has the fewest: one call site without a lock, seldom
 * come by, must not hide behind busy ones that have it. */
static unsigned int least_met(const struct verdict_input *in)
{
	unsigned int least = UINT8_MAX, i;
	bool any = false;

	if (in->crowded || !in->by_site)
		return 0;
	for (i = 0; i < MR_MAP_SITES; i++) {
		if (!in->sites[i])
			continue;
		any = true;
		if (in->by_site[i] < least)
			least = in->by_site[i];
	}
	return any ? least : 0;
}

struct verdict verdict_of(const struct verdict_input *in)
{
	struct verdict v = {.verdict = REPORT_UNPROVEN, .p = 1};

	v.expected = least_met(in) * weight(in->holds, in->controls);
	if (in->collisions) {
		v.verdict = REPORT_RACY;
	} else if (!in->met && exp(-v.expected) < VERDICT_P) {
		v.verdict = REPORT_ORDERED;
		v.p = exp(-v.expected);
	}
	return v;
}
