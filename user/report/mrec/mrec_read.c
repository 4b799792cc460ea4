/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include "report/json/json_parts.h"
#include "report/json/json_snapshot.h"
#include "report/mrec/mrec.h"
#include "report/mrec/mrec_frame.h"

#define SEEN_MAX 1000 /* deaths, and snapshots */

struct replay {
	struct report *report;
	struct mrec_note *note;
	struct err *err;
	bool have_head;
	size_t race_room, suspect_room;
	size_t *now, nnow; /* the suspects that hold */
};

bool mrec_is(const char *data, size_t len)
{
	return len >= 8 && !memcmp(data, MREC_MAGIC, 8);
}

static void spoil(struct replay *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void spoil(struct replay *p, const char *fmt, ...)
{
	va_list ap;

	p->note->damaged = true;
	va_start(ap, fmt);
	vsnprintf(p->note->why, sizeof(p->note->why), fmt, ap);
	va_end(ap);
}

struct races { /* one of the two lists of a report */
	struct report_race **items;
	size_t *n, *room;
};

/* The races or the suspects of the report. */
static struct races list_of(struct replay *p, bool suspect)
{
	if (suspect)
		return (struct races){&p->report->suspects, &p->report->nsuspects,
				      &p->suspect_room};
	return (struct races){&p->report->races, &p->report->nraces, &p->race_room};
}

/* Keeps race as number at: replaces that one, or adds it. 0, -ENOMEM, -EBADMSG. */
static int keep_race(struct races l, uint64_t at, struct report_race *race)
{
	struct report_race *grown;
	size_t more;

	if (at > *l.n || at >= MREC_RACES_MAX)
		return -EBADMSG;
	if (at < *l.n) {
		report_race_free(&(*l.items)[at]);
		(*l.items)[at] = *race;
		return 0;
	}
	if (*l.n == *l.room) {
		more = *l.room ? 2 * *l.room : 16;
		grown = reallocarray(*l.items, more, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		*l.items = grown;
		*l.room = more;
	}
	(*l.items)[(*l.n)++] = *race;
	return 0;
}

static int add_now(struct replay *p, size_t number)
{
	size_t *grown = reallocarray(p->now, p->nnow + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	p->now = grown;
	p->now[p->nnow++] = number;
	return 0;
}

static int apply_race(struct replay *p, struct json_reader *r, const json_t *o, bool suspect)
{
	size_t known = p->report->nsuspects;
	struct report_race race = {0};
	int rc;

	json_read_race(r, o, &race);
	rc = r->rc;
	if (!rc)
		rc = keep_race(list_of(p, suspect), json_get_u64(r, o, "n"), &race);
	if (rc)
		report_race_free(&race);
	if (!rc && p->report->nsuspects > known)
		rc = add_now(p, known);
	return rc;
}

static int apply_seen(struct replay *p, struct json_reader *r, const json_t *o, bool suspect)
{
	struct races l = list_of(p, suspect);
	uint64_t at = json_get_u64(r, o, "n");

	if (r->rc || at >= *l.n)
		return -EBADMSG;
	json_read_seen(r, o, &(*l.items)[at]);
	return r->rc;
}

/* Which suspects hold: each at most once, all known. */
static int apply_now(struct replay *p, const json_t *list)
{
	size_t n = p->report->nsuspects, i;
	bool *seen;
	json_t *one;
	int rc = 0;

	if (json_array_size(list) > n)
		return -EBADMSG;
	seen = calloc(n ? n : 1, sizeof(*seen));
	if (!seen)
		return -ENOMEM;
	p->nnow = 0;
	json_array_foreach((json_t *)list, i, one) {
		json_int_t number = json_is_integer(one) ? json_integer_value(one) : -1;

		if (number < 0 || (uint64_t)number >= n || seen[number])
			rc = -EBADMSG;
		if (!rc)
			rc = add_now(p, (size_t)number);
		if (rc)
			break;
		seen[number] = true;
	}
	free(seen);
	return rc;
}

/* Leaves the suspects that hold in the report, in their order. */
static int choose_suspects(struct replay *p)
{
	struct report *report = p->report;
	struct report_race *chosen = calloc(p->nnow ? p->nnow : 1, sizeof(*chosen));
	size_t i;

	if (!chosen)
		return -ENOMEM;
	for (i = 0; i < p->nnow; i++) {
		chosen[i] = report->suspects[p->now[i]];
		memset(&report->suspects[p->now[i]], 0, sizeof(*chosen));
	}
	for (i = 0; i < report->nsuspects; i++)
		report_race_free(&report->suspects[i]);
	free(report->suspects);
	report->suspects = chosen;
	report->nsuspects = p->nnow;
	return 0;
}

/* All that records of other types tell. */
static void take_over(struct report *to, struct report *from)
{
	to->version = from->version;
	to->kernel = from->kernel;
	to->arch = from->arch;
	to->cpus = from->cpus;
	to->started_unix_ns = from->started_unix_ns;
	to->races = from->races;
	to->nraces = from->nraces;
	to->suspects = from->suspects;
	to->nsuspects = from->nsuspects;
	to->deaths = from->deaths;
	to->ndeaths = from->ndeaths;
	to->snapshots = from->snapshots;
	to->nsnapshots = from->nsnapshots;
	from->version = from->kernel = from->arch = NULL;
	from->races = from->suspects = NULL;
	from->nraces = from->nsuspects = 0;
	from->deaths = NULL;
	from->snapshots = NULL;
	from->ndeaths = from->nsnapshots = 0;
}

static int apply_death(struct replay *p, struct json_reader *r, const json_t *o)
{
	struct report_death death = {.nsides = 0}, *grown;

	if (p->report->ndeaths == SEEN_MAX)
		return -EBADMSG;
	grown = reallocarray(p->report->deaths, p->report->ndeaths + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	p->report->deaths = grown;
	json_read_death(r, o, &death);
	if (r->rc)
		report_death_free(&death);
	else
		grown[p->report->ndeaths++] = death;
	return r->rc;
}

static int apply_snapshot(struct replay *p, struct json_reader *r, const json_t *o)
{
	struct report_snapshot snapshot = {.pid = 0}, *grown;

	if (p->report->nsnapshots == SEEN_MAX)
		return -EBADMSG;
	grown = reallocarray(p->report->snapshots, p->report->nsnapshots + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	p->report->snapshots = grown;
	json_read_snapshot(r, o, &snapshot);
	if (r->rc)
		report_snapshot_free(&snapshot);
	else
		grown[p->report->nsnapshots++] = snapshot;
	return r->rc;
}

/* The state is replaced only when the new one could be read. */
static int apply_state(struct replay *p, struct json_reader *r, const json_t *o)
{
	struct report fresh = {0}, old, *report = p->report;
	int rc;

	json_read_state(r, o, &fresh);
	rc = r->rc;
	if (!rc)
		rc = apply_now(p, json_get_array(r, o, "suspects_now"));
	if (rc) {
		report_free(&fresh);
		return rc;
	}
	old = *report;
	*report = fresh;
	take_over(report, &old);
	report_free(&old);
	return 0;
}

static int apply_head(struct replay *p, struct json_reader *r, const json_t *o)
{
	int rc = json_check_schema(o, p->err);

	if (rc)
		return rc;
	if (p->have_head)
		return -EBADMSG;
	p->have_head = true;
	json_read_head(r, o, p->report);
	return r->rc;
}

static int apply(struct replay *p, uint32_t type, const json_t *o)
{
	struct err err = {0};
	struct json_reader r = {.err = &err};

	if (!p->have_head && type != MREC_HEAD)
		return -EBADMSG;
	switch (type) {
	case MREC_HEAD:
		return apply_head(p, &r, o);
	case MREC_RACE:
	case MREC_SUSPECT:
		return apply_race(p, &r, o, type == MREC_SUSPECT);
	case MREC_SEEN:
	case MREC_SEEN_SUSPECT:
		return apply_seen(p, &r, o, type == MREC_SEEN_SUSPECT);
	case MREC_STATE:
		return apply_state(p, &r, o);
	case MREC_DEATH:
		return apply_death(p, &r, o);
	case MREC_SNAPSHOT:
		return apply_snapshot(p, &r, o);
	case MREC_END:
		p->note->ended = true;
		return 0;
	default:
		return 0;
	}
}

/* One record at data. Its size, 0 when the recording ends here, or -ENOMEM, -ENOTSUP. */
static int64_t step(struct replay *p, const unsigned char *data, size_t left)
{
	uint32_t type, len;
	json_t *o;
	int rc;

	if (left < MREC_FRAME) {
		if (left)
			snprintf(p->note->why, sizeof(p->note->why), "the last record is cut");
		return 0;
	}
	type = mrec_get_u32(data);
	len = mrec_get_u32(data + 4);
	if (mrec_crc(data, 12) != mrec_get_u32(data + 12) || len > MREC_PAYLOAD_MAX) {
		spoil(p, "the head of a record is wrong");
		return 0;
	}
	if (left - MREC_FRAME < len) {
		snprintf(p->note->why, sizeof(p->note->why), "the last record is cut");
		return 0;
	}
	if (mrec_crc(data + MREC_FRAME, len) != mrec_get_u32(data + 8)) {
		spoil(p, "the checksum of a record is wrong");
		return 0;
	}
	o = json_loadb((const char *)data + MREC_FRAME, len, JSON_REJECT_DUPLICATES, NULL);
	rc = json_is_object(o) ? apply(p, type, o) : -EBADMSG;
	json_decref(o);
	if (rc == -ENOMEM || rc == -ENOTSUP)
		return rc;
	if (rc) {
		spoil(p, "a record of type %" PRIu32 " cannot be read", type);
		return 0;
	}
	return MREC_FRAME + (int64_t)len;
}

static int check_head(const unsigned char *data, size_t len, struct err *err)
{
	uint32_t version;

	if (len < MREC_FRAME)
		return err_set(err, -EBADMSG, "it is a recording that was cut in its first bytes");
	if (mrec_crc(data, 12) != mrec_get_u32(data + 12))
		return err_set(err, -EBADMSG, "it is a recording whose first bytes are damaged");
	version = mrec_get_u32(data + 8);
	if (version == MREC_VERSION)
		return 0;
	err_hint(err, "render it with the version of maprace that wrote it, or a newer one");
	return err_set(err, -ENOTSUP,
		       "it is a recording of version %" PRIu32 ", this version reads %u", version,
		       MREC_VERSION);
}

/* Strings of the model are never NULL, so that printers need not ask. */
static int complete(struct report *report)
{
	char **texts[] = {&report->version, &report->kernel, &report->arch};
	size_t i;

	for (i = 0; i < 3; i++)
		if (!*texts[i] && !(*texts[i] = strdup("")))
			return -ENOMEM;
	return 0;
}

int mrec_read_buffer(const char *data, size_t len, struct report *report, struct mrec_note *note,
		     struct err *err)
{
	struct replay p = {.report = report, .note = note, .err = err};
	const unsigned char *bytes = (const unsigned char *)data;
	int64_t n = 1;
	int rc;

	memset(report, 0, sizeof(*report));
	memset(note, 0, sizeof(*note));
	report->stats.cost_percent = -1;
	rc = check_head(bytes, len, err);
	if (rc)
		return rc;
	note->good = MREC_FRAME;
	while (n > 0 && !note->ended) {
		n = step(&p, bytes + note->good, len - note->good);
		if (n > 0)
			note->good += (uint64_t)n;
	}
	rc = n < 0 ? (int)n : 0;
	if (!rc && !p.have_head)
		rc = err_set(err, -EBADMSG, "it is a recording without a whole record");
	if (!rc)
		rc = choose_suspects(&p);
	if (!rc)
		rc = complete(report);
	free(p.now);
	if (rc == -ENOMEM)
		err_set(err, rc, "out of memory");
	if (rc) {
		json_scrub(err);
		report_free(report);
	}
	return rc;
}
