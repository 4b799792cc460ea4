/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "snapshot/groups.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_GROUPS 10000
#define MAX_INLINED 32
#define MAX_NAME 1024	       /* of a target's function or file */
#define MAX_FRAMES 512	       /* inlined ones counted */
#define MAX_TEXT (64ull << 20) /* of all names */

struct maker {
	struct report_snapshot *out;
	const struct goroutines *gs;
	const struct go_binary *bin;
	uint64_t bias, now_ns;
	const struct goroutine **first; /* of each group */
	uint32_t *table;		/* group + 1, by hash */
	size_t mask, most;		/* most: groups */
	uint64_t text;
};

static bool is_runtime(const char *function)
{
	return !strncmp(function, "runtime.", 8) || !strncmp(function, "runtime/", 8) ||
	       !strncmp(function, "internal/runtime/", 17);
}

bool groups_is_map_function(const char *function)
{
	static const char *const names[] = {"runtime.mapaccess",
					    "runtime.mapassign",
					    "runtime.mapdelete",
					    "runtime.mapiter",
					    "runtime.mapIter",
					    "runtime.mapclear",
					    "runtime.mapclone",
					    "runtime.growWork",
					    "runtime.evacuate",
					    "internal/runtime/maps.(*Map).",
					    "internal/runtime/maps.(*Iter).",
					    "internal/runtime/maps.(*table)."};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strncmp(function, names[i], strlen(names[i])))
			return true;
	return false;
}

/* Type arguments as Go prints them, and no more of it than anybody reads. */
static char *name_of(struct maker *m, const char *name)
{
	const char *open = strchr(name, '['), *close = strrchr(name, ']');
	char *made = NULL;

	if (m->text > MAX_TEXT)
		made = strdup("?");
	else if (!open || !close || close < open || !strncmp(open, "[...]", 5))
		made = strndup(name, MAX_NAME);
	else if (asprintf(&made, "%.*s[...]%.*s",
			  open - name < MAX_NAME ? (int)(open - name) : MAX_NAME, name, MAX_NAME,
			  close + 1) < 0)
		made = NULL;
	m->text += made ? strlen(made) + 1 : 0;
	return made;
}

static int fill_frame(struct maker *m, struct report_frame *to, const struct go_frame *from,
		      uint64_t pc)
{
	*to = (struct report_frame){
		.line = from->line,
		.start_line = from->start_line,
		.pc = pc,
		.inlined = from->inlined,
		.runtime = is_runtime(from->function),
	};
	to->function = name_of(m, from->function);
	to->file = m->text > MAX_TEXT ? strdup("") : strndup(from->file, MAX_NAME);
	m->text += to->file ? strlen(to->file) : 0;
	return to->function && to->file ? 0 : -ENOMEM;
}

