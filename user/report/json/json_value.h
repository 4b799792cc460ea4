/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_REPORT_JSON_VALUE_H
#define MAPRACE_REPORT_JSON_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/err.h"

/*
 * Typed reads of an untrusted JSON document. The first thing that is wrong is kept and said; every
 * later read is then a no-op that gives a zero value, so that a reader can go straight through and
 * look once at the end. A member that is missing or null reads as zero, false or "": the schema
 * only ever grows, and a document may be older than we are.
 */
struct json_reader {
	int rc; /* 0, -EBADMSG (a member is of the wrong form), -ENOMEM */
	struct err *err;
	char where[128]; /* the object being read, "races[3].map", for messages */
};

/* The place of messages while one element of a list is read. */
void json_reader_enter(struct json_reader *r, const char *list, size_t i);
/* Sets rc and the message; returns rc. */
int json_reader_fail(struct json_reader *r, const char *key, const char *what);
int json_reader_nomem(struct json_reader *r);

/* An object or array member; NULL when missing, null, or wrong. */
json_t *json_get_object(struct json_reader *r, const json_t *o, const char *key);
json_t *json_get_array(struct json_reader *r, const json_t *o, const char *key);

/*
 * Memory for what an array holds, all zero; *n is its length, 0 when there is none. Every element
 * must be an object. name is for messages.
 */
void *json_get_items(struct json_reader *r, const json_t *list, const char *name, size_t size,
		     size_t *n);

/* malloc'ed, NULL only after a failure. */
char *json_get_text(struct json_reader *r, const json_t *o, const char *key);
uint64_t json_get_u64(struct json_reader *r, const json_t *o, const char *key);
uint32_t json_get_u32(struct json_reader *r, const json_t *o, const char *key);
int json_get_int(struct json_reader *r, const json_t *o, const char *key); /* not negative */
double json_get_real(struct json_reader *r, const json_t *o, const char *key, double missing);
bool json_get_bool(struct json_reader *r, const json_t *o, const char *key);
/* "0x…" */
uint64_t json_get_hex(struct json_reader *r, const json_t *o, const char *key);
/* The index of one of n words; anything else, missing included, is a failure. */
unsigned int json_get_word(struct json_reader *r, const json_t *o, const char *key,
			   const char *(*word)(unsigned int), unsigned int n);
bool json_is_known(const json_t *o, const char *key); /* there and not null */

#endif
