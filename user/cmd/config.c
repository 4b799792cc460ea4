/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "cmd/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yaml.h>

#include "base/open_file.h"
#include "cmd/option_values.h"

#define BYTES_MOST (1u << 20)

struct reading {
	const struct option_table *table;
	const char *path;
	void *options;
	char ***strings;
	size_t *nstrings;
	const struct option_row *row; /* whose value comes next */
	int depth;
};

static int refuse(const struct reading *r, size_t line, struct err *err, const char *what,
		  const char *name)
{
	return err_set(err, -EINVAL, "%s:%zu: %s%s%.100s%s", r->path, line + 1, what,
		       *name ? " '" : "", name, *name ? "'" : "");
}

/* Those that take no argument are true or false here. */
static bool is_flag(const struct option_row *row)
{
	return row->parse == option_flag;
}

static const struct option_row *find_row(const struct option_table *table, const char *name)
{
	size_t i;

	for (i = 0; i < table->nrows; i++)
		if ((table->rows[i].arg || is_flag(&table->rows[i])) &&
		    !strcmp(table->rows[i].name, name) && strcmp(name, "config") != 0)
			return &table->rows[i];
	return NULL;
}

static char *keep(const struct reading *r, const char *text)
{
	char **grown = realloc(*r->strings, (*r->nstrings + 1) * sizeof(*grown));
	char *copy = grown ? strdup(text) : NULL;

	if (grown)
		*r->strings = grown;
	if (copy)
		grown[(*r->nstrings)++] = copy;
	return copy;
}

/* As on the command line, but for false, which cannot be said there. */
static int take_flag(struct reading *r, const yaml_event_t *e, struct err *err)
{
	const char *text = (const char *)e->data.scalar.value;
	const struct option_row *row = r->row;
	bool *value = (bool *)((char *)r->options + row->offset);
	char what[256];

	r->row = NULL;
	*value = !strcmp(text, "true");
	if (*value || !strcmp(text, "false"))
		return 0;
	snprintf(what, sizeof(what), "%s takes true or false, not", row->name);
	return refuse(r, e->start_mark.line, err, what, text);
}

static int take_value(struct reading *r, const yaml_event_t *e, struct err *err)
{
	const struct option_row *row = r->row;
	const char *text = (const char *)e->data.scalar.value;
	char what[256];
	char *copy = keep(r, text);
	int rc = copy ? row->parse((char *)r->options + row->offset, copy) : -ENOMEM;

	r->row = NULL;
	if (!rc)
		return 0;
	snprintf(what, sizeof(what), "%s takes %s, not", row->name,
		 row->expects ? row->expects : "another value");
	return rc == -ENOMEM ? rc : refuse(r, e->start_mark.line, err, what, text);
}

static int take_scalar(struct reading *r, const yaml_event_t *e, struct err *err)
{
	const char *text = (const char *)e->data.scalar.value;

	if (strlen(text) != e->data.scalar.length)
		return refuse(r, e->start_mark.line, err, "a byte that is 0", "");
	if (r->depth != 1)
		return refuse(r, e->start_mark.line, err, "expected 'name: value', not", text);
	if (r->row)
		return is_flag(r->row) ? take_flag(r, e, err) : take_value(r, e, err);
	r->row = find_row(r->table, text);
	return r->row ? 0 : refuse(r, e->start_mark.line, err, "unknown setting", text);
}

static int take_event(struct reading *r, const yaml_event_t *e, struct err *err)
{
	switch (e->type) {
	case YAML_SCALAR_EVENT:
		return take_scalar(r, e, err);
	case YAML_MAPPING_START_EVENT:
		if (r->depth++)
			return refuse(r, e->start_mark.line, err, "a value is one word or text",
				      "");
		return 0;
	case YAML_MAPPING_END_EVENT:
		r->depth--;
		return 0;
	case YAML_SEQUENCE_START_EVENT:
	case YAML_ALIAS_EVENT:
		return refuse(r, e->start_mark.line, err, "a value is one word or text", "");
	default:
		return 0;
	}
}

static int parse(struct reading *r, yaml_parser_t *parser, struct err *err)
{
	yaml_event_t e;
	bool end = false;
	int rc = 0;

	while (!rc && !end) {
		if (!yaml_parser_parse(parser, &e))
			return refuse(r, parser->problem_mark.line, err,
				      parser->problem ? parser->problem : "no YAML", "");
		rc = take_event(r, &e, err);
		end = e.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&e);
	}
	return rc;
}

static char *read_file(const char *path, size_t *len, struct err *err)
{
	int found = file_find(path), fd = found < 0 ? found : file_open_found(found);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "re");
	char *text = f ? malloc(BYTES_MOST) : NULL;

	*len = text ? fread(text, 1, BYTES_MOST, f) : 0;
	if (!text)
		(void)err_set(err, fd < 0 ? fd : -ENOMEM, "%s: %s", path,
			      err_name(fd < 0 ? fd : -ENOMEM));
	if (f)
		fclose(f);
	if (found >= 0)
		close(found);
	return text;
}

int config_read(const struct option_table *table, const char *path, void *options, char ***strings,
		size_t *nstrings, struct err *err)
{
	struct reading r = {table, path, options, strings, nstrings, NULL, 0};
	yaml_parser_t parser;
	size_t len;
	char *text = read_file(path, &len, err);
	int rc;

	if (!text)
		return -ENOENT;
	if (len == BYTES_MOST || !yaml_parser_initialize(&parser)) {
		free(text);
		return err_set(err, -E2BIG, "%s: too large", path);
	}
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	rc = parse(&r, &parser, err);
	yaml_parser_delete(&parser);
	free(text);
	return rc;
}
