/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "report/words/duration.h"

#include <stdio.h>

struct duration_text duration_format(double ns)
{
	struct duration_text text;

	if (!(ns > 0))
		ns = 0;
	/* The limits are where rounding would give "1000.0" of the smaller unit. */
	if (ns < 999.5)
		snprintf(text.s, sizeof(text.s), "%.0fns", ns);
	else if (ns < 999.95e3)
		snprintf(text.s, sizeof(text.s), "%.1fus", ns / 1e3);
	else if (ns < 999.95e6)
		snprintf(text.s, sizeof(text.s), "%.1fms", ns / 1e6);
	else if (ns < 1e18)
		snprintf(text.s, sizeof(text.s), "%.1fs", ns / 1e9);
	else
		snprintf(text.s, sizeof(text.s), "%.3gs", ns / 1e9);
	return text;
}
