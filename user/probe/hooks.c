/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "probe/hooks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <maprace/wire.h>

#include "probe/paths.h"
#include "probe/site.h"

/* In which versions a row counts. */
enum when { ALWAYS, CLASSIC, SWISS };

struct hook_row {
	const char *function;
	enum when when;
	int since, until; /* Go minor version, inclusive; 0: no bound */
	uint8_t op, map_arg, type_arg;
	const char *calls; /* the hooked function that this wrapper calls, or NULL */
};

#define A0 MR_ARG_0
#define A1 MR_ARG_1
#define A2 MR_ARG_2
#define IT MR_ARG_ITER

/*
 * Calls that the compiler emits, and the runtime's and reflection's ways into the same inner
 * functions. Sources: Go src/cmd/compile/internal/walk (what is emitted), src/runtime/map.go and
 * its fast variants, src/internal/runtime/maps.
 */
static const struct hook_row rows[] = {
	/* reads; since 1.27 the one-result forms call the two-result ones */
	{"runtime.mapaccess1", ALWAYS, 0, 26, MR_OP_READ, A1, A0, NULL},
	{"runtime.mapaccess1_fast32", ALWAYS, 0, 26, MR_OP_READ, A1, A0, NULL},
	{"runtime.mapaccess1_fast64", ALWAYS, 0, 26, MR_OP_READ, A1, A0, NULL},
	{"runtime.mapaccess1_faststr", ALWAYS, 0, 26, MR_OP_READ, A1, A0, NULL},
	{"runtime.mapaccess1", ALWAYS, 27, 0, MR_OP_READ, A1, A0, "runtime.mapaccess2"},
	{"runtime.mapaccess1_fast32", ALWAYS, 27, 0, MR_OP_READ, A1, A0,
	 "runtime.mapaccess2_fast32"},
	{"runtime.mapaccess1_fast64", ALWAYS, 27, 0, MR_OP_READ, A1, A0,
	 "runtime.mapaccess2_fast64"},
	{"runtime.mapaccess1_faststr", ALWAYS, 27, 0, MR_OP_READ, A1, A0,
	 "runtime.mapaccess2_faststr"},
	{"runtime.mapaccess2", ALWAYS, 0, 0, MR_OP_READ, A1, A0, NULL},
	{"runtime.mapaccess2_fast32", ALWAYS, 0, 0, MR_OP_READ, A1, A0, NULL},
	{"runtime.mapaccess2_fast64", ALWAYS, 0, 0, MR_OP_READ, A1, A0, NULL},
	{"runtime.mapaccess2_faststr", ALWAYS, 0, 0, MR_OP_READ, A1, A0, NULL},
	{"runtime.mapaccess1_fat", ALWAYS, 0, 26, MR_OP_READ, A1, A0, "runtime.mapaccess1"},
	{"runtime.mapaccess2_fat", ALWAYS, 0, 26, MR_OP_READ, A1, A0, "runtime.mapaccess1"},
	{"runtime.mapaccess1_fat", ALWAYS, 27, 0, MR_OP_READ, A1, A0, "runtime.mapaccess2"},
	{"runtime.mapaccess2_fat", ALWAYS, 27, 0, MR_OP_READ, A1, A0, "runtime.mapaccess2"},
	/* writes */
	{"runtime.mapassign", ALWAYS, 0, 0, MR_OP_WRITE, A1, A0, NULL},
	{"runtime.mapassign_fast32", ALWAYS, 0, 0, MR_OP_WRITE, A1, A0, NULL},
	{"runtime.mapassign_fast64", ALWAYS, 0, 0, MR_OP_WRITE, A1, A0, NULL},
	{"runtime.mapassign_fast64ptr", ALWAYS, 0, 0, MR_OP_WRITE, A1, A0, NULL},
	{"runtime.mapassign_faststr", ALWAYS, 0, 0, MR_OP_WRITE, A1, A0, NULL},
	{"reflect.mapassign", ALWAYS, 0, 0, MR_OP_WRITE, A1, A0, "runtime.mapassign"},
	{"reflect.mapassign0", ALWAYS, 0, 0, MR_OP_WRITE, A1, A0, "runtime.mapassign"},
	{"reflect.mapassign_faststr", ALWAYS, 0, 0, MR_OP_WRITE, A1, A0,
	 "runtime.mapassign_faststr"},
	{"reflect.mapassign_faststr0", ALWAYS, 0, 0, MR_OP_WRITE, A1, A0,
	 "runtime.mapassign_faststr"},
	/* classic maps: Go 1.19 to 1.23, and noswissmap builds of 1.24 and 1.25 */
	{"runtime.mapdelete", CLASSIC, 0, 0, MR_OP_DELETE, A1, A0, NULL},
	{"runtime.mapdelete_fast32", CLASSIC, 0, 0, MR_OP_DELETE, A1, A0, NULL},
	{"runtime.mapdelete_fast64", CLASSIC, 0, 0, MR_OP_DELETE, A1, A0, NULL},
	{"runtime.mapdelete_faststr", CLASSIC, 0, 0, MR_OP_DELETE, A1, A0, NULL},
	{"runtime.mapiterinit", CLASSIC, 0, 0, MR_OP_ITERATE, A1, A0, NULL},
	{"runtime.mapiternext", CLASSIC, 0, 0, MR_OP_ITERATE, IT, IT, NULL},
	{"runtime.mapclear", CLASSIC, 0, 0, MR_OP_CLEAR, A1, A0, NULL},
	{"runtime.mapclone2", CLASSIC, 21, 0, MR_OP_CLONE, A1, A0, NULL},
	/* Swiss maps: Go 1.24 and later. Reflection calls the methods directly, so they are the
	   place. */
	{"internal/runtime/maps.(*Map).Clear", SWISS, 0, 0, MR_OP_CLEAR, A0, A1, NULL},
	{"internal/runtime/maps.(*Iter).Init", SWISS, 0, 0, MR_OP_ITERATE, A2, A1, NULL},
	{"internal/runtime/maps.(*Iter).Next", SWISS, 0, 0, MR_OP_ITERATE, IT, IT, NULL},
	{"internal/runtime/maps.(*Map).Clone", SWISS, 25, 0, MR_OP_CLONE, A0, A1, NULL},
	{"runtime.mapclone2", SWISS, 24, 24, MR_OP_CLONE, A1, A0, NULL},
	/* The fast ones return before they call (*Map).Delete where the map is empty, and nothing
	   else calls that one: so they are the place, not it. */
	{"runtime.mapdelete", SWISS, 0, 0, MR_OP_DELETE, A1, A0, NULL},
	{"runtime.mapdelete_fast32", SWISS, 0, 0, MR_OP_DELETE, A1, A0, NULL},
	{"runtime.mapdelete_fast64", SWISS, 0, 0, MR_OP_DELETE, A1, A0, NULL},
	{"runtime.mapdelete_faststr", SWISS, 0, 0, MR_OP_DELETE, A1, A0, NULL},
	{"reflect.mapdelete", SWISS, 0, 0, MR_OP_DELETE, A1, A0, "runtime.mapdelete"},
	{"reflect.mapdelete_faststr", SWISS, 0, 0, MR_OP_DELETE, A1, A0,
	 "runtime.mapdelete_faststr"},
	{"runtime.mapclear", SWISS, 0, 0, MR_OP_CLEAR, A1, A0,
	 "internal/runtime/maps.(*Map).Clear"},
	{"reflect.mapclear", SWISS, 0, 0, MR_OP_CLEAR, A1, A0,
	 "internal/runtime/maps.(*Map).Clear"},
	{"runtime.mapIterStart", SWISS, 0, 0, MR_OP_ITERATE, A1, A0,
	 "internal/runtime/maps.(*Iter).Init"},
	{"reflect.mapIterStart", SWISS, 0, 0, MR_OP_ITERATE, A1, A0,
	 "internal/runtime/maps.(*Iter).Init"},
	{"runtime.mapIterNext", SWISS, 0, 0, MR_OP_ITERATE, IT, IT,
	 "internal/runtime/maps.(*Iter).Next"},
	{"reflect.mapIterNext", SWISS, 0, 0, MR_OP_ITERATE, IT, IT,
	 "internal/runtime/maps.(*Iter).Next"},
	/* The runtime's own verdict. No stack check, called once: its entry will do. */
	{"runtime.fatal", ALWAYS, 0, 0, MR_OP_NONE, MR_ARG_NONE, MR_ARG_NONE, NULL},
	/* Likewise: how else a process ends by itself (src/runtime/panic.go). */
	{"runtime.throw", ALWAYS, 0, 0, MR_OP_THROW, MR_ARG_NONE, MR_ARG_NONE, NULL},
	{"runtime.fatalpanic", ALWAYS, 0, 0, MR_OP_PANIC, MR_ARG_NONE, MR_ARG_NONE, NULL},
	/* Memory is given back only after this, once a collection: src/runtime/mgc.go. */
	{"runtime.gcMarkTermination", ALWAYS, 0, 0, MR_OP_COLLECTED, MR_ARG_NONE, MR_ARG_NONE,
	 NULL},
};

