/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "report/format.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define EXTENSIONS 2 /* of one format */

/* In the order in which they are listed. Whatever no row claims by its extension is JSON. */
static const struct format {
	const char *name;
	const char *extensions[EXTENSIONS]; /* the first one is the usual one */
	int (*print)(FILE *out, const struct report *report, const struct print_options *options);
} formats[REPORT_FORMATS] = {
	[FORMAT_TEXT] = {"text", {".txt"}, text_print_report},
	[FORMAT_JSON] = {"json", {".json"}, json_print_report},
	[FORMAT_JSONL] = {"jsonl", {".jsonl"}, jsonl_print_report},
	[FORMAT_SARIF] = {"sarif", {".sarif", ".sarif.json"}, sarif_print_report},
	[FORMAT_JUNIT] = {"junit", {".xml"}, junit_print_report},
	[FORMAT_HTML] = {"html", {".html", ".htm"}, html_print_report},
	[FORMAT_MREC] = {"mrec", {".mrec"}, mrec_print_report},
	[FORMAT_PPROF] = {"pprof", {".pb.gz"}, pprof_print_report},
};

const char *format_name(enum report_format format)
{
	return formats[format < REPORT_FORMATS ? format : FORMAT_JSON].name;
}

const char *format_extension(enum report_format format)
{
	return formats[format < REPORT_FORMATS ? format : FORMAT_JSON].extensions[0];
}

bool format_find(const char *name, enum report_format *format)
{
	size_t i;

	for (i = 0; i < REPORT_FORMATS; i++)
		if (!strcmp(name, formats[i].name)) {
			*format = (enum report_format)i;
			return true;
		}
	return false;
}

/* Of that many characters of the path; 0: it does not end so, or is nothing else. */
static size_t ends_in(const char *path, const char *extension)
{
	size_t len = strlen(path), n = extension ? strlen(extension) : 0;

	return n && len > n && !strcasecmp(path + len - n, extension) ? n : 0;
}

/* The longest extension decides: .sarif.json ends in .json as well. */
enum report_format format_of_path(const char *path)
{
	enum report_format found = FORMAT_JSON;
	size_t longest = 0, n, i, k;

	for (i = 0; i < REPORT_FORMATS; i++)
		for (k = 0; k < EXTENSIONS; k++) {
			n = ends_in(path, formats[i].extensions[k]);
			if (n > longest) {
				longest = n;
				found = (enum report_format)i;
			}
		}
	return found;
}

/* In memory first: a stream that fails half-way no longer knows why at its end. */
int format_print(FILE *out, const struct report *report, enum report_format format,
		 const struct print_options *options)
{
	char *text = NULL;
	size_t len = 0;
	FILE *memory;
	int rc;

	if (format >= REPORT_FORMATS)
		return -ENOTSUP;
	memory = open_memstream(&text, &len);
	if (!memory)
		return -ENOMEM;
	rc = formats[format].print(memory, report, options);
	if (fclose(memory) && !rc)
		rc = -ENOMEM;
	errno = 0;
	if (!rc && (fwrite(text, 1, len, out) != len || fflush(out)))
		rc = errno ? -errno : -EIO;
	free(text);
	return rc;
}
