/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "report/filter.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report/input.h"
#include "report/load.h"

#define FILE_MAX (1u << 20)
#define RULES_MAX 10000

enum rule_kind { RULE_RACE, RULE_RACE_TOP, RULE_MAP, RULE_BASELINE };

struct rule {
	enum rule_kind kind;
	char *name;    /* as it stands in the file, for people */
	char *pattern; /* NULL for a baseline */
	char (*ids)[17];
	size_t nids; /* sorted */
};

struct filter {
	struct rule *rules;
	size_t n;
};

struct filter *filter_new(void)
{
	return calloc(1, sizeof(struct filter));
}

void filter_free(struct filter *filter)
{
	size_t i;

	if (!filter)
		return;
	for (i = 0; i < filter->n; i++) {
		free(filter->rules[i].name);
		free(filter->rules[i].pattern);
		free(filter->rules[i].ids);
	}
	free(filter->rules);
	free(filter);
}

/* --- patterns --- */

/* The piece of a pattern up to the next *, found in s at or after from; NULL: not there. */
static const char *find_piece(const char *s, const char *piece, size_t n)
{
	size_t left = strlen(s);

	for (; left >= n; s++, left--)
		if (!memcmp(s, piece, n))
			return s;
	return NULL;
}

/* Pieces are taken as early as they come, which finds a match where there is one. */
static bool matches(const char *pattern, const char *s)
{
	bool anchored = *pattern == '^';
	size_t n;

	if (anchored)
		pattern++;
	while (*pattern) {
		if (*pattern == '*') {
			anchored = false;
			pattern++;
			continue;
		}
		n = strcspn(pattern, "*");
		if (pattern[n - 1] == '$' && !pattern[n]) { /* the last piece, at the end */
			size_t left = strlen(s);

			n--;
			return left >= n && (!anchored || left == n) &&
			       !memcmp(s + left - n, pattern, n);
		}
		if (anchored && strncmp(s, pattern, n) != 0)
			return false;
		s = anchored ? s : find_piece(s, pattern, n);
		if (!s)
			return false;
		s += n;
		pattern += n;
		anchored = false;
	}
	return true;
}

static bool frame_matches(const char *pattern, const struct report_frame *frame)
{
	return matches(pattern, frame->function) || matches(pattern, frame->file);
}

/* Who uses a kernel BPF map. */
static bool actor_matches(const char *pattern, const struct report_actor *actor)
{
	return matches(pattern, actor->program ? actor->prog_name : actor->comm) ||
	       (!actor->program && matches(pattern, actor->exe));
}

static bool race_matches(const char *pattern, const struct report_race *race)
{
	size_t i, j;

	if (race->bpf)
		return actor_matches(pattern, &race->bpf->actor[0]) ||
		       actor_matches(pattern, &race->bpf->actor[1]);

	for (i = 0; i < 2; i++)
		for (j = 0; j < race->access[i].nframes; j++)
			if (frame_matches(pattern, &race->access[i].frames[j]))
				return true;
	return false;
}

static bool top_matches(const char *pattern, const struct report_race *race)
{
	const struct report_frame *site;
	size_t i;

	if (race->bpf)
		return race_matches(pattern, race);
	for (i = 0; i < 2; i++) {
		site = report_access_site(&race->access[i]);
		if (site && frame_matches(pattern, site))
			return true;
	}
	return false;
}

static int compare_ids(const void *a, const void *b)
{
	return strcmp(a, b);
}

static bool rule_hides(const struct rule *rule, const struct report_race *race)
{
	switch (rule->kind) {
	case RULE_RACE:
		return race_matches(rule->pattern, race);
	case RULE_RACE_TOP:
		return top_matches(rule->pattern, race);
	case RULE_MAP:
		return matches(rule->pattern, race->bpf ? race->bpf->map_name : race->map.type);
	case RULE_BASELINE:
		return rule->nids &&
		       bsearch(race->id, rule->ids, rule->nids, sizeof(rule->ids[0]), compare_ids);
	}
	return false;
}