static const char no_such_function[] = "not in this binary: nothing calls it";

#define NROWS (sizeof(rows) / sizeof(rows[0]))

/*
 * How maps grow: hashGrow() and evacuate*() (src/runtime/map.go and its fast variants); rehash(),
 * which leads to grow() or split(), and growToTable() (src/internal/runtime/maps). The second name
 * is that of its returns, where they are to be seen.
 */
struct growth_row {
	const char *function, *returns;
	enum when when;
	uint8_t op, map_arg, type_arg;
	const char *calls[2]; /* seen there, unless they are inlined */
};

static const struct growth_row growth_rows[] = {
	{"runtime.hashGrow", "return of runtime.hashGrow", CLASSIC, MR_OP_GROW, A1, A0, {}},
	{"runtime.evacuate", NULL, CLASSIC, MR_OP_MOVE, A1, A0, {}},
	{"runtime.evacuate_fast32", NULL, CLASSIC, MR_OP_MOVE, A1, A0, {}},
	{"runtime.evacuate_fast64", NULL, CLASSIC, MR_OP_MOVE, A1, A0, {}},
	{"runtime.evacuate_faststr", NULL, CLASSIC, MR_OP_MOVE, A1, A0, {}},
	{"internal/runtime/maps.(*Map).growToTable",
	 "return of (*Map).growToTable",
	 SWISS,
	 MR_OP_TABLE,
	 A0,
	 A1,
	 {}},
	{"internal/runtime/maps.(*table).grow",
	 "return of (*table).grow",
	 SWISS,
	 MR_OP_GROW,
	 A2,
	 A1,
	 {}},
	{"internal/runtime/maps.(*table).split",
	 "return of (*table).split",
	 SWISS,
	 MR_OP_GROW,
	 A2,
	 A1,
	 {}},
	{"internal/runtime/maps.(*table).rehash",
	 "return of (*table).rehash",
	 SWISS,
	 MR_OP_GROW,
	 A2,
	 A1,
	 {"internal/runtime/maps.(*table).grow", "internal/runtime/maps.(*table).split"}},
};

