/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/format.h"
#include "report/mrec/mrec.h"
#include "report/mrec/mrec_frame.h"

/*
 * Checksums would stop nearly every mutation: they are made right first, unless the input's last
 * bit says not to. Whatever is read must be printable in every format, and recorded again it must
 * read as the same document.
 */
static void mend(uint8_t *data, size_t size)
{
	size_t at, len;

	if (size < MREC_FRAME)
		return;
	mrec_put_u32(data + 12, mrec_crc(data, 12));
	for (at = MREC_FRAME; size - at >= MREC_FRAME; at += MREC_FRAME + len) {
		len = mrec_get_u32(data + at + 4);
		if (len > size - at - MREC_FRAME)
			len = size - at - MREC_FRAME;
		mrec_put_u32(data + at + 8, mrec_crc(data + at + MREC_FRAME, len));
		mrec_put_u32(data + at + 12, mrec_crc(data + at, 12));
	}
}

static char *print(const struct report *report, enum report_format format, size_t *len)
{
	const struct print_options options = {.text = {.verbose = true}, .source_root = "/src"};
	char *text = NULL;
	FILE *out = open_memstream(&text, len);

	if (!out || format_print(out, report, format, &options) || fclose(out))
		abort();
	return text;
}

static void check(const struct report *report)
{
	char *first, *second, *recording;
	struct mrec_note note;
	struct report again;
	struct err err = {0};
	size_t len, other, i;

	for (i = 0; i < REPORT_FORMATS; i++)
		free(print(report, (enum report_format)i, &len));
	recording = print(report, FORMAT_MREC, &len);
	if (mrec_read_buffer(recording, len, &again, &note, &err) || note.damaged || !note.ended) {
		fprintf(stderr, "not read again: %s%s\n", err.text, note.why);
		abort();
	}
	first = print(report, FORMAT_JSON, &len);
	second = print(&again, FORMAT_JSON, &other);
	if (len != other || memcmp(first, second, len) != 0)
		abort();
	free(recording);
	free(first);
	free(second);
	report_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	struct mrec_note note;
	struct report report;
	struct err err = {0};

	if (!copy)
		return 0;
	memcpy(copy, data, size);
	if (size && !(data[size - 1] & 1))
		mend(copy, size);
	if (!mrec_read_buffer((const char *)copy, size, &report, &note, &err)) {
		if (note.good > size)
			abort();
		check(&report);
		report_free(&report);
	} else if (!err.text[0]) {
		abort();
	}
	free(copy);
	return 0;
}
