/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_REPORT_WORDS_DURATION_H
#define MAPRACE_REPORT_WORDS_DURATION_H

/* "820ns", "36.5us", "1.2ms", "3.0s": one decimal from microseconds up. Room for any double. */
struct duration_text {
	char s[32];
};
struct duration_text duration_format(double ns);

#endif