#define NGROWTH_ROWS (sizeof(growth_rows) / sizeof(growth_rows[0]))

/* Where panics begin and end (src/runtime/panic.go). */
static const struct {
	const char *function;
	uint8_t op;
} panic_rows[] = {
	{"runtime.gopanic", MR_OP_GOPANIC},
	{"runtime.recovery", MR_OP_RECOVERY},
	{"runtime.Goexit", MR_OP_GOEXIT},
};

#define NPANIC_ROWS (sizeof(panic_rows) / sizeof(panic_rows[0]))

static bool row_counts(const struct hook_row *row, const struct go_layout *layout)
{
	if (row->when == CLASSIC && layout->map_impl != GO_MAP_CLASSIC)
		return false;
	if (row->when == SWISS && layout->map_impl != GO_MAP_SWISS)
		return false;
	return (!row->since || layout->minor >= row->since) &&
	       (!row->until || layout->minor <= row->until);
}

static const struct hook *find(const struct hook_set *set, const char *function)
{
	size_t i;

	for (i = 0; i < set->count; i++)
		if (!strcmp(set->hooks[i].function, function))
			return &set->hooks[i];
	return NULL;
}

static void place(struct hook *h, const struct go_binary *bin, const struct go_func *f)
{
	h->site = site_choose(bin, f, &h->addr, h->why, sizeof(h->why));
	if (h->site != SITE_NONE && elf_file_offset(go_binary_elf(bin), h->addr, &h->offset)) {
		h->site = SITE_NONE;
		snprintf(h->why, sizeof(h->why), "its code is not in the file");
	}
	h->state = h->site == SITE_NONE ? HOOK_BLIND : HOOK_PROBED;
}

