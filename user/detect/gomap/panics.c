/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "detect/gomap/panics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

_Static_assert((int)MR_PANIC_OUTCOMES == (int)REPORT_PANIC_OUTCOMES &&
		       (int)MR_PANIC_GOEXIT == (int)REPORT_PANIC_ENDED,
	       "one after the other");

struct row {
	struct tracker_source *source;
	uint64_t key;
	struct mr_panic_site site; /* as it was last */
	bool whole;		   /* its event has come: the stack is known */
	bool named;		   /* what can be said without it */
	bool ended;
	struct panics_news told; /* the sum of all news so far; first: there were none */
	struct report_panic report;
};

struct panics {
	uint64_t start_ns;
	bool values;
	struct row **rows;
	size_t count;
};

struct panics *panics_new(uint64_t start_ns, bool values)
{
	struct panics *all = calloc(1, sizeof(*all));

	if (!all)
		return NULL;
	all->start_ns = start_ns;
	all->values = values;
	return all;
}

static void row_free(struct row *row)
{
	report_panic_free(&row->report);
	free(row);
}

void panics_free(struct panics *all)
{
	if (!all)
		return;
	while (all->count)
		row_free(all->rows[--all->count]);
	free(all->rows);
	free(all);
}

static struct row *find(const struct panics *all, const struct tracker_source *source, uint64_t key)
{
	size_t i;

	for (i = 0; i < all->count; i++)
		if (all->rows[i]->key == key && all->rows[i]->source == source)
			return all->rows[i];
	return NULL;
}

/* NULL with 0: there is no room. */
static int row_of(struct panics *all, struct tracker_source *source, uint64_t key, struct row **out)
{
	struct row **grown, *row = find(all, source, key);

	*out = row;
	if (row)
		return 0;
	if (all->count == PANICS_MOST) {
		source->dropped_panics++;
		return 0;
	}
	grown = reallocarray(all->rows, all->count + 1, sizeof(struct row *));
	if (!grown)
		return -ENOMEM;
	all->rows = grown;
	row = calloc(1, sizeof(*row));
	if (!row)
		return -ENOMEM;
	row->source = source;
	row->key = key;
	row->told.first = true;
	row->report.pid = (uint32_t)source->resolver.process->pid;
	row->report.watched = 1;
	all->rows[all->count++] = row;
	*out = row;
	return 0;
}

/* ---- what it says ---- */

/* Types that begin with a string, which is what they say: Go src/runtime/error.go, errors, fmt. */
static bool says_itself(const char *type)
{
	static const char *const types[] = {"string",
					    "*errors.errorString",
					    "*fmt.wrapError",
					    "*fmt.wrapErrors",
					    "runtime.errorString",
					    "runtime.plainError",
					    "runtime.errorAddressString"};
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (!strcmp(type, types[i]))
			return true;
	return false;
}

/* A string that lies in the program's file, as its constants do, which the process does not change:
 * read whenever we come to it. */
static char *constant(const struct resolver *r, uint64_t data)
{
	struct resolver_file f = resolve_file(r, data);
	char text[MR_PANIC_TEXT + 1];
	uint64_t string[2], offset;

	if (elf_file_offset(go_binary_elf(f.bin), data - f.bias, &offset) ||
	    process_read(r->process, data, string, sizeof(string)) || !string[1] ||
	    string[1] >= sizeof(text))
		return NULL;
	f = resolve_file(r, string[0]);
	if (go_binary_string(f.bin, string[0] - f.bias, string[1], text, sizeof(text)))
		return NULL;
	return strdup(text);
}

/* What was read when it panicked; its end is cut where it is long. */
static char *read_then(const struct mr_event_panic *e)
{
	char text[MR_PANIC_TEXT + 4];
	size_t n = e->text_read < MR_PANIC_TEXT ? e->text_read : MR_PANIC_TEXT, i;

	for (i = 0; i < n; i++)
		text[i] = e->said[i] ? e->said[i] : '?';
	if (e->text_len > n)
		memcpy(text + n, "...", 4);
	else
		text[n] = '\0';
	return strdup(text);
}

/* The runtime's own words are nobody's secret. */
static char *message_of(const struct panics *all, const struct row *row,
			const struct mr_event_panic *e)
{
	enum report_panic_kind kind = row->report.kind;
	bool own = kind == REPORT_PANIC_RUNTIME || kind == REPORT_PANIC_FAULT;
	char *text = NULL;

	if (!says_itself(row->report.type))
		return NULL;
	if (all->values && e->text_read)
		return read_then(e);
	if (all->values || (own && !strncmp(row->report.type, "runtime.", 8)))
		text = constant(&row->source->resolver, e->data);
	return text;
}

/* ---- whose it is ---- */

