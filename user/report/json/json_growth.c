/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "report/json/json_growth.h"

#include <stdio.h>

#include "report/json/json_make.h"
#include "report/json/json_parts.h"

static const char *unit_of(const struct report_map *map)
{
	return map->swiss ? "slots" : "buckets";
}

static json_t *seen_at(double s)
{
	return s < 0 ? json_null() : json_number_real(s);
}

/* --- writing --- */

static json_t *build_payer(const struct report_payer *payer)
{
	json_t *o = json_object();
	int failed = json_put(o, "access", json_build_access(&payer->access, "payer"));

	failed |= json_put(o, "steps", json_number(payer->steps));
	failed |= json_put(o, "ns", json_number(payer->ns));
	return json_finish(o, failed);
}

static json_t *build_payers(const struct report_growth *growth)
{
	json_t *list = json_array();
	int failed = 0;
	size_t i;

	for (i = 0; i < growth->npayers && !failed; i++)
		failed |= json_array_append_new(list, build_payer(&growth->payers[i]));
	return json_finish(list, failed);
}

static json_t *build_iterator(const struct report_iterator *iterator)
{
	json_t *o = json_object();
	int failed = json_put(o, "access", json_build_access(&iterator->access, "iterator"));

	failed |= json_put(o, "since_s", seen_at(iterator->since_s));
	return json_finish(o, failed);
}

static json_t *build_iterators(const struct report_growth *growth)
{
	json_t *list = json_array();
	int failed = 0;
	size_t i;

	for (i = 0; i < growth->niterators && !failed; i++)
		failed |= json_array_append_new(list, build_iterator(&growth->iterators[i]));
	return json_finish(list, failed);
}

json_t *json_build_growth(const struct report_growth *growth)
{
	json_t *o = json_object();
	int failed = json_put(o, "pid", json_integer(growth->pid));

	failed |= json_put(o, "map", json_build_map(&growth->map));
	failed |= json_put(o, "kind", json_string(report_growth_kind_name(growth->kind)));
	failed |= json_put(o, "unit", json_string(unit_of(&growth->map)));
	failed |= json_put(o, "from", json_known_number(growth->from));
	failed |= json_put(o, "to", json_known_number(growth->to));
	failed |= json_put(o, "began_s", seen_at(growth->began_s));
	failed |= json_put(o, "ended_s", seen_at(growth->ended_s));
	failed |= json_put(o, "steps", json_number(growth->steps));
	failed |= json_put(o, "busy_ns", json_number(growth->busy_ns));
	failed |= json_put(o, "payers", build_payers(growth));
	failed |= json_put(o, "iterators", build_iterators(growth));
	return json_finish(o, failed);
}

json_t *json_build_growths(const struct report *report)
{
	json_t *list = json_array();
	int failed = 0;
	size_t i;

	for (i = 0; i < report->ngrowths && !failed; i++)
		failed |= json_array_append_new(list, json_build_growth(&report->growths[i]));
	return json_finish(list, failed);
}

/* --- reading --- */

static const char *kind_word(unsigned int i)
{
	return report_growth_kind_name((enum report_growth_kind)i);
}

/* An array of objects, of at most max. */
static const json_t *get_list(struct json_reader *r, const json_t *o, const char *key, size_t max)
{
	const json_t *list = json_get_array(r, o, key);

	if (json_array_size(list) <= max)
		return list;
	json_reader_fail(r, key, "longer than any that is written");
	return NULL;
}

static void read_payers(struct json_reader *r, const json_t *o, struct report_growth *growth)
{
	const json_t *list = get_list(r, o, "payers", JSON_GROWTH_PARTS_MAX), *one;
	size_t i;

	growth->payers =
		json_get_items(r, list, "payers", sizeof(*growth->payers), &growth->npayers);
	for (i = 0; i < growth->npayers; i++) {
		one = json_array_get(list, i);
		json_read_access(r, json_get_object(r, one, "access"), &growth->payers[i].access);
		growth->payers[i].steps = json_get_u64(r, one, "steps");
		growth->payers[i].ns = json_get_u64(r, one, "ns");
	}
}

static void read_iterators(struct json_reader *r, const json_t *o, struct report_growth *growth)
{
	const json_t *list = get_list(r, o, "iterators", JSON_GROWTH_PARTS_MAX), *one;
	struct report_iterator *iterator;
	size_t i;

	growth->iterators = json_get_items(r, list, "iterators", sizeof(*growth->iterators),
					   &growth->niterators);
	for (i = 0; i < growth->niterators; i++) {
		one = json_array_get(list, i);
		iterator = &growth->iterators[i];
		json_read_access(r, json_get_object(r, one, "access"), &iterator->access);
		iterator->since_s = json_get_real(r, one, "since_s", -1);
	}
}

/* "unit" is not read: the kind of map says it. */
static void read_growth(struct json_reader *r, const json_t *o, struct report_growth *growth)
{
	growth->pid = json_get_u32(r, o, "pid");
	json_read_map(r, json_get_object(r, o, "map"), &growth->map);
	growth->kind = (enum report_growth_kind)json_get_word(r, o, "kind", kind_word,
							      REPORT_GROWTH_KINDS);
	growth->from = json_get_u64(r, o, "from");
	growth->to = json_get_u64(r, o, "to");
	growth->began_s = json_get_real(r, o, "began_s", -1);
	growth->ended_s = json_get_real(r, o, "ended_s", -1);
	growth->steps = json_get_u64(r, o, "steps");
	growth->busy_ns = json_get_u64(r, o, "busy_ns");
	read_payers(r, o, growth);
	read_iterators(r, o, growth);
}

void json_read_growths(struct json_reader *r, const json_t *o, struct report *report)
{
	const json_t *list = get_list(r, o, "growths", JSON_GROWTHS_MAX);
	size_t i;

	report->growth = list != NULL;
	report->growths =
		json_get_items(r, list, "growths", sizeof(*report->growths), &report->ngrowths);
	for (i = 0; i < report->ngrowths; i++) {
		json_reader_enter(r, "growths", i);
		read_growth(r, json_array_get(list, i), &report->growths[i]);
	}
	r->where[0] = '\0';
}
