/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/output_file.h"
#include "report/json/json_make.h"
#include "report/json/json_parts.h"
#include "report/json/json_snapshot.h"
#include "report/mrec/mrec.h"
#include "report/mrec/mrec_frame.h"
#include "report/printers.h"

struct mrec_writer {
	int fd;
	FILE *out; /* instead of fd */
	int rc;	   /* the first failure */
};

/* One write, so that a record is there whole or not at all when the tool dies in between; what is
 * left of it when the disk is full ends the recording. */
static int put_bytes(struct mrec_writer *w, const unsigned char *data, size_t len)
{
	ssize_t n;

	if (w->rc)
		return w->rc;
	if (w->out)
		return w->rc = fwrite(data, 1, len, w->out) == len ? 0 : errno ? -errno : -EIO;
	while (len) {
		n = write(w->fd, data, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return w->rc = n ? -errno : -EIO;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

static int put_file_head(struct mrec_writer *w)
{
	unsigned char head[MREC_FRAME];

	memcpy(head, MREC_MAGIC, 8); /* NOLINT: bytes, no string */
	mrec_put_u32(head + 8, MREC_VERSION);
	mrec_put_u32(head + 12, mrec_crc(head, 12));
	return put_bytes(w, head, sizeof(head));
}

static int put_text(struct mrec_writer *w, enum mrec_type type, const char *text, size_t len)
{
	unsigned char *record;
	int rc;

	if (len > MREC_PAYLOAD_MAX)
		return w->rc = -EFBIG;
	record = malloc(MREC_FRAME + len);
	if (!record)
		return w->rc = -ENOMEM;
	mrec_put_u32(record, type);
	mrec_put_u32(record + 4, (uint32_t)len);
	mrec_put_u32(record + 8, mrec_crc(text, len));
	mrec_put_u32(record + 12, mrec_crc(record, 12));
	memcpy(record + MREC_FRAME, text, len);
	rc = put_bytes(w, record, MREC_FRAME + len);
	free(record);
	return rc;
}

/* Takes value over. 17 digits give every number back as it was. */
static int put_value(struct mrec_writer *w, enum mrec_type type, json_t *value)
{
	char *text = value ? json_dumps(value,
					JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(17))
			   : NULL;
	int rc;

	json_decref(value);
	if (!text)
		return w->rc ? w->rc : (w->rc = -ENOMEM);
	rc = w->rc ? w->rc : put_text(w, type, text, strlen(text));
	free(text);
	return rc;
}

int mrec_create(struct mrec_writer **writer, const char *path)
{
	struct mrec_writer *w = calloc(1, sizeof(*w));
	int rc;

	if (!w)
		return -ENOMEM;
	w->fd = output_create(path);
	rc = w->fd < 0 ? w->fd : put_file_head(w);
	if (rc) {
		if (w->fd >= 0)
			close(w->fd);
		free(w);
		return rc;
	}
	*writer = w;
	return 0;
}

int mrec_head(struct mrec_writer *w, const struct report *report)
{
	return put_value(w, MREC_HEAD, json_build_head(report));
}

static json_t *numbered(json_t *race, size_t n)
{
	return json_finish(race, !race || json_put(race, "n", json_number(n)));
}

int mrec_race(struct mrec_writer *w, size_t n, const struct report_race *race, bool suspect)
{
	return put_value(w, suspect ? MREC_SUSPECT : MREC_RACE, numbered(json_build_race(race), n));
}

int mrec_seen(struct mrec_writer *w, size_t n, const struct report_race *race, bool suspect)
{
	return put_value(w, suspect ? MREC_SEEN_SUSPECT : MREC_SEEN,
			 numbered(json_build_seen(race), n));
}

int mrec_state(struct mrec_writer *w, const struct report *report, const size_t *numbers)
{
	json_t *o = json_build_state(report), *now = json_array();
	int failed = !o;
	size_t i;

	for (i = 0; i < report->nsuspects; i++)
		failed |= json_array_append_new(now, json_number(numbers ? numbers[i] : i));
	failed |= json_put(o, "suspects_now", now);
	return put_value(w, MREC_STATE, json_finish(o, failed));
}

/* What is left out is counted where groups that were not kept are. */
static int halve(json_t *value, json_t *snapshot)
{
	json_t *groups = json_object_get(snapshot, "groups");
	json_int_t cut = json_integer_value(json_object_get(snapshot, "in_no_group"));
	size_t n = json_array_size(groups);

	if (!n) /* then the stacks of those who died are too long */
		return json_array_clear(json_object_get(value, "conflict"));
	for (; json_array_size(groups) > n / 2; cut++)
		if (json_array_remove(groups, json_array_size(groups) - 1))
			return -1;
	return json_object_set_new(snapshot, "in_no_group", json_integer(cut));
}

static bool fits(const json_t *value)
{
	return json_dumpb(value, NULL, 0, JSON_COMPACT | JSON_ENSURE_ASCII) <
	       MREC_PAYLOAD_MAX - 4096;
}

/* snapshot: the one in value, or value itself. */
static int put_seen(struct mrec_writer *w, enum mrec_type type, json_t *value, json_t *snapshot)
{
	int tries;

	for (tries = 0; value && !fits(value) && tries < 20; tries++)
		if (halve(value, snapshot))
			break;
	return put_value(w, type, value);
}

int mrec_death(struct mrec_writer *w, const struct report_death *death)
{
	json_t *value = json_build_death(death);

	return put_seen(w, MREC_DEATH, value, json_object_get(value, "snapshot"));
}

int mrec_snapshot(struct mrec_writer *w, const struct report_snapshot *snapshot)
{
	json_t *value = json_build_snapshot(snapshot);

	return put_seen(w, MREC_SNAPSHOT, value, value);
}

int mrec_end(struct mrec_writer *w)
{
	return put_value(w, MREC_END, json_object());
}

int mrec_close(struct mrec_writer *w)
{
	int rc;

	if (!w)
		return 0;
	rc = w->rc;
	if (fsync(w->fd) && !rc && errno != EINVAL && errno != EROFS)
		rc = -errno;
	if (close(w->fd) && !rc)
		rc = -errno;
	free(w);
	return rc;
}

int mrec_print_report(FILE *out, const struct report *report, const struct print_options *options)
{
	struct mrec_writer w = {.fd = -1, .out = out};
	size_t i;

	(void)options;
	put_file_head(&w);
	mrec_head(&w, report);
	for (i = 0; i < report->nraces; i++)
		mrec_race(&w, i, &report->races[i], false);
	for (i = 0; i < report->nsuspects; i++)
		mrec_race(&w, i, &report->suspects[i], true);
	for (i = 0; i < report->ndeaths; i++)
		mrec_death(&w, &report->deaths[i]);
	for (i = 0; i < report->nsnapshots; i++)
		mrec_snapshot(&w, &report->snapshots[i]);
	mrec_state(&w, report, NULL);
	mrec_end(&w);
	return w.rc ? w.rc : print_finish(out);
}