static const struct rule *find_rule(const struct filter *filter, const struct report_race *race)
{
	size_t i;

	for (i = 0; i < filter->n; i++)
		if (rule_hides(&filter->rules[i], race))
			return &filter->rules[i];
	return NULL;
}

bool filter_hides(const void *filter, const struct report_race *race)
{
	return filter && find_rule(filter, race);
}

/* --- rules --- */

static struct rule *add_rule(struct filter *filter, enum rule_kind kind, const char *name,
			     size_t len)
{
	struct rule *grown = reallocarray(filter->rules, filter->n + 1, sizeof(*grown));
	struct rule *rule;

	if (!grown)
		return NULL;
	filter->rules = grown;
	rule = &grown[filter->n];
	*rule = (struct rule){.kind = kind, .name = strndup(name, len)};
	if (!rule->name)
		return NULL;
	filter->n++;
	return rule;
}

static bool is_foreign(const char *line, size_t len)
{
	static const char *const kinds[] = {
		"deadlock:", "mutex:", "signal:", "thread:", "called_from_lib:"};
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (len > strlen(kinds[i]) && !strncmp(line, kinds[i], strlen(kinds[i])))
			return true;
	return false;
}

static int add_line(struct filter *filter, const char *line, size_t len)
{
	static const struct {
		const char *word;
		enum rule_kind kind;
	} kinds[] = {{"race:", RULE_RACE}, {"race_top:", RULE_RACE_TOP}, {"map:", RULE_MAP}};
	struct rule *rule;
	size_t i, n;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		n = strlen(kinds[i].word);
		if (len <= n || strncmp(line, kinds[i].word, n) != 0)
			continue;
		rule = add_rule(filter, kinds[i].kind, line, len);
		if (!rule)
			return -ENOMEM;
		/* a type is given whole */
		if (asprintf(&rule->pattern, kinds[i].kind == RULE_MAP ? "^%.*s$" : "%.*s",
			     (int)(len - n), line + n) < 0) {
			rule->pattern = NULL;
			filter->n--;
			free(rule->name);
			return -ENOMEM;
		}
		return 0;
	}
	return is_foreign(line, len) ? 0 : -EINVAL;
}

int filter_add_suppressions(struct filter *filter, const char *name, const char *text, size_t len,
			    struct err *err)
{
	const char *end = text + len, *line, *next;
	unsigned int number = 1;
	int rc;

	for (line = text; line < end; line = next + 1, number++) {
		const char *first = line, *last;

		next = memchr(line, '\n', (size_t)(end - line));
		if (!next)
			next = end;
		for (last = next; last > first && isspace((unsigned char)last[-1]); last--)
			;
		while (first < last && isspace((unsigned char)*first))
			first++;
		if (first == last || *first == '#')
			continue;
		if (memchr(first, '\0', (size_t)(last - first)) || filter->n >= RULES_MAX)
			rc = -EINVAL;
		else
			rc = add_line(filter, first, (size_t)(last - first));
		if (rc == -ENOMEM)
			return err_set(err, rc, "out of memory");
		if (rc) {
			err_hint(err, "a line is race:PATTERN, race_top:PATTERN or map:TYPE");
			return err_set(err, rc, "%s, line %u: not a suppression", name, number);
		}
	}
	return 0;
}

int filter_read_suppressions(struct filter *filter, const char *path, struct err *err)
{
	char *text = NULL;
	size_t len = 0;
	int rc = input_read(path, FILE_MAX, &text, &len);

	if (rc)
		return err_set(err, rc, "cannot read %s: %s", path, strerror(-rc));
	rc = filter_add_suppressions(filter, path, text, len, err);
	free(text);
	return rc;
}