/*
 * The hooks that f, a wrapper of the named one, may call: that one itself, or another wrapper of
 * it, as reflect.mapassign calls reflect.mapassign0 since Go 1.21. One level: that one is asked
 * itself.
 */
static size_t inner_hooks(const struct hook_set *set, const struct hook *h,
			  const struct hook_row *row, const struct hook_row *const *taken,
			  const struct hook *inner[NROWS])
{
	size_t i, n = 0;

	for (i = 0; i < set->count && row->calls; i++) {
		const struct hook *other = &set->hooks[i];

		if (other != h && other->entry &&
		    (!strcmp(other->function, row->calls) ||
		     (taken[i]->calls && !strcmp(taken[i]->calls, row->calls))))
			inner[n++] = other;
	}
	return n;
}

static int settle(struct hook_set *set, struct hook *h, const struct hook_row *row,
		  const struct hook_row *const *taken, const struct go_binary *bin,
		  const struct go_func *f)
{
	const struct hook *inner[NROWS];
	uint64_t entries[NROWS];
	size_t i, n, which = 0;
	int r;

	if (!f->name) {
		h->state = HOOK_ABSENT;
		snprintf(h->why, sizeof(h->why), "%s", no_such_function);
		return 0;
	}
	n = inner_hooks(set, h, row, taken, inner);
	for (i = 0; i < n; i++)
		entries[i] = inner[i]->entry;
	r = n ? paths_calling(bin, f, entries, n, &which) : PATHS_NONE;
	if (r < 0)
		return r;
	if (r == PATHS_ALL) {
		h->state = HOOK_COVERED;
		h->callee = inner[which]->entry;
		snprintf(h->why, sizeof(h->why), "calls %s on each of its ways",
			 inner[which]->function);
		return 0;
	}
	/* seen twice on the ways that lead there, rather than not at all on the others */
	place(h, bin, f);
	if (r == PATHS_SOME && h->state == HOOK_PROBED)
		snprintf(h->why, sizeof(h->why), "calls %s on some of its ways only",
			 inner[which]->function);
	return 0;
}

static bool is_runtime(const char *name)
{
	return !strncmp(name, "runtime.", 8);
}

#define FRAMES 16

#define BLOCK_FUNCTIONS 65536 /* package runtime has 3,000 */
#define BLOCK_ASKED 512	      /* and some 150 that are not called runtime.NAME */

/* Written in package runtime, whatever it is called: reflect.mapassign is, and sync.throw. */
static bool is_of_runtime(const struct go_binary *bin, const struct go_func *f)
{
	struct go_frame frames[FRAMES];
	const char *file, *dir;
	int n;

	n = go_binary_frames(bin, f->entry, false, frames, FRAMES);
	if (n < 1)
		return false;
	file = frames[n - 1].file;
	dir = strstr(file, "/src/runtime/");
	file = dir ? dir + 13 : !strncmp(file, "runtime/", 8) ? file + 8 : NULL;
	return file && !strchr(file, '/'); /* not runtime/pprof */
}

/* Of a package that runtime is built on, or made by compiler and assembler. */
static bool is_below_runtime(const char *name)
{
	return !strncmp(name, "internal/", 9) || !strncmp(name, "type:", 5) ||
	       !strncmp(name, "type..", 6) || !strchr(name, '.');
}

/* The block around f that is_member's functions are, by their addresses. Bounded: a file may have
 * millions of functions, each of which is expensive to ask for the file that it is written in. */
static void grow_block(struct hook_set *set, const struct go_binary *bin, const struct go_func *f,
		       bool wide)
{
	unsigned int asked = 0, left = BLOCK_FUNCTIONS;
	struct go_func g;
	size_t i;

	set->runtime_lo = f->entry;
	set->runtime_hi = f->end;
	for (i = f->index; left-- && i-- > 0 && !go_binary_func_at(bin, i, &g) &&
			   (is_runtime(g.name) || (wide && is_below_runtime(g.name)));)
		set->runtime_lo = g.entry;
	left = BLOCK_FUNCTIONS;
	for (i = f->index + 1; left-- && !go_binary_func_at(bin, i, &g); i++) {
		if (!is_runtime(g.name) &&
		    (!wide || asked++ == BLOCK_ASKED || !is_of_runtime(bin, &g)))
			break;
		set->runtime_hi = g.end;
	}
}