/* The function that this code is in, no inlined one; "": not known. */
static char *function_at(const struct resolver *r, uint64_t pc)
{
	struct resolver_file f = resolve_file(r, pc);
	struct go_func func;

	if (!pc || go_binary_func_by_pc(f.bin, pc - f.bias, &func) || !func.name)
		return strdup("");
	return strdup(func.name);
}

static int set_kind(struct row *row)
{
	struct report_panic *p = &row->report;
	char *via = function_at(&row->source->resolver, row->site.via ? row->site.via - 1 : 0);

	if (!via)
		return -ENOMEM;
	p->kind = row->site.flags & MR_PANIC_IS_GOEXIT ? REPORT_PANIC_GOEXIT
		  : !row->site.via		       ? REPORT_PANIC_EXPLICIT
		  : !strcmp(via, "runtime.sigpanic")   ? REPORT_PANIC_FAULT
						       : REPORT_PANIC_RUNTIME;
	free(via);
	return 0;
}

/* What the kernel's table says is enough for all but the stack, and for the innermost of that. */
static int name(struct row *row)
{
	struct resolver *r = &row->source->resolver;
	struct report_panic *p = &row->report;
	/* back into the call, but for an instruction that has faulted */
	struct mr_access raw = {.nframes = 1, .flags = MR_ACCESS_PARTIAL};
	int e = set_kind(row);

	if (e)
		return e;
	p->type = row->site.type ? resolve_type(r, row->site.type)
				 : strdup(p->kind == REPORT_PANIC_GOEXIT ? "" : "nil");
	p->message = strdup("");
	p->recovered_in = strdup("");
	if (!p->type || !p->message || !p->recovered_in)
		return -ENOMEM;
	row->named = true;
	raw.pcs[0] = row->site.site - (p->kind != REPORT_PANIC_FAULT);
	raw.time_ns = row->site.first_ns;
	if (!row->site.site)
		raw.nframes = 0;
	return resolve_access(r, &raw, &p->access);
}

/* Whether the function of this instruction has made no frame there. */
static bool is_frameless(const struct resolver *r, uint64_t pc)
{
	struct resolver_file f = resolve_file(r, pc);
	struct go_func func;
	int32_t delta;

	return !go_binary_sp_delta(f.bin, pc - f.bias, &func, &delta) && !delta;
}

/* The stack, with the caller of a function without a frame in its place. */
static void raw_stack(const struct row *row, const struct mr_event_panic *e, struct mr_access *raw)
{
	uint32_t i = 0;

	*raw = e->access;
	while (i < raw->nframes && raw->pcs[i] != row->site.site)
		i++;
	if (row->report.kind != REPORT_PANIC_FAULT || !e->top || i + 1 >= MR_FRAMES ||
	    i == raw->nframes || !is_frameless(&row->source->resolver, row->site.site))
		return;
	i++;
	if (raw->nframes < MR_FRAMES)
		raw->nframes++;
	memmove(&raw->pcs[i + 1], &raw->pcs[i], (raw->nframes - i - 1) * sizeof(raw->pcs[0]));
	raw->pcs[i] = e->top;
}

static int complete(const struct panics *all, struct row *row, const struct mr_event_panic *e)
{
	struct report_panic *p = &row->report;
	struct report_access access;
	struct mr_access raw;
	char *message = message_of(all, row, e);
	int r;

	raw_stack(row, e, &raw);
	r = resolve_access(&row->source->resolver, &raw, &access);

	if (message) {
		free(p->message);
		p->message = message;
	}
	if (r)
		return r;
	report_access_free(&p->access);
	p->access = access;
	row->whole = true;
	return 0;
}

static double seconds(const struct panics *all, uint64_t ns)
{
	return ns > all->start_ns ? (double)(ns - all->start_ns) / 1e9 : 0;
}

static int update(const struct panics *all, struct row *row, const struct mr_panic_site *site)
{
	struct report_panic *p = &row->report;
	size_t i;
	int r;

	row->site = *site;
	r = row->named ? 0 : name(row);
	if (r)
		return r;
	p->count = site->total;
	for (i = 0; i < REPORT_PANIC_OUTCOMES; i++)
		p->outcomes[i] = site->outcomes[i];
	p->first_seen_s = seconds(all, site->first_ns);
	p->last_seen_s = seconds(all, site->last_ns ? site->last_ns : site->first_ns);
	p->recovered_elsewhere = site->flags & MR_PANIC_ELSEWHERE;
	if (!site->recovered_at || p->recovered_in[0])
		return 0;
	free(p->recovered_in);
	p->recovered_in = function_at(&row->source->resolver, site->recovered_at);
	/* until Go 1.21 a Goexit that goes on is where the program goes on */
	if (p->recovered_in && !strncmp(p->recovered_in, "runtime.", 8))
		p->recovered_in[0] = '\0';
	return p->recovered_in ? 0 : -ENOMEM;
}

