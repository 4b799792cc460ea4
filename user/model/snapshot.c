/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "model/snapshot.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *report_integrity_name(enum report_integrity integrity)
{
	static const char *const names[REPORT_INTEGRITIES] = {
		[REPORT_INTACT] = "intact",	  [REPORT_BROKEN] = "broken",
		[REPORT_UNDER_WAY] = "under-way", [REPORT_PART_INTACT] = "part-intact",
		[REPORT_UNCHECKED] = "unchecked",
	};

	return integrity < REPORT_INTEGRITIES ? names[integrity] : "unchecked";
}

void report_group_free(struct report_group *g)
{
	size_t i;

	free(g->state);
	free(g->wait);
	for (i = 0; i < g->nframes; i++) {
		free(g->frames[i].function);
		free(g->frames[i].file);
	}
	free(g->frames);
	free(g->created_by.at.function);
	free(g->created_by.at.file);
	for (i = 0; i < g->nlabel_sets; i++)
		report_labels_free(g->label_sets[i].labels, g->label_sets[i].n);
	free(g->label_sets);
}

static void free_map(struct report_map_dump *m)
{
	size_t i;

	free(m->map.type);
	free(m->map.global);
	free(m->reason);
	for (i = 0; i < m->ndefects; i++) {
		free(m->defects[i].where);
		free(m->defects[i].what);
	}
	free(m->defects);
	for (i = 0; i < m->nvalues; i++) {
		free(m->values[i].key);
		free(m->values[i].value);
	}
	free(m->values);
}

void report_snapshot_free(struct report_snapshot *s)
{
	size_t i;

	for (i = 0; i < s->ngroups; i++)
		report_group_free(&s->groups[i]);
	for (i = 0; i < s->nmaps; i++)
		free_map(&s->maps[i]);
	for (i = 0; i < s->nnotes; i++)
		free(s->notes[i]);
	free(s->groups);
	free(s->maps);
	free(s->notes);
	free(s->exe);
	free(s->core.file);
	*s = (struct report_snapshot){.pid = 0};
}

static void free_sides(struct report_death_side *sides, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		report_group_free(&sides[i].at);
	free(sides);
}

void report_death_free(struct report_death *d)
{
	free_sides(d->sides, d->nsides);
	free_sides(d->running, d->nrunning);
	free(d->message);
	free(d->map.type);
	free(d->map.global);
	free(d->not_identified);
	report_snapshot_free(&d->seen);
	*d = (struct report_death){.nsides = 0};
}

const char *report_death_role_name(enum report_death_role role)
{
	static const char *const names[REPORT_DEATH_ROLES] = {
		[REPORT_DEATH_DIED] = "died",
		[REPORT_DEATH_INSIDE] = "inside",
		[REPORT_DEATH_LAST] = "last",
		[REPORT_DEATH_RUNNING] = "running",
	};

	return role < REPORT_DEATH_ROLES ? names[role] : "last";
}

const char *report_death_cause_name(enum report_death_cause cause)
{
	static const char *const names[REPORT_DEATH_CAUSES] = {
		[REPORT_DEATH_CONFLICT] = "conflict",
		[REPORT_DEATH_FATAL] = "fatal",
		[REPORT_DEATH_THROW] = "throw",
		[REPORT_DEATH_PANIC] = "panic",
	};

	return cause < REPORT_DEATH_CAUSES ? names[cause] : "fatal";
}

int report_snapshot_note(struct report_snapshot *s, const char *fmt, ...)
{
	char **grown = reallocarray(s->notes, s->nnotes + 1, sizeof(*grown));
	va_list ap;
	int n;

	if (!grown)
		return -ENOMEM;
	s->notes = grown;
	va_start(ap, fmt);
	n = vasprintf(&s->notes[s->nnotes], fmt, ap);
	va_end(ap);
	if (n < 0)
		return -ENOMEM;
	s->nnotes++;
	return 0;
}

int report_map_defect(struct report_map_dump *m, const char *where, const char *what)
{
	struct report_defect *grown, d;

	m->all_defects++;
	if (m->ndefects == REPORT_MAP_DEFECTS)
		return 0;
	grown = reallocarray(m->defects, m->ndefects + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	m->defects = grown;
	d = (struct report_defect){strdup(where), strdup(what)};
	if (!d.where || !d.what) {
		free(d.where);
		free(d.what);
		return -ENOMEM;
	}
	m->defects[m->ndefects++] = d;
	return 0;
}

int report_map_say(struct report_map_dump *m, const char *fmt, ...)
{
	char *old = m->reason, *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	if (!text ||
	    asprintf(&m->reason, "%s%s%s", old ? old : "", old && old[0] ? "; " : "", text) < 0)
		m->reason = NULL;
	free(old);
	free(text);
	if (!m->reason)
		m->reason = strdup("");
	return m->reason ? 0 : -ENOMEM;
}

bool report_snapshot_broken(const struct report_snapshot *s)
{
	size_t i;

	for (i = 0; i < s->nmaps; i++)
		if (s->maps[i].integrity == REPORT_BROKEN)
			return true;
	return false;
}
