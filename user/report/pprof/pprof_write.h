/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_REPORT_PPROF_WRITE_H
#define MAPRACE_REPORT_PPROF_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * What all profiles are made of: a protocol buffer (google/pprof, proto/profile.proto), written by
 * hand, in a gzip file. What goes wrong on the way is kept in failed, and looked at once.
 */
/* message Profile */
enum {
	PROFILE_SAMPLE_TYPE = 1,
	PROFILE_SAMPLE = 2,
	PROFILE_MAPPING = 3,
	PROFILE_LOCATION = 4,
	PROFILE_FUNCTION = 5,
	PROFILE_STRING_TABLE = 6,
	PROFILE_TIME_NANOS = 9,
	PROFILE_PERIOD_TYPE = 11,
	PROFILE_PERIOD = 12,
	PROFILE_COMMENT = 13,
	PROFILE_DEFAULT_SAMPLE_TYPE = 14,
};
enum { VALUE_TYPE = 1, VALUE_UNIT = 2 };
enum { SAMPLE_LOCATION_ID = 1, SAMPLE_VALUE = 2, SAMPLE_LABEL = 3 };
enum { LABEL_KEY = 1, LABEL_STR = 2, LABEL_NUM = 3 };
enum {
	MAPPING_ID = 1,
	MAPPING_FILENAME = 5,
	MAPPING_HAS_FUNCTIONS = 7,
	MAPPING_HAS_FILENAMES = 8,
	MAPPING_HAS_LINES = 9,
	MAPPING_HAS_INLINES = 10
};
enum { LOCATION_ID = 1, LOCATION_MAPPING = 2, LOCATION_ADDRESS = 3, LOCATION_LINE = 4 };
enum { LINE_FUNCTION = 1, LINE_LINE = 2 };
enum {
	FUNCTION_ID = 1,
	FUNCTION_NAME = 2,
	FUNCTION_SYSTEM_NAME = 3,
	FUNCTION_FILE = 4,
	FUNCTION_START_LINE = 5
};

struct pprof_bytes {
	uint8_t *data;
	size_t n, room;
	bool failed;
};

struct pprof {
	struct pprof_bytes out, strings;
	const char **texts; /* whose number is their place */
	uint64_t ntexts, nlocations, nfunctions;
	uint64_t *table; /* text + 1, by hash */
	size_t mask;
	bool failed;
};

void pprof_number(struct pprof_bytes *b, unsigned int field, uint64_t v);
/* Takes the message over. */
void pprof_message(struct pprof_bytes *b, unsigned int field, struct pprof_bytes *message);
/* The number of a text, whose memory stays where it is until the end. The first one is "". */
uint64_t pprof_text(struct pprof *p, const char *s);
/* What a value is, and in which unit: a field of the profile. */
void pprof_type(struct pprof *p, unsigned int field, const char *type, const char *unit);
/* A function, and its line in a location. */
void pprof_line(struct pprof *p, struct pprof_bytes *location, const char *function,
		const char *file, int line, int start_line);
/* The one that all locations are in. */
void pprof_mapping(struct pprof *p, const char *exe);
/* Writes all of it, and frees what it took. 0, -ENOMEM, or what writing gave. */
int pprof_finish(FILE *out, struct pprof *p);

#endif