int filter_add_baseline(struct filter *filter, const char *name, const struct report *report)
{
	size_t n = report->nraces + report->nsuspects, i;
	struct rule *rule = add_rule(filter, RULE_BASELINE, name, strlen(name));

	if (!rule)
		return -ENOMEM;
	if (!n)
		return 0;
	rule->ids = calloc(n, sizeof(*rule->ids));
	if (!rule->ids)
		return -ENOMEM;
	for (i = 0; i < report->nraces; i++)
		memcpy(rule->ids[rule->nids++], report->races[i].id, 17);
	for (i = 0; i < report->nsuspects; i++)
		memcpy(rule->ids[rule->nids++], report->suspects[i].id, 17);
	qsort(rule->ids, rule->nids, sizeof(*rule->ids), compare_ids);
	return 0;
}

/* --- a report --- */

/* Returns how many stay; what goes is behind them. */
static int partition(const struct filter *filter, struct report_race *races, size_t *n,
		     size_t *hidden, struct report_hidden *counts)
{
	struct report_race *gone;
	const struct rule *rule;
	size_t i, kept = 0, ngone = 0;

	if (!*n)
		return 0;
	gone = calloc(*n, sizeof(*gone));
	if (!gone)
		return -ENOMEM;
	for (i = 0; i < *n; i++) {
		rule = find_rule(filter, &races[i]);
		if (!rule) {
			races[kept++] = races[i];
			continue;
		}
		counts[rule - filter->rules].races++;
		counts[rule - filter->rules].count += races[i].count;
		gone[ngone++] = races[i];
	}
	memcpy(&races[kept], gone, ngone * sizeof(*gone));
	free(gone);
	*n = kept;
	*hidden += ngone;
	return 0;
}

int filter_apply(const struct filter *filter, struct report *report)
{
	struct report_hidden *counts;
	size_t i;
	int rc;

	if (!filter || !filter->n)
		return 0;
	counts = calloc(filter->n, sizeof(*counts));
	if (!counts)
		return -ENOMEM;
	rc = partition(filter, report->races, &report->nraces, &report->nraces_hidden, counts);
	if (!rc)
		rc = partition(filter, report->suspects, &report->nsuspects,
			       &report->nsuspects_hidden, counts);
	for (i = 0; i < filter->n && !rc; i++) {
		struct report_hidden *grown;

		if (!counts[i].races)
			continue;
		grown = reallocarray(report->hidden, report->nhidden + 1, sizeof(*grown));
		if (grown)
			report->hidden = grown;
		counts[i].by = strdup(filter->rules[i].name);
		counts[i].known = filter->rules[i].kind == RULE_BASELINE;
		if (grown && counts[i].by)
			report->hidden[report->nhidden++] = counts[i];
		else
			rc = -ENOMEM;
	}
	free(counts);
	return rc;
}

static int read_baseline(struct filter *filter, const char *path, struct err *err)
{
	struct mrec_note note;
	struct report report;
	struct err why = {0};
	int rc = report_load(path, &report, &note, &why);

	if (rc) {
		err_set(err, rc, "the baseline %s: %.300s", path, why.text);
		if (why.hint[0])
			err_hint(err, "%s", why.hint);
		return rc;
	}
	if (note.damaged)
		rc = err_set(err, -EBADMSG, "the baseline %s: %s", path, note.why);
	else if (filter_add_baseline(filter, path, &report))
		rc = err_set(err, -ENOMEM, "out of memory");
	report_free(&report);
	return rc;
}

int filter_open(struct filter **filter, const char *suppressions, const char *baseline,
		struct err *err)
{
	int rc = 0;

	*filter = NULL;
	if (!suppressions && !baseline)
		return 0;
	*filter = filter_new();
	if (!*filter)
		return err_set(err, -ENOMEM, "out of memory");
	if (suppressions)
		rc = filter_read_suppressions(*filter, suppressions, err);
	if (!rc && baseline)
		rc = read_baseline(*filter, baseline, err);
	if (!rc)
		return 0;
	filter_free(*filter);
	*filter = NULL;
	return rc;
}
