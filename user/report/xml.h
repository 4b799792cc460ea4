/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_REPORT_XML_H
#define MAPRACE_REPORT_XML_H

#include <stdio.h>

/*
 * Text for XML and HTML, in an element or in a quoted attribute: & < > " ' become references. What
 * neither can hold at all (controls, half a code point) must have been made harmless before:
 * xml_text() does it with escape_text(), xml_plain() is for what this program has worded.
 */
void xml_text(FILE *out, const char *s);
void xml_plain(FILE *out, const char *s);

#endif