/*
 * The linker lays a package's functions out together, what others call by a name of theirs behind
 * the rest, and in front of them the packages that it is built on: from Go 1.24 on mapaccess1 and
 * mapassign are internal/runtime/maps' by their place. Return addresses inside of all that are
 * those of wrappers, and the interesting caller is one frame further up.
 */
static void find_runtime(struct hook_set *set, const struct go_binary *bin,
			 const struct go_func *inside)
{
	struct go_func f;
	size_t i;

	for (i = 0; i < set->count; i++)
		if (set->hooks[i].entry && is_runtime(set->hooks[i].function))
			break;
	if (i == set->count || go_binary_func_by_pc(bin, set->hooks[i].entry, &f))
		return;
	if (inside->name)
		grow_block(set, bin, inside, true);
	if (f.entry < set->runtime_lo || f.entry >= set->runtime_hi)
		grow_block(set, bin, &f, false); /* laid out otherwise */
}

int hooks_choose(struct hook_set *set, const struct go_binary *bin, struct err *err)
{
	const struct go_layout *layout = go_binary_layout(bin);
	const struct hook_row *taken[NROWS];
	const char *names[NROWS + 1];
	struct go_func funcs[NROWS + 1];
	size_t i, n = 0;
	int r;

	memset(set, 0, sizeof(*set));
	for (i = 0; i < NROWS; i++) {
		if (!row_counts(&rows[i], layout))
			continue;
		taken[n] = &rows[i];
		names[n++] = rows[i].function;
	}
	set->hooks = calloc(n, sizeof(*set->hooks));
	if (!set->hooks)
		return -ENOMEM;
	set->count = n;
	names[n] = "runtime.schedule"; /* in every program, and where its package is */
	r = go_binary_find_funcs(bin, names, n + 1, funcs);
	if (r < 0)
		goto fail;
	/* Wrappers ask where the others are. */
	for (i = 0; i < n; i++) {
		set->hooks[i].function = names[i];
		set->hooks[i].entry = funcs[i].name ? funcs[i].entry : 0;
	}
	for (i = 0; i < n; i++) {
		struct hook *h = &set->hooks[i];

		h->op = taken[i]->op;
		h->map_arg = taken[i]->map_arg;
		h->type_arg = taken[i]->type_arg;
		r = settle(set, h, taken[i], taken, bin, &funcs[i]);
		if (r)
			goto fail;
	}
	for (i = 0; i < n; i++) {
		set->probed += set->hooks[i].state == HOOK_PROBED &&
			       mr_op_has_site(set->hooks[i].op);
		set->blind += set->hooks[i].state == HOOK_BLIND;
	}
	if (!set->probed) {
		r = err_set(
			err, -ENOENT,
			"no map function of the Go runtime is in this program: it uses no maps, or its function table is damaged");
		goto fail;
	}
	find_runtime(set, bin, &funcs[n]);
	return 0;
fail:
	hooks_free(set);
	return r;
}

static bool is_covered(const struct hook_set *set, const struct growth_row *row)
{
	size_t i;

	for (i = 0; i < 2 && row->calls[i]; i++) {
		const struct hook *h = find(set, row->calls[i]);

		if (!h || h->state != HOOK_PROBED)
			return false;
	}
	return i > 0;
}

/* The hook of the function, and those of its returns behind it: all, or none is probed. */
static void add_growth(struct hook_set *set, const struct growth_row *row,
		       const struct go_binary *bin, const struct go_func *f)
{
	struct hook *h = &set->hooks[set->count++];
	uint64_t returns[HOOK_RETURNS];
	int n, i;

	*h = (struct hook){.function = row->function,
			   .op = row->op,
			   .map_arg = row->map_arg,
			   .type_arg = row->type_arg,
			   .state = HOOK_ABSENT};
	if (!f->name) {
		snprintf(h->why, sizeof(h->why), "%s", no_such_function);
		return;
	}
	h->entry = f->entry;
	if (is_covered(set, row)) {
		h->state = HOOK_COVERED;
		snprintf(h->why, sizeof(h->why), "seen in the functions that it calls");
		return;
	}
	n = row->returns ? site_returns(bin, f, returns, HOOK_RETURNS) : 0;
	if (row->returns && (n <= 0 || n > HOOK_RETURNS)) {
		h->state = HOOK_BLIND;
		snprintf(h->why, sizeof(h->why), "its returns cannot be told");
		return;
	}
	place(h, bin, f);
	for (i = 0; i < n && h->state == HOOK_PROBED; i++) {
		struct hook *r = &set->hooks[set->count];

		*r = (struct hook){.function = row->returns,
				   .op = MR_OP_GROWN,
				   .state = HOOK_PROBED,
				   .site = SITE_RETURN,
				   .entry = f->entry,
				   .addr = returns[i]};
		if (elf_file_offset(go_binary_elf(bin), r->addr, &r->offset)) {
			set->count -= (size_t)i;
			h->state = HOOK_BLIND;
			snprintf(h->why, sizeof(h->why), "its returns are not in the file");
			return;
		}
		set->count++;
	}
}

