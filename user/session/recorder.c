/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "session/recorder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "report/mrec/mrec.h"

struct written { /* what the recordings say of a race */
	char id[17];
	uint32_t pid;
	const void *target;
	bool suspect;
	size_t number; /* among the races, or among the suspects */
	enum report_evidence evidence;
	uint64_t count;
	bool check_fired, message; /* message: the runtime's words are there */
	double next_s, step_s;
};

struct recorder {
	struct mrec_writer *writers[OUTPUTS + 1];
	const char *paths[OUTPUTS + 1];
	size_t n;
	struct written *races;
	size_t nraces, numbers[2];
	size_t ndeaths; /* of the report, that are written */
	bool have_head;
	double next_s, step_s; /* when the counters are due */
	int rc;
};

bool recorder_takes(const char *path, const struct output_options *options)
{
	return output_format(options, path) == FORMAT_MREC;
}

static int add(struct recorder *r, const char *path, struct err *err)
{
	int rc = mrec_create(&r->writers[r->n], path);

	if (rc)
		return err_set(err, rc, "cannot write %s: %s", path, err_name(rc));
	r->paths[r->n++] = path;
	return 0;
}

int recorder_open(struct recorder **recorder, const struct output_options *options, struct err *err)
{
	struct recorder *r = calloc(1, sizeof(*r));
	int rc = 0;
	size_t i;

	*recorder = NULL;
	if (!r)
		return err_set(err, -ENOMEM, "out of memory");
	r->step_s = 1;
	r->next_s = 1;
	if (options->record)
		rc = add(r, options->record, err);
	for (i = 0; i < options->n && !rc; i++)
		if (recorder_takes(options->paths[i], options))
			rc = add(r, options->paths[i], err);
	if (!rc && r->n) {
		*recorder = r;
		return 0;
	}
	for (i = 0; i < r->n; i++)
		mrec_close(r->writers[i]);
	free(r);
	return rc;
}

static struct written *find(struct recorder *r, const struct report_race *race, bool suspect)
{
	size_t i;

	for (i = 0; i < r->nraces; i++)
		if (r->races[i].pid == race->pid && r->races[i].target == race->target &&
		    r->races[i].suspect == suspect && !strcmp(r->races[i].id, race->id))
			return &r->races[i];
	return NULL;
}

static int write_race(struct recorder *r, const struct written *known,
		      const struct report_race *race)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < r->n && !rc; i++)
		rc = mrec_race(r->writers[i], known->number, race, known->suspect);
	return rc;
}

static int write_seen(struct recorder *r, const struct written *known,
		      const struct report_race *race)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < r->n && !rc; i++)
		rc = mrec_seen(r->writers[i], known->number, race, known->suspect);
	return rc;
}

static int write_state(struct recorder *r, const struct report *report)
{
	size_t *numbers = calloc(report->nsuspects ? report->nsuspects : 1, sizeof(*numbers)), i;
	int rc = numbers ? 0 : -ENOMEM;

	for (i = 0; i < report->nsuspects && !rc; i++)
		numbers[i] = find(r, &report->suspects[i], true)->number;
	for (i = 0; i < r->n && !rc; i++)
		rc = mrec_state(r->writers[i], report, numbers);
	free(numbers);
	return rc;
}

static int record_new(struct recorder *r, const struct report_race *race, bool suspect, double now)
{
	struct written *grown = reallocarray(r->races, r->nraces + 1, sizeof(*grown));
	struct written *w;

	if (!grown)
		return -ENOMEM;
	r->races = grown;
	w = &grown[r->nraces++];
	*w = (struct written){.pid = race->pid,
			      .target = race->target,
			      .suspect = suspect,
			      .number = r->numbers[suspect]++,
			      .step_s = 1};
	memcpy(w->id, race->id, sizeof(w->id));
	w->evidence = race->evidence;
	w->message = race->message[0];
	w->count = race->count;
	w->check_fired = race->check_fired;
	w->next_s = now + w->step_s;
	return write_race(r, w, race);
}

static int record(struct recorder *r, const struct report_race *race, bool suspect, double now,
		  bool all)
{
	struct written *w = find(r, race, suspect);
	bool changed;

	if (!w)
		return record_new(r, race, suspect, now);
	if (w->evidence != race->evidence || w->message != !!race->message[0]) {
		w->evidence = race->evidence;
		w->message = race->message[0];
		return write_race(r, w, race);
	}
	changed = w->count != race->count || w->check_fired != race->check_fired;
	if (!changed || (!all && now < w->next_s))
		return 0;
	w->count = race->count;
	w->check_fired = race->check_fired;
	w->step_s *= 2;
	w->next_s = now + w->step_s;
	return write_seen(r, w, race);
}

int recorder_races(struct recorder *r, const struct report *report, double now, bool all)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < report->nraces && !rc; i++)
		rc = record(r, &report->races[i], false, now, all);
	for (i = 0; i < report->nsuspects && !rc; i++)
		rc = record(r, &report->suspects[i], true, now, all);
	return rc;
}

static int write_heads(struct recorder *r, const struct report *report)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < r->n && !rc; i++)
		rc = mrec_head(r->writers[i], report);
	r->have_head = true;
	return rc;
}

static int write_deaths(struct recorder *r, const struct report *report)
{
	size_t i;
	int rc = 0;

	for (; r->ndeaths < report->ndeaths && !rc; r->ndeaths++)
		for (i = 0; i < r->n && !rc; i++)
			rc = mrec_death(r->writers[i], &report->deaths[r->ndeaths]);
	return rc;
}

static int complain(struct recorder *r, int rc)
{
	if (!rc || r->rc)
		return 0;
	r->rc = rc;
	log_error("cannot write the recording %s: %s", r->paths[0], err_name(rc));
	return rc;
}

static int write_report(struct recorder *r, const struct report *report, bool last)
{
	int rc = 0;
	size_t i;

	if (!r->have_head)
		rc = write_heads(r, report);
	if (!rc)
		rc = recorder_races(r, report, report->duration_s, true);
	if (!rc)
		rc = write_deaths(r, report);
	if (!rc)
		rc = write_state(r, report);
	for (i = 0; i < r->n && last && !rc; i++)
		rc = mrec_end(r->writers[i]);
	return rc;
}

int recorder_report(struct recorder *r, const struct report *report, bool last)
{
	return r && !r->rc ? complain(r, write_report(r, report, last)) : 0;
}

int recorder_tick(struct recorder *r, double now, const struct recorder_source *source)
{
	struct report report;
	bool due;
	int rc;

	if (!r || r->rc)
		return 0;
	due = !r->have_head || now >= r->next_s;
	rc = due ? source->fill(source->ctx, &report) : source->lend(source->ctx, &report);
	if (!rc && due)
		rc = write_report(r, &report, false);
	else if (!rc)
		rc = recorder_races(r, &report, now, false);
	source->drop(&report);
	while (r->next_s <= now) {
		r->step_s *= 2;
		r->next_s += r->step_s;
	}
	return complain(r, rc);
}

int recorder_close(struct recorder *r)
{
	size_t i;
	int rc = 0;

	if (!r)
		return 0;
	for (i = 0; i < r->n; i++) {
		int one = complain(r, mrec_close(r->writers[i]));

		rc = rc ? rc : one;
	}
	free(r->races);
	free(r);
	return rc;
}
