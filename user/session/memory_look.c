/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What a process that comes near the end of its memory keeps, and what its goroutines do. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/errand.h"
#include "base/log.h"
#include "process/priority.h"
#include "report/format.h"
#include "session/memory_watch.h"
#include "session/watch.h"
#include "snapshot/heap.h"
#include "snapshot/snapshot.h"

#define READ_NS \
	500000000ull /* of its memory, while it runs: nobody else is looked after meanwhile */

struct heap_print {
	const struct report_heap *heap;
	const char *exe, *comment;
};

static int print_heap(FILE *out, const void *arg)
{
	const struct heap_print *p = arg;

	return pprof_print_heap(out, p->heap, p->exe, p->comment);
}

static int say(char **to, const char *fmt, const char *text)
{
	char *said;

	if (asprintf(&said, fmt, text) < 0)
		return -ENOMEM;
	free(*to);
	*to = said;
	return 0;
}

#define CUT "it could not be read to its end: some allocations are missing"

static const char *comment_of(const struct heap_profile *p, const struct report_heap *h)
{
	if (p->cut)
		return CUT;
	return h->with_recent ? "as of now: with what was allocated since garbage was collected "
				"last, be it garbage or not"
			      : "as of the last garbage collection";
}

/* It runs on. What moves is only the counts, all of one collection at a time. */
static struct memory *open_memory(const struct watched *t)
{
	struct memory *live = memory_live(t->process.pid),
		      *kept = live ? memory_frozen(live) : NULL;

	if (kept)
		memory_deadline(kept, watch_now() + READ_NS);
	return kept;
}

/* Whoever grows fast does not have long to live: nobody is to keep us from reading, nor the process
 * that reads for us, which has the priority that we have when it is made. */
static int read_heap(struct watched *t, struct heap_place *place, struct heap_profile *p,
		     struct err *err)
{
	struct memory *memory;
	int r;

	priority_raise();
	errand_end();
	memory = open_memory(t);
	r = memory ? heap_profile_read(p, place, t->bin, t->source.resolver.bias, memory, err)
		   : -ENOMEM;
	memory_close(memory);
	errand_end();
	priority_restore();
	return r;
}

static int write_heap(const struct watch *w, const struct watched *t, const struct report_heap *h,
		      const struct heap_profile *p, struct report_memory *row)
{
	const struct heap_print print = {h, t->process.exe, comment_of(p, h)};
	char *path;
	int r;

	if (!w->options->memory.dir)
		return 0;
	if (asprintf(&path, "%s/heap-%d-%.0f.pb.gz", w->options->memory.dir, (int)t->process.pid,
		     row->percent) < 0)
		return -ENOMEM;
	r = format_write_by(path, print_heap, &print);
	if (r) {
		log_error("cannot write %s: %s", path, err_name(r));
		free(path);
		return r == -ENOMEM ? r : 0;
	}
	free(row->heap_file);
	row->heap_file = path;
	return 0;
}

static int look_at_heap(struct watch *w, struct watched *t, struct heap_place *place,
			struct report_memory *row)
{
	struct heap_profile profile = {.n = 0};
	struct report_heap heap = {.nsamples = 0};
	struct err err = {};
	int r = read_heap(t, place, &profile, &err);

	row->heap_asked = true;
	if (r) {
		w->memory.profiles_failed++;
		return r == -ENOMEM ? r
				    : say(&row->heap_missing, "%s",
					  err.text[0] ? err.text : err_name(r));
	}
	w->memory.profiles++;
	r = heap_resolve(&heap, &profile, t->bin, t->source.resolver.bias);
	if (!r)
		r = heap_sum(row, &heap);
	if (!r)
		r = write_heap(w, t, &heap, &profile, row);
	if (!r)
		r = say(&row->heap_missing, "%s", profile.cut ? CUT : "");
	row->heap_known = !r;
	report_heap_free(&heap);
	heap_profile_free(&profile);
	return r;
}

/* For no longer than a process that dies may be stopped. */
static int look_at_goroutines(struct watch *w, struct watched *t, struct report_memory *row)
{
	const struct snapshot_options options = {
		.max_freeze_ns = w->attach.max_freeze_ns,
		.ready = &t->ready, /* what is not known yet is looked for in that time */
		.program = &t->binary->program,
	};
	struct err err = {};
	int r;

	priority_raise();
	r = snapshot_take(&row->seen, &t->process, t->bin, &options, &err);
	priority_restore();
	if (r == -ECANCELED) {
		log_error("%s", err.text);
		_exit(1); /* as freeze_look() asks for */
	}
	row->has_snapshot = true;
	row->seen.at_s = row->at_s;
	w->memory.snapshots += !r;
	w->memory.snapshots_failed += r != 0;
	if (r && r != -ENOMEM)
		r = report_snapshot_note(&row->seen, "its goroutines were not read: %s",
					 err.text[0] ? err.text : err_name(r));
	return r;
}

static bool has_heap(const struct watched *t)
{
	return t->bin && !t->library;
}

void memory_look_prepare(const struct watched *t, struct heap_place *place)
{
	struct memory *memory = has_heap(t) ? open_memory(t) : NULL;

	if (memory && heap_profile_find(place, t->bin, t->source.resolver.bias, memory))
		log_verbose("out of memory: the heap of process %d", (int)t->process.pid);
	memory_close(memory);
}

int memory_look(struct watch *w, struct watched *t, struct heap_place *place,
		struct report_memory *row)
{
	int r = 0;

	if (has_heap(t))
		r = look_at_heap(w, t, place, row);
	if (!r && w->attach.max_freeze_ns && t->binary && !t->library)
		r = look_at_goroutines(w, t, row);
	return r;
}