static int add_frames(struct maker *m, struct report_group *g, uint64_t stored)
{
	uint64_t pc = stored & ~UNWIND_EXACT;
	struct go_frame frames[MAX_INLINED];
	struct report_frame *grown;
	int n, i;

	n = go_binary_frames(m->bin, pc - m->bias, !(stored & UNWIND_EXACT), frames, MAX_INLINED);
	if (n <= 0)
		return n;
	if (g->nframes + (size_t)n > MAX_FRAMES) {
		g->truncated = true;
		return 0;
	}
	grown = reallocarray(g->frames, g->nframes + (size_t)n, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	g->frames = grown;
	for (i = 0; i < n; i++) {
		g->nframes++;
		if (fill_frame(m, &grown[g->nframes - 1], &frames[i], pc))
			return -ENOMEM;
	}
	return 0;
}

/* What runs inside a map function, for its keys: made by the compiler for a type, the runtime's
 * assembly (memeqbody, aeshashbody: without a package), and what that is in. */
static bool serves_keys(const char *function)
{
	return !strncmp(function, "type:.", 6) || !strncmp(function, "type..", 6) ||
	       !strncmp(function, "internal/bytealg.", 17) || !strchr(function, '.');
}

/* A map function in the middle of a stack that goes on in the program's own code (an iterator's
 * body does not: range is a loop) is not an operation that is under way. */
static void judge_map(struct report_group *g)
{
	size_t i;

	g->in_map = false;
	for (i = 0; i < g->nframes && (g->frames[i].runtime || serves_keys(g->frames[i].function));
	     i++)
		if (groups_is_map_function(g->frames[i].function)) {
			g->in_map = true;
			return;
		}
}

/* Wherever in the stack, so that no writer is overlooked. */
bool groups_may_write(const struct report_group *g)
{
	size_t i;

	for (i = 0; i < g->nframes; i++)
		if (groups_is_map_function(g->frames[i].function) ||
		    !strncmp(g->frames[i].function, "internal/runtime/maps.", 22))
			return true;
	return false;
}

bool groups_may_clone(const struct report_group *g)
{
	size_t i;

	for (i = 0; i < g->nframes; i++)
		if (!strncmp(g->frames[i].function, "runtime.mapclone", 16))
			return true;
	return false;
}

/* main() is made by the runtime's start-up code: not worth a line. */
static int fill_creation(struct maker *m, struct report_group *g, const struct goroutine *from)
{
	static const struct go_frame none = {.function = "", .file = ""};
	struct go_frame frames[MAX_INLINED] = {};
	int n = 0;

	if (from->gopc)
		n = go_binary_frames(m->bin, from->gopc - m->bias, true, frames, MAX_INLINED);
	if (n <= 0 || !strcmp(frames[0].function, "?") || is_runtime(frames[0].function))
		return fill_frame(m, &g->created_by.at, &none, 0);
	g->created_by.known = true;
	g->created_by.goroutine = from->parent;
	return fill_frame(m, &g->created_by.at, &frames[0], from->gopc);
}

static bool is_system(const struct maker *m, const struct goroutine *g)
{
	struct go_func f;

	if (go_binary_func_by_pc(m->bin, g->startpc - m->bias, &f) || !f.name)
		return false;
	return is_runtime(f.name) && strcmp(f.name, "runtime.main") != 0;
}

static void drop_outer(struct report_group *g)
{
	while (g->nframes > 1) {
		struct report_frame *last = &g->frames[g->nframes - 1];

		if (strcmp(last->function, "runtime.main") != 0)
			return;
		free(last->function);
		free(last->file);
		g->nframes--;
	}
}

static int begin_group(struct maker *m, struct report_group *g, const struct goroutine *from)
{
	const char *wait = from->status == GOROUTINE_WAITING
				   ? go_layout_wait_reason(go_binary_layout(m->bin), from->reason)
				   : "";
	size_t i;
	int r;

	memset(g, 0, sizeof(*g));
	g->state = strdup(goroutine_status_name(from->status));
	g->wait = strdup(wait ? wait : "");
	r = g->state && g->wait ? fill_creation(m, g, from) : -ENOMEM;
	for (i = 0; i < from->n && !r; i++)
		r = add_frames(m, g, m->gs->pcs[from->at + i]);
	g->truncated |= from->truncated;
	g->approximate = from->approximate;
	g->system = is_system(m, from);
	judge_map(g);
	drop_outer(g);
	return r;
}

static bool same_labels(const struct report_label_set *s, const struct goroutine_labels *l)
{
	size_t i;

	if (s->n != l->n)
		return false;
	for (i = 0; i < s->n; i++)
		if (strcmp(s->labels[i].key, l->labels[i].key) != 0 ||
		    strcmp(s->labels[i].value, l->labels[i].value) != 0)
			return false;
	return true;
}

static int copy_labels(struct maker *m, struct report_label_set *to,
		       const struct goroutine_labels *from)
{
	to->labels = calloc(from->n, sizeof(*to->labels));
	for (; to->labels && to->n < from->n; to->n++) {
		struct report_label *label = &to->labels[to->n];

		label->key = strdup(from->labels[to->n].key);
		label->value = strdup(from->labels[to->n].value);
		if (!label->key || !label->value) {
			to->n++;
			return -ENOMEM;
		}
		m->text += strlen(label->key) + strlen(label->value) + 2;
	}
	return to->labels ? 0 : -ENOMEM;
}

static int join_labels(struct maker *m, struct report_group *g, const struct goroutine *from)
{
	const struct goroutine_labels *labels = goroutines_labels(m->gs, from->labels);
	struct report_label_set *grown;
	size_t i;

	for (i = 0; labels && labels->n && i < g->nlabel_sets; i++)
		if (same_labels(&g->label_sets[i], labels)) {
			g->label_sets[i].count++;
			return 0;
		}
	if (!labels || !labels->n || i == REPORT_GROUP_LABELS || m->text > MAX_TEXT) {
		g->labelled_more++;
		return 0;
	}
	grown = reallocarray(g->label_sets, g->nlabel_sets + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	g->label_sets = grown;
	grown[g->nlabel_sets] = (struct report_label_set){.count = 1};
	return copy_labels(m, &grown[g->nlabel_sets++], labels);
}

static int join(struct maker *m, struct report_group *g, const struct goroutine *from)
{
	uint64_t waited = 0;

	if (g->nids < REPORT_GROUP_IDS)
		g->ids[g->nids++] = from->id;
	if (from->waitsince && from->waitsince < m->now_ns && from->status == GOROUTINE_WAITING)
		waited = m->now_ns - from->waitsince;
	if (!g->count || waited < g->waited_ns[0])
		g->waited_ns[0] = waited;
	if (waited > g->waited_ns[1])
		g->waited_ns[1] = waited;
	if (g->count && g->created_by.goroutine != from->parent)
		g->created_by.goroutine = 0;
	g->count++;
	return from->labels ? join_labels(m, g, from) : 0;
}

static uint64_t hash_of(const struct maker *m, const struct goroutine *g)
{
	uint64_t h = g->status * 31 + (g->status == GOROUTINE_WAITING ? g->reason : 0) + g->gopc;
	size_t i;

	for (i = 0; i < g->n; i++)
		h = (h ^ m->gs->pcs[g->at + i]) * 0x9e3779b97f4a7c15ull, h ^= h >> 29;
	return h;
}

static bool are_alike(const struct maker *m, const struct goroutine *a, const struct goroutine *b)
{
	return a->status == b->status && a->gopc == b->gopc && a->n == b->n &&
	       (a->status != GOROUTINE_WAITING || a->reason == b->reason) &&
	       a->truncated == b->truncated && a->approximate == b->approximate &&
	       a->startpc == b->startpc &&
	       (!a->n ||
		!memcmp(m->gs->pcs + a->at, m->gs->pcs + b->at, a->n * sizeof(*m->gs->pcs)));
}

static int put_in(struct maker *m, const struct goroutine *g)
{
	struct report_snapshot *out = m->out;
	size_t i = hash_of(m, g) & m->mask;
	int r;

	for (; m->table[i]; i = (i + 1) & m->mask)
		if (are_alike(m, m->first[m->table[i] - 1], g))
			return join(m, &out->groups[m->table[i] - 1], g);
	if (out->ngroups == m->most) {
		out->groups_cut++;
		return 0;
	}
	m->first[out->ngroups] = g;
	out->ngroups++;
	m->table[i] = (uint32_t)out->ngroups;
	r = begin_group(m, &out->groups[out->ngroups - 1], g);
	return r ? r : join(m, &out->groups[out->ngroups - 1], g);
}

static int rank(const struct report_group *g)
{
	return g->system ? 3 : g->in_map ? 0 : !strcmp(g->state, "running") ? 1 : 2;
}

static int compare(const void *a, const void *b)
{
	const struct report_group *x = a, *y = b;

	if (rank(x) != rank(y))
		return rank(x) - rank(y);
	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return x->ids[0] < y->ids[0] ? -1 : x->ids[0] > y->ids[0];
}

int groups_make(struct report_snapshot *out, const struct goroutines *gs,
		const struct go_binary *bin, uint64_t bias, uint64_t now_ns)
{
	struct maker m = {.out = out, .gs = gs, .bin = bin, .bias = bias, .now_ns = now_ns};
	size_t i;
	int r = 0;

	m.most = gs->n < MAX_GROUPS ? gs->n : MAX_GROUPS;
	for (m.mask = 63; m.mask < 4 * m.most;)
		m.mask = 2 * m.mask + 1;
	m.first = calloc(m.most + 1, sizeof(*m.first));
	m.table = calloc(m.mask + 1, sizeof(*m.table));
	out->groups = calloc(m.most + 1, sizeof(*out->groups));
	if (!m.first || !m.table || !out->groups)
		r = -ENOMEM;
	for (i = 0; i < gs->n && !r; i++)
		r = put_in(&m, &gs->list[i]);
	free(m.first);
	free(m.table);
	if (!r)
		qsort(out->groups, out->ngroups, sizeof(*out->groups), compare);
	return r;
}

int groups_make_one(struct report_group *out, const struct goroutine *g,
		    const struct goroutines *gs, const struct go_binary *bin, uint64_t bias,
		    uint64_t now_ns)
{
	struct maker m = {.gs = gs, .bin = bin, .bias = bias, .now_ns = now_ns};
	int r = begin_group(&m, out, g);

	return r ? r : join(&m, out, g);
}
