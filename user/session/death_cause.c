/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "session/death_cause.h"

#include <stdlib.h>
#include <string.h>

#include "detect/gomap/fatal.h"

#define PANIC_FRAMES 4 /* fatalpanic, gopanic, whose caller is looked for */

/* The function that this frame is in; NULL: not known. */
static const char *function_at(struct resolver *r, const struct mr_access *a, uint32_t frame)
{
	uint64_t pc = a->pcs[frame] - !!frame;
	struct resolver_file f = resolve_file(r, pc);
	struct go_func func;

	if (!f.bin || go_binary_func_by_pc(f.bin, pc - f.bias, &func))
		return NULL;
	return func.name;
}

/* Not of a package whose path only begins so, nor where C code has called panic(). */
static bool is_runtime(const char *function)
{
	if (!strncmp(function, "internal/runtime/", 17))
		return true;
	return !strncmp(function, "runtime.", 8) && !strchr(function, '/') &&
	       strncmp(function, "runtime._cgo_panic", 18) != 0;
}

/* Whether the runtime itself called panic(): then the words are the runtime's. */
static bool is_runtime_error(struct resolver *r, const struct mr_access *a)
{
	const char *function;
	uint32_t i;

	for (i = 1; i < a->nframes && i < PANIC_FRAMES && i < MR_FRAMES; i++) {
		function = function_at(r, a, i);
		if (!function)
			return false;
		if (strcmp(function, "runtime.gopanic") != 0 &&
		    strcmp(function, "runtime.fatalpanic") != 0)
			return is_runtime(function);
	}
	return false;
}

void death_cause_find(struct death_cause *c, struct resolver *r, const struct mr_event_fatal *e)
{
	struct resolver_file f = resolve_file(r, e->message);
	const char *function;

	*c = (struct death_cause){.cause = REPORT_DEATH_FATAL};
	if (e->header.kind == MR_EVENT_DEATH) {
		function = e->access.nframes ? function_at(r, &e->access, 0) : NULL;
		c->cause = function && !strcmp(function, "runtime.fatalpanic") ? REPORT_DEATH_PANIC
									       : REPORT_DEATH_THROW;
	}
	if (c->cause == REPORT_DEATH_PANIC)
		return;
	if (!f.bin || e->message_len > DEATH_MESSAGE ||
	    go_binary_string(f.bin, e->message - f.bias, e->message_len, c->message,
			     sizeof(c->message)))
		c->message[0] = '\0';
	if (e->header.kind == MR_EVENT_FATAL && fatal_is_conflict(c->message))
		c->cause = REPORT_DEATH_CONFLICT;
}

/* The beginning of it, where it is long. */
static void read_text(char *out, struct memory *memory, uint64_t addr, uint64_t len)
{
	size_t i;

	if (len > DEATH_MESSAGE)
		len = DEATH_MESSAGE;
	if (memory_read(memory, addr, out, (size_t)len))
		len = 0;
	out[len] = '\0';
	for (i = 0; i < len; i++)
		if (!out[i])
			out[i] = '?';
}

/* Go turns errors and what has a String() into a string before it dies (preprintpanics). */
static void read_panic(struct death_cause *c, struct resolver *r, const struct mr_event_fatal *e,
		       struct memory *memory, bool values)
{
	uint64_t at = e->message + go_binary_layout(r->bin)->panic_arg, data, text, len;

	if (memory_u64(memory, at, &c->type) || memory_u64(memory, at + 8, &data)) {
		c->type = 0;
		return;
	}
	/* as if it were a string: whether it is one is known later */
	if ((values || is_runtime_error(r, &e->access)) && !memory_u64(memory, data, &text) &&
	    !memory_u64(memory, data + 8, &len))
		read_text(c->message, memory, text, len);
}

void death_cause_name(struct death_cause *c, struct resolver *r)
{
	char *name;

	if (c->cause != REPORT_DEATH_PANIC)
		return;
	name = c->type ? resolve_type(r, c->type) : NULL;
	if (!name || !name[0])
		c->message[0] = '\0';
	else if (strcmp(name, "string") != 0)
		snprintf(c->message, sizeof(c->message), "(%s)", name);
	free(name);
}

void death_cause_read(struct death_cause *c, struct resolver *r, const struct mr_event_fatal *e,
		      struct memory *memory, bool values)
{
	if (c->cause == REPORT_DEATH_PANIC)
		read_panic(c, r, e, memory, values);
	else if (!c->message[0] &&
		 values) /* made for the occasion, of the program's words perhaps */
		read_text(c->message, memory, e->message, e->message_len);
}