int panics_event(struct panics *all, struct tracker_source *source, const void *data, size_t size)
{
	const struct mr_event_panic *e = data;
	struct mr_panic_site site;
	struct row *row;
	int r;

	if (size < sizeof(*e) || e->header.kind != MR_EVENT_PANIC || !e->access.nframes ||
	    e->access.nframes > MR_FRAMES || e->text_read > MR_PANIC_TEXT ||
	    mr_tag(e->access.g) != e->header.tag || (uint16_t)e->key != e->header.tag) {
		source->bad_events++;
		return 0;
	}
	if (attachment_panic(source->attachment, e->key, &site))
		return 0; /* its process has ended, and was concluded */
	r = row_of(all, source, e->key, &row);
	if (!r && row)
		r = update(all, row, &site);
	if (!r && row && !row->whole)
		r = complete(all, row, e);
	return r;
}

struct catching {
	struct panics *all;
	struct tracker_source *source;
	int r;
};

static void catch_one(void *ctx, uint64_t key, const struct mr_panic_site *site)
{
	struct catching *c = ctx;
	struct row *row = NULL;

	if (!c->r)
		c->r = row_of(c->all, c->source, key, &row);
	if (!c->r && row)
		c->r = update(c->all, row, site);
}

int panics_catch_up(struct panics *all, struct tracker_source *source)
{
	struct catching c = {all, source, 0};

	if (!source->attachment || source->ended)
		return 0;
	if (attachment_panics(source->attachment, catch_one, &c) == -ENOMEM)
		c.r = -ENOMEM;
	return c.r;
}

void panics_set_watched(struct panics *all, const struct tracker_source *source, double part)
{
	size_t i;

	for (i = 0; i < all->count; i++)
		if (all->rows[i]->source == source)
			all->rows[i]->report.watched = part;
}

void panics_conclude(struct panics *all, const struct tracker_source *source)
{
	size_t i;

	for (i = 0; i < all->count; i++)
		if (all->rows[i]->source == source)
			all->rows[i]->ended = true;
}

/* ---- news, and the report ---- */

static bool has_news(struct row *row, struct panics_news *news)
{
	const struct report_panic *p = &row->report;
	bool any = row->told.first;
	size_t i;

	*news = (struct panics_news){.first = row->told.first};
	for (i = 0; i < REPORT_PANIC_OUTCOMES; i++) {
		news->outcomes[i] = p->outcomes[i] - row->told.outcomes[i];
		row->told.outcomes[i] = p->outcomes[i];
		any |= news->outcomes[i] != 0;
	}
	if (row->ended) {
		news->unknown = report_panic_unknown(p) - row->told.unknown;
		row->told.unknown += news->unknown;
		any |= news->unknown != 0;
	}
	row->told.first = false;
	return any;
}

void panics_tell(struct panics *all, uint64_t older_than_ns, uint64_t now_ns,
		 void (*each)(void *ctx, const struct tracker_source *source,
			      const struct report_panic *panic, const struct panics_news *news),
		 void *ctx)
{
	struct panics_news news;
	size_t i;

	for (i = 0; i < all->count; i++) {
		struct row *row = all->rows[i];

		if (!row->named || (!row->ended && now_ns - row->site.first_ns < older_than_ns))
			continue;
		if (has_news(row, &news))
			each(ctx, row->source, &row->report, &news);
	}
}

static int most_first(const void *a, const void *b)
{
	const struct row *x = *(struct row *const *)a, *y = *(struct row *const *)b;

	if (x->report.count != y->report.count)
		return x->report.count < y->report.count ? 1 : -1;
	return x->site.first_ns > y->site.first_ns   ? 1
	       : x->site.first_ns < y->site.first_ns ? -1
						     : 0;
}

int panics_lend(struct panics *all, struct report *report)
{
	size_t i;

	report->panics = calloc(all->count + 1, sizeof(*report->panics));
	if (!report->panics)
		return -ENOMEM;
	report->panics_watched = true;
	if (all->count)
		qsort(all->rows, all->count, sizeof(struct row *), most_first);
	for (i = 0; i < all->count; i++)
		if (all->rows[i]->named)
			report->panics[report->npanics++] = all->rows[i]->report;
	return 0;
}

bool panics_knows(const struct panics *all, const struct tracker_source *source)
{
	size_t i;

	for (i = 0; all && i < all->count; i++)
		if (all->rows[i]->source == source)
			return true;
	return false;
}

void panics_forget(struct panics *all, const struct tracker_source *source)
{
	size_t i, kept = 0;

	for (i = 0; i < all->count; i++) {
		if (all->rows[i]->source == source)
			row_free(all->rows[i]);
		else
			all->rows[kept++] = all->rows[i];
	}
	all->count = kept;
}
