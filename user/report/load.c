/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "report/load.h"

#include <stdlib.h>
#include <string.h>

#include "report/input.h"
#include "report/json/json_read.h"

int report_load(const char *path, struct report *report, struct mrec_note *note, struct err *err)
{
	char *data = NULL;
	size_t len = 0;
	int rc;

	memset(report, 0, sizeof(*report));
	memset(note, 0, sizeof(*note));
	rc = input_read(path, MREC_FILE_MAX, &data, &len);
	if (rc)
		return err_set(err, rc, "cannot read it: %s", strerror(-rc));
	if (mrec_is(data, len)) {
		rc = mrec_read_buffer(data, len, report, note, err);
	} else {
		note->ended = true;
		rc = json_read_buffer(data, len, report, err);
	}
	free(data);
	return rc;
}

int json_read_report(const char *path, struct report *report, struct err *err)
{
	char *data = NULL;
	size_t len = 0;
	int rc;

	memset(report, 0, sizeof(*report));
	rc = input_read(path, JSON_READ_MAX, &data, &len);
	if (rc)
		return err_set(err, rc, "cannot read it: %s", strerror(-rc));
	rc = json_read_buffer(data, len, report, err);
	free(data);
	return rc;
}
