/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_TESTS_SCHEMA_CHECK_H
#define MAPRACE_TESTS_SCHEMA_CHECK_H

#include <regex.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

/*
 * The part of JSON Schema that docs/maprace-1.schema.json uses: $ref into $defs, type, const, enum,
 * minimum, maximum, pattern, required, properties, additionalProperties, items, minItems, maxItems.
 * One rule more than the standard has: a member of an object that the schema does not describe is
 * an error, so that nothing is printed that is not documented.
 */
struct schema_check {
	const json_t *root;
	char why[512];
};

static inline bool schema_fail(struct schema_check *c, const char *path, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static inline bool schema_fail(struct schema_check *c, const char *path, const char *fmt, ...)
{
	va_list ap;
	int n = snprintf(c->why, sizeof(c->why), "%.300s: ", path);

	va_start(ap, fmt);
	vsnprintf(c->why + n, sizeof(c->why) - (size_t)n, fmt, ap);
	va_end(ap);
	return false;
}

static inline bool schema_is_type(const json_t *v, const char *type)
{
	if (!strcmp(type, "object"))
		return json_is_object(v);
	if (!strcmp(type, "array"))
		return json_is_array(v);
	if (!strcmp(type, "string"))
		return json_is_string(v);
	if (!strcmp(type, "integer"))
		return json_is_integer(v);
	if (!strcmp(type, "number"))
		return json_is_number(v);
	if (!strcmp(type, "boolean"))
		return json_is_boolean(v);
	return !strcmp(type, "null") && json_is_null(v);
}

static inline bool schema_has_type(const json_t *v, const json_t *type)
{
	const json_t *one;
	size_t i;

	if (json_is_string(type))
		return schema_is_type(v, json_string_value(type));
	json_array_foreach(type, i, one)
		if (schema_is_type(v, json_string_value(one)))
			return true;
	return false;
}

static inline bool schema_among(const json_t *v, const json_t *list)
{
	json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
		if (json_equal(v, one))
			return true;
	return false;
}

static inline bool schema_matches(const json_t *v, const char *pattern)
{
	regex_t regex;
	bool ok;

	if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB))
		return false;
	ok = !regexec(&regex, json_string_value(v), 0, NULL, 0);
	regfree(&regex);
	return ok;
}

static inline bool schema_scalar(struct schema_check *c, const json_t *s, const json_t *v,
				 const char *path)
{
	const json_t *rule;

	if ((rule = json_object_get(s, "type")) && !schema_has_type(v, rule))
		return schema_fail(c, path, "wrong type");
	if ((rule = json_object_get(s, "const")) && !json_equal(v, rule))
		return schema_fail(c, path, "not the constant");
	if ((rule = json_object_get(s, "enum")) && !schema_among(v, rule))
		return schema_fail(c, path, "not in the enum");
	if ((rule = json_object_get(s, "minimum")) && json_is_number(v) &&
	    json_number_value(v) < json_number_value(rule))
		return schema_fail(c, path, "too small");
	if ((rule = json_object_get(s, "maximum")) && json_is_number(v) &&
	    json_number_value(v) > json_number_value(rule))
		return schema_fail(c, path, "too large");
	if ((rule = json_object_get(s, "pattern")) && json_is_string(v) &&
	    !schema_matches(v, json_string_value(rule)))
		return schema_fail(c, path, "does not match %s", json_string_value(rule));
	return true;
}

static inline bool schema_value(struct schema_check *c, const json_t *s, const json_t *v,
				const char *path);

static inline bool schema_object(struct schema_check *c, const json_t *s, json_t *v,
				 const char *path)
{
	const json_t *rule, *properties = json_object_get(s, "properties"), *one;
	json_t *value;
	const char *key;
	char below[400];
	size_t i;

	json_array_foreach(json_object_get(s, "required"), i, rule)
		if (!json_object_get(v, json_string_value(rule)))
			return schema_fail(c, path, "%s is missing", json_string_value(rule));
	json_object_foreach(v, key, value) {
		snprintf(below, sizeof(below), "%.300s.%.80s", path, key);
		one = json_object_get(properties, key);
		if (!one)
			one = json_object_get(s, "additionalProperties");
		if (!one)
			return schema_fail(c, below, "not described by the schema");
		if (!schema_value(c, one, value, below))
			return false;
	}
	return true;
}

static inline bool schema_array(struct schema_check *c, const json_t *s, const json_t *v,
				const char *path)
{
	const json_t *items = json_object_get(s, "items"), *rule;
	char below[400];
	size_t i;

	if ((rule = json_object_get(s, "minItems")) &&
	    (json_int_t)json_array_size(v) < json_integer_value(rule))
		return schema_fail(c, path, "too few items");
	if ((rule = json_object_get(s, "maxItems")) &&
	    (json_int_t)json_array_size(v) > json_integer_value(rule))
		return schema_fail(c, path, "too many items");
	for (i = 0; i < json_array_size(v); i++) {
		snprintf(below, sizeof(below), "%.300s[%zu]", path, i);
		if (!items)
			return schema_fail(c, below, "not described by the schema");
		if (!schema_value(c, items, json_array_get(v, i), below))
			return false;
	}
	return true;
}

static inline bool schema_value(struct schema_check *c, const json_t *s, const json_t *v,
				const char *path)
{
	const char *ref = json_string_value(json_object_get(s, "$ref"));

	if (ref) {
		s = strncmp(ref, "#/$defs/", 8)
			    ? NULL
			    : json_object_get(json_object_get(c->root, "$defs"), ref + 8);
		if (!s)
			return schema_fail(c, path, "the schema refers to %s, which it has not",
					   ref);
	}
	if (!schema_scalar(c, s, v, path))
		return false;
	if (json_is_object(v))
		return schema_object(c, s, (json_t *)v, path);
	if (json_is_array(v))
		return schema_array(c, s, v, path);
	return true;
}

/* --- for tests: cmocka.h is included before --- */

static inline json_t *schema_load(void)
{
	const char *top = getenv("MAPRACE_TOP");
	char path[4096];
	json_t *schema;

	snprintf(path, sizeof(path), "%s/docs/maprace-1.schema.json", top ? top : ".");
	schema = json_load_file(path, 0, NULL);
	assert_non_null(schema);
	return schema;
}

static inline void assert_valid(const json_t *root)
{
	json_t *schema = schema_load();
	struct schema_check check = {.root = schema};

	if (!schema_value(&check, schema, root, "document"))
		fail_msg("%s", check.why);
	json_decref(schema);
}

static inline void assert_invalid(json_t *root)
{
	json_t *schema = schema_load();
	struct schema_check check = {.root = schema};

	assert_false(schema_value(&check, schema, root, "document"));
	json_decref(schema);
}

#endif
