/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "report/format.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "report/mrec/mrec.h"

static const char *const names[REPORT_FORMATS] = {
	[FORMAT_TEXT] = "text",	  [FORMAT_JSON] = "json",   [FORMAT_JSONL] = "jsonl",
	[FORMAT_SARIF] = "sarif", [FORMAT_JUNIT] = "junit", [FORMAT_HTML] = "html",
	[FORMAT_MREC] = "mrec",
};

const char *format_name(enum report_format format)
{
	return format < REPORT_FORMATS ? names[format] : "json";
}

bool format_find(const char *name, enum report_format *format)
{
	size_t i;

	for (i = 0; i < REPORT_FORMATS; i++)
		if (!strcmp(name, names[i])) {
			*format = (enum report_format)i;
			return true;
		}
	return false;
}

enum report_format format_of_path(const char *path)
{
	static const struct {
		const char *extension;
		enum report_format format;
	} known[] = {
		{".jsonl", FORMAT_JSONL}, {".sarif", FORMAT_SARIF},	 {".xml", FORMAT_JUNIT},
		{".html", FORMAT_HTML},	  {".htm", FORMAT_HTML},	 {".txt", FORMAT_TEXT},
		{".mrec", FORMAT_MREC},	  {".sarif.json", FORMAT_SARIF},
	};
	size_t len = strlen(path), n, i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		n = strlen(known[i].extension);
		if (len > n && !strcasecmp(path + len - n, known[i].extension))
			return known[i].format;
	}
	return FORMAT_JSON;
}

static int print(FILE *out, const struct report *report, enum report_format format,
		 const struct print_options *options)
{
	switch (format) {
	case FORMAT_TEXT:
		return text_print_report(out, report, options);
	case FORMAT_JSON:
		return json_print_report(out, report);
	case FORMAT_JSONL:
		return jsonl_print_report(out, report);
	case FORMAT_SARIF:
		return sarif_print_report(out, report, options);
	case FORMAT_JUNIT:
		return junit_print_report(out, report, options);
	case FORMAT_HTML:
		return html_print_report(out, report, options);
	case FORMAT_MREC:
		return mrec_print_report(out, report);
	case REPORT_FORMATS:
		break;
	}
	return -ENOTSUP;
}

/* In memory first: a stream that fails half-way no longer knows why at its end. */
int format_print(FILE *out, const struct report *report, enum report_format format,
		 const struct print_options *options)
{
	char *text = NULL;
	size_t len = 0;
	FILE *memory = open_memstream(&text, &len);
	int rc;

	if (!memory)
		return -ENOMEM;
	rc = print(memory, report, format, options);
	if (fclose(memory) && !rc)
		rc = -ENOMEM;
	errno = 0;
	if (!rc && (fwrite(text, 1, len, out) != len || fflush(out)))
		rc = errno ? -errno : -EIO;
	free(text);
	return rc;
}
