/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A heap as a profile for `go tool pprof`, like /debug/pprof/heap has it. */
#include "model/memory.h"
#include "report/pprof/pprof_write.h"
#include "report/printers.h"

/* Each program counter is one function: those that were inlined into one another have counters of
 * their own in the runtime's stacks. Locations are numbered as the frames are. */
static void put_location(struct pprof *p, const struct report_heap_frame *f)
{
	struct pprof_bytes location = {.data = NULL};

	pprof_number(&location, LOCATION_ID, ++p->nlocations);
	pprof_number(&location, LOCATION_MAPPING, 1);
	pprof_number(&location, LOCATION_ADDRESS, f->pc);
	pprof_line(p, &location, f->function, f->file, f->line, f->start_line);
	pprof_message(&p->out, PROFILE_LOCATION, &location);
}

/* The runtime's own functions come first in each stack, and say nothing: Go leaves them out too,
 * where that leaves anything. */
static size_t skip_runtime(const struct report_heap *h, const struct report_heap_sample *s)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (!h->frames[h->stacks[s->at + i]].runtime)
			return i;
	return 0;
}

static void put_sample(struct pprof *p, const struct report_heap *h,
		       const struct report_heap_sample *s)
{
	const int64_t values[] = {s->use.alloc_objects, s->use.alloc_bytes, s->use.inuse_objects,
				  s->use.inuse_bytes};
	struct pprof_bytes sample = {.data = NULL}, label = {.data = NULL};
	size_t i;

	for (i = skip_runtime(h, s); i < s->n; i++)
		pprof_number(&sample, SAMPLE_LOCATION_ID, h->stacks[s->at + i] + 1ull);
	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		pprof_number(&sample, SAMPLE_VALUE, (uint64_t)values[i]);
	pprof_number(&label, LABEL_KEY, pprof_text(p, "bytes"));
	pprof_number(&label, LABEL_NUM, s->size);
	pprof_message(&sample, SAMPLE_LABEL, &label);
	pprof_message(&p->out, PROFILE_SAMPLE, &sample);
}

int pprof_print_heap(FILE *out, const struct report_heap *h, const char *exe, const char *comment)
{
	struct pprof p = {.mask = 0};
	size_t i;

	pprof_text(&p, ""); /* the first text must be this one */
	pprof_type(&p, PROFILE_SAMPLE_TYPE, "alloc_objects", "count");
	pprof_type(&p, PROFILE_SAMPLE_TYPE, "alloc_space", "bytes");
	pprof_type(&p, PROFILE_SAMPLE_TYPE, "inuse_objects", "count");
	pprof_type(&p, PROFILE_SAMPLE_TYPE, "inuse_space", "bytes");
	pprof_mapping(&p, exe);
	for (i = 0; i < h->nframes; i++)
		put_location(&p, &h->frames[i]);
	for (i = 0; i < h->nsamples; i++)
		put_sample(&p, h, &h->samples[i]);
	pprof_number(&p.out, PROFILE_TIME_NANOS, (uint64_t)h->unix_ns);
	pprof_type(&p, PROFILE_PERIOD_TYPE, "space", "bytes");
	pprof_number(&p.out, PROFILE_PERIOD, h->rate);
	pprof_number(&p.out, PROFILE_COMMENT, pprof_text(&p, comment));
	pprof_number(&p.out, PROFILE_DEFAULT_SAMPLE_TYPE, pprof_text(&p, "inuse_space"));
	return pprof_finish(out, &p);
}