int hooks_choose_growth(struct hook_set *set, const struct go_binary *bin)
{
	const struct go_layout *layout = go_binary_layout(bin);
	const char *names[NGROWTH_ROWS];
	struct go_func funcs[NGROWTH_ROWS];
	size_t i, before = set->count;
	struct hook *grown;
	int r;

	grown = reallocarray(set->hooks, set->count + NGROWTH_ROWS * (1 + HOOK_RETURNS),
			     sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	set->hooks = grown;
	for (i = 0; i < NGROWTH_ROWS; i++)
		names[i] = growth_rows[i].function;
	r = go_binary_find_funcs(bin, names, NGROWTH_ROWS, funcs);
	for (i = 0; i < NGROWTH_ROWS && r >= 0; i++)
		if ((growth_rows[i].when == SWISS) == (layout->map_impl == GO_MAP_SWISS))
			add_growth(set, &growth_rows[i], bin, &funcs[i]);
	for (i = before; i < set->count; i++) {
		set->probed += set->hooks[i].state == HOOK_PROBED;
		set->blind += set->hooks[i].state == HOOK_BLIND;
	}
	return r < 0 ? r : 0;
}

int hooks_choose_panics(struct hook_set *set, const struct go_binary *bin)
{
	const char *names[NPANIC_ROWS];
	struct go_func funcs[NPANIC_ROWS];
	struct hook *grown;
	size_t i;
	int r;

	grown = reallocarray(set->hooks, set->count + NPANIC_ROWS, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	set->hooks = grown;
	for (i = 0; i < NPANIC_ROWS; i++)
		names[i] = panic_rows[i].function;
	r = go_binary_find_funcs(bin, names, NPANIC_ROWS, funcs);
	for (i = 0; i < NPANIC_ROWS && r >= 0; i++) {
		struct hook *h = &set->hooks[set->count++];

		*h = (struct hook){.function = panic_rows[i].function,
				   .op = panic_rows[i].op,
				   .state = HOOK_ABSENT};
		if (!funcs[i].name) {
			snprintf(h->why, sizeof(h->why), "%s", no_such_function);
			continue;
		}
		h->entry = funcs[i].entry;
		place(h, bin, &funcs[i]);
		set->probed += h->state == HOOK_PROBED; /* blind: no map goes unseen for it */
	}
	return r < 0 ? r : 0;
}

void hooks_free(struct hook_set *set)
{
	free(set->hooks);
	memset(set, 0, sizeof(*set));
}

const char *hook_state_name(enum hook_state state)
{
	switch (state) {
	case HOOK_PROBED:
		return "probed";
	case HOOK_COVERED:
		return "covered";
	case HOOK_ABSENT:
		return "absent";
	case HOOK_BLIND:
		return "blind";
	}
	return "?";
}

const char *site_kind_name(enum site_kind kind)
{
	switch (kind) {
	case SITE_NONE:
		return "none";
	case SITE_JUMP:
		return "jump";
	case SITE_PUSH:
		return "push";
	case SITE_ENTRY:
		return "entry";
	case SITE_RETURN:
		return "return";
	}
	return "?";
}

/* Executed out of line, with a second trap: measured at 12 to 15 times the price. */
#define SINGLE_STEP_WEIGHT 15

double site_kind_weight(enum site_kind kind)
{
	return kind == SITE_ENTRY || kind == SITE_RETURN ? SINGLE_STEP_WEIGHT : 1;
}
