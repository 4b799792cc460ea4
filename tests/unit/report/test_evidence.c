/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Each kind of evidence has all that belongs to one: a row, a sentence, its words in the schema. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "model/evidence.h"
#include "report/input.h"
#include "report/json/json_read.h"
#include "report/words/words.h"
#include "report_sample.h"
#include "schema_check.h"

/* A report of one race, or suspect, that is seen by this kind of evidence. */
static void one_race(struct report *report, enum report_evidence evidence)
{
	struct report_race *race = sample_zero(1, sizeof(*race));

	memset(report, 0, sizeof(*report));
	report->version = sample_text("1.0");
	report->kernel = sample_text("6.1.0");
	report->arch = sample_text("x86_64");
	sample_race(race);
	race->evidence = evidence;
	if (report_proves(race) == REPORT_PROVES_NOTHING) {
		report->suspects = race;
		report->nsuspects = 1;
	} else {
		report->races = race;
		report->nraces = 1;
	}
}

static struct report_race *race_of(struct report *report)
{
	assert_int_equal(report->nraces + report->nsuspects, 1);
	return report->nraces ? report->races : report->suspects;
}

static void check_row(enum report_evidence evidence)
{
	const struct evidence_kind *kind = evidence_kind(evidence);

	assert_non_null(kind->name);
	assert_non_null(kind->role[0]);
	assert_non_null(kind->role[1]);
	assert_string_not_equal(kind->role[0], kind->role[1]);
	assert_non_null(kind->second);
	assert_true(kind->first < 2);
}

static void check_manual(const char *name)
{
	const char *top = getenv("MAPRACE_TOP");
	char path[512], line[64], *manual;
	size_t len;

	snprintf(path, sizeof(path), "%s/docs/maprace.1", top ? top : ".");
	assert_int_equal(input_read(path, 1u << 20, &manual, &len), 0);
	snprintf(line, sizeof(line), "\n.TP\n.B %s\n", name);
	if (!memmem(manual, len, line, strlen(line)))
		fail_msg("the manual has no entry \"%s\"", name);
	free(manual);
}

/* What is written can be read, and says the same; title and sentence agree on what is proven. */
static void check_rendering(enum report_evidence evidence)
{
	struct report report, again;
	struct err err = {0};
	char *document, *title, *sentence;
	bool proves;
	json_t *root;

	one_race(&report, evidence);
	proves = report_proves(race_of(&report)) != REPORT_PROVES_NOTHING;
	title = words_of(words_title, race_of(&report));
	sentence = words_of(words_evidence, race_of(&report));
	assert_has(title, proves ? "(proven)" : "(suspect)");
	assert_true(strlen(sentence) > 10);
	assert_true(proves == !strstr(sentence, "not proven"));
	document = sample_render(&report, FORMAT_JSON, NULL);
	root = json_loads(document, 0, NULL);
	assert_valid(root);
	if (json_read_buffer(document, strlen(document), &again, &err))
		fail_msg("%s", err.text);
	assert_int_equal(race_of(&again)->evidence, evidence);
	assert_int_equal(race_of(&again)->access[0].goroutine,
			 race_of(&report)->access[0].goroutine);
	assert_int_equal(report_proves(race_of(&again)), report_proves(race_of(&report)));
	json_decref(root);
	free(document);
	free(sentence);
	free(title);
	report_free(&again);
	report_free(&report);
}

static void test_each_kind(void **state)
{
	size_t i, k;

	(void)state;
	for (i = 0; i < REPORT_EVIDENCES; i++) {
		check_row((enum report_evidence)i);
		check_rendering((enum report_evidence)i);
		check_manual(report_evidence_name((enum report_evidence)i));
		for (k = 0; k < i; k++)
			assert_string_not_equal(report_evidence_name((enum report_evidence)i),
						report_evidence_name((enum report_evidence)k));
	}
}

/* A number that is none: what proves nothing. */
static void test_no_kind(void **state)
{
	struct report_race race;

	(void)state;
	sample_race(&race);
	race.evidence = REPORT_EVIDENCES;
	assert_int_equal(report_proves(&race), REPORT_PROVES_NOTHING);
	report_race_free(&race);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_kind),
		cmocka_unit_test(test_no_kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
