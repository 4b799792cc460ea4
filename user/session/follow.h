/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SESSION_FOLLOW_H
#define MAPRACE_SESSION_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "go/go_binary.h"
#include "model/model.h"
#include "process/exec_gate.h"
#include "session/roster.h"

/*
 * Finds the Go programs that a command starts, whatever stands between: each is stopped behind its
 * execve, before its first instruction, until it is said what becomes of it. Keeps account of what
 * was found and what of it is watched.
 */
struct follow;

/* Once the command has been started, and before it runs. */
int follow_new(struct follow **out, struct err *err);
int follow_fd(const struct follow *f); /* readable: follow_next() has something to do */

struct followed { /* stands behind its execve of that file */
	pid_t pid;
	struct file_version file;
	bool certain;		/* it is a Go program, else it may be one */
	struct exec_stop *stop; /* to be let go with follow_let_go() */
};
/* To be called, from follow_next(), while a process waits inside its execve(2): what it runs now it
 * still runs. */
typedef void (*follow_before)(void *ctx, pid_t pid, const struct file_version *file);
void follow_set_before(struct follow *f, follow_before before, void *ctx);
/* True for each process that has come to that; false: none for now. now_ns since the watch began. */
bool follow_next(struct follow *f, uint64_t now_ns, struct followed *one);
void follow_let_go(struct followed *one);
/* What looks for them was killed. */
bool follow_is_lost(const struct follow *f);
/* Some are on their way: follow_next() is to be called again soon. */
bool follow_waits(const struct follow *f);
bool follow_is_on_its_way(const struct follow *f, pid_t pid);

/* The tools of Go's own distribution: a build runs hundreds of them. */
bool follow_is_tool(const struct go_binary *bin);
/* What became of a process that runs this file (as people call it); why: NULL, it is watched. */
void follow_note(struct follow *f, pid_t pid, const char *exe, const char *why, uint64_t now_ns);
/* It is one that has executed nothing, and is not counted otherwise. */
void follow_note_forked(struct follow *f);
/* What is to be let be from then on: a tool of Go's, which is counted (file NULL: this once), or no
 * Go program at all. */
void follow_note_tool(struct follow *f, const struct file_version *file);
void follow_note_other(struct follow *f, const struct file_version *file);
struct roster *follow_roster(const struct follow *f);
/* Copies. 0 or -ENOMEM. NULL is fine. */
int follow_fill(const struct follow *f, struct report *report);
/* Whether any Go program was started, as far as is known. */
bool follow_found(const struct follow *f);
/* So many processes that it has left behind lived on when nobody looked any more. */
void follow_note_left(struct follow *f, size_t living);
/* No further ones: who is on its way is let go. */
void follow_end(struct follow *f);
void follow_free(struct follow *f); /* NULL is fine */

#endif
