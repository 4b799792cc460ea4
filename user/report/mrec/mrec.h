/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_REPORT_MREC_H
#define MAPRACE_REPORT_MREC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "model/model.h"
#include "model/snapshot.h"

/*
 * A recording (.mrec): what a run found, written as it is found, so that a crash of the tool loses
 * nothing that was written. Frames and types are resolved; nothing else is needed to render it.
 * Numbers are little-endian:
 *
 *   file     8 bytes magic | u32 version | u32 CRC-32 of the 12 bytes before | records
 *   record   u32 type | u32 length | u32 CRC-32 of the payload | u32 CRC-32 of the 12 bytes before
 *            | payload
 *
 * Payloads are JSON as in the document (schema maprace/1), in ASCII. Records of a type that is not
 * known are skipped: new ones may be added without a new version. A later record of a race or of
 * the state replaces the earlier one.
 */
#define MREC_MAGIC "\x89MREC\r\n\x1a"
#define MREC_VERSION 1u
#define MREC_PAYLOAD_MAX (16u << 20)
#define MREC_FILE_MAX (256u << 20)
#define MREC_RACES_MAX 20000

enum mrec_type {		   /* never reused */
		 MREC_HEAD = 1,	   /* schema, tool, host, started */
		 MREC_RACE = 2,	   /* a race, whole */
		 MREC_SUSPECT = 3, /* a suspect, whole */
		 MREC_SEEN = 4,	   /* id and pid of a race that is known, and what changed of its
				      sightings */
		 MREC_SEEN_SUSPECT = 5,
		 MREC_STATE = 6,    /* duration_s, targets, followed, processes, maps, hidden,
				       growths, audited, stats */
		 MREC_END = 7,	    /* the run ended as it should */
		 MREC_DEATH = 8,    /* a process that died, whole */
		 MREC_SNAPSHOT = 9, /* a snapshot, whole */
};

/* --- writing --- */
struct mrec_writer;

/* Replaces path. 0 or negative errno. */
int mrec_create(struct mrec_writer **writer, const char *path);
/* Each appends one record with one write (n: the number of the race, below or equal to how many
 * there are): 0 or negative errno, after which all later ones fail. */
int mrec_head(struct mrec_writer *w, const struct report *report);
int mrec_race(struct mrec_writer *w, size_t n, const struct report_race *race, bool suspect);
int mrec_seen(struct mrec_writer *w, size_t n, const struct report_race *race, bool suspect);
/* numbers: of the suspects that hold now, in the order of the report; NULL for 0, 1, 2, ... */
int mrec_state(struct mrec_writer *w, const struct report *report, const size_t *numbers);
/* Of goroutines as many groups as there is room for in a record. */
int mrec_death(struct mrec_writer *w, const struct report_death *death);
int mrec_snapshot(struct mrec_writer *w, const struct report_snapshot *snapshot);
int mrec_end(struct mrec_writer *w);
/* The first failure of any of them, or of closing; frees the writer. */
int mrec_close(struct mrec_writer *w);

/* mrec_print_report() (report/printers.h) writes a whole one of a report that is complete. */

/* --- reading --- */
struct mrec_note {
	bool ended;    /* there is the record that a run ends with */
	bool damaged;  /* a checksum or a payload is wrong: what follows is lost */
	uint64_t good; /* bytes up to the end of the last record that was taken */
	char why[160]; /* what was wrong there; "" when nothing was */
};

bool mrec_is(const char *data, size_t len);
/*
 * Reads as far as the recording is whole. 0, and the report is the caller's; a cut or damaged file
 * is reported in note. -EBADMSG when not even the head can be read, -ENOTSUP for a newer version,
 * -ENOMEM.
 */
int mrec_read_buffer(const char *data, size_t len, struct report *report, struct mrec_note *note,
		     struct err *err);

#endif
