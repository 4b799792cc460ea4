/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_REPORT_STYLE_H
#define MAPRACE_REPORT_STYLE_H

#define RULE "==================\n" /* around each finding */
#define RED_BOLD "\033[1;31m"
#define BOLD "\033[1m"
#define DIM "\033[2m"
#define PLAIN "\033[0m"

#endif
