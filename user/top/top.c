/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "top/top.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/escape.h"
#include "base/log.h"
#include "detect/gomap/maprows.h"
#include "process/names.h"
#include "top/messages.h"
#include "top/screen.h"
#include "top/top_json.h"

/* So often in turn there may be nothing to read where there is said to be something. */
#define READS_IN_VAIN 3

enum top_event { ON_TIME, ON_KEYS, ON_SIZE, ON_SUSPEND, ON_QUIT, TOP_EVENTS };

struct top {
	struct watch *watch;
	const struct top_options *options;
	struct event_base *base;
	struct event *events[TOP_EVENTS];
	bool terminal; /* else JSON */
	bool open;     /* the screen is there */
	struct top_table table;
	struct top_view view;
	struct top_text text;
	FILE *messages;	   /* for the screen; the log's too where that is on the same terminal */
	size_t drawn;	   /* messages that the screen has shown */
	unsigned int done; /* tables */
	unsigned int vain;
};

/* ---- what there is ---- */

struct look {
	struct report report;
	struct top_work *work;
	char **args; /* of work[] */
	size_t nwork;
};

static void fill_work(struct top_work *work, const struct watched *t)
{
	struct attachment_sum sum;
	size_t i;

	*work = (struct top_work){.pid = (uint32_t)t->process.pid,
				  .ended = t->ended,
				  .target = &t->source,
				  .exe = t->process.exe,
				  .maps = maprows_count(&t->source)};
	if (t->past) {
		sum = t->past->sum;
		work->spent_ns = t->past->spent_ns;
		work->exe = t->past->report.targets[0].exe;
		work->go_version = t->past->report.targets[0].go_version;
	} else {
		attachment_counters(t->attachment, &sum);
		work->spent_ns = t->account_kept ? account_spent_ns(&t->account) : 0;
		work->go_version = t->bin ? go_binary_version(t->bin) : NULL;
	}
	for (i = 0; i < MR_OP_MAX; i++)
		work->operations += sum.ops[i];
	work->holds = sum.cpu.holds;
}

/* A process that was named by its number has no row in the report that says how it was called. */
static char *read_args(const struct top *t, pid_t pid)
{
	struct identity id;
	char *args = NULL;

	if (watch_roster(t->watch))
		return NULL;
	if (!identity_read(&id, pid)) {
		args = id.args;
		id.args = NULL;
	}
	identity_free(&id);
	return args;
}

static int look(struct top *t, struct look *look)
{
	struct watch *w = t->watch;
	int r = watch_fill_report(w, &look->report);
	size_t i;

	look->nwork = 0;
	look->work = calloc(w->ntargets + 1, sizeof(*look->work));
	look->args = calloc(w->ntargets + 1, sizeof(*look->args));
	if (r || !look->work || !look->args)
		return -ENOMEM;
	for (i = 0; i < w->ntargets; i++) {
		if (!w->targets[i]->attachment && !w->targets[i]->past)
			continue;
		fill_work(&look->work[look->nwork], w->targets[i]);
		look->args[look->nwork] = read_args(t, w->targets[i]->process.pid);
		look->work[look->nwork].args = look->args[look->nwork];
		look->nwork++;
	}
	return 0;
}

static void look_end(struct look *look)
{
	size_t i;

	for (i = 0; look->args && i < look->nwork; i++)
		free(look->args[i]);
	free(look->args);
	free(look->work);
	watch_drop_report(&look->report);
}

/* ---- the screen ---- */

static void write_detail(struct top *t, const struct look *look)
{
	const struct top_row *row = top_table_find(&t->table, t->view.pid, t->view.ended);
	struct top_text text;

	if (!row) { /* it has ended: what was last known of it stays */
		row = top_table_find(&t->table, t->view.pid, true);
		t->view.ended |= row != NULL;
	}
	if (!row || top_detail(&text, row, &look->report, look->work, look->nwork))
		return;
	top_text_free(&t->text);
	t->text = text;
	t->view.lines = text.n;
}

static void draw(struct top *t)
{
	const struct screen_content content = {
		.table = &t->table,
		.view = &t->view,
		.text = &t->text,
		.message = messages_last(),
		.start = t->watch->census ? "No Go process so far." : "",
	};

	t->view.page = screen_page();
	top_view_settle(&t->view, &t->table);
	t->drawn = messages_count();
	screen_draw(&content);
}

static void print_json(struct top *t, const struct look *look)
{
	watch_check_stdout(t->watch,
			   top_json_print(stdout, &t->table, &look->report, look->work, look->nwork,
					  (int64_t)clock_ns(CLOCK_REALTIME)));
}

static void end(struct top *t)
{
	t->watch->enough = true;
	event_base_loopbreak(t->base);
}

/* Brings all up to date and shows it. */
static void refresh_all(struct top *t)
{
	struct look now = {};

	if (look(t, &now) || top_table_update(&t->table, &now.report, now.work, now.nwork)) {
		log_error("out of memory");
	} else if (t->terminal) {
		if (t->view.mode == TOP_PROCESS)
			write_detail(t, &now);
	} else {
		print_json(t, &now);
	}
	look_end(&now);
	if (t->terminal)
		draw(t);
}

/* ---- events ---- */

static void on_time(evutil_socket_t fd, short what, void *ctx)
{
	struct top *t = ctx;

	(void)fd;
	(void)what;
	refresh_all(t);
	if (t->options->count && ++t->done == t->options->count)
		end(t);
}

static void open_process(struct top *t)
{
	struct look now = {};

	top_text_free(&t->text);
	if (!look(t, &now))
		write_detail(t, &now);
	look_end(&now);
}

static void on_keys(evutil_socket_t fd, short what, void *ctx)
{
	enum top_effect effect;
	struct top *t = ctx;
	int key, n = 0;

	(void)fd;
	(void)what;
	while ((key = screen_key()) != -1) {
		n++;
		effect = top_view_key(&t->view, &t->table, key);
		if (effect == TOP_OPENED)
			open_process(t);
		if (effect == TOP_QUIT) {
			end(t);
			return;
		}
	}
	t->vain = n ? 0 : t->vain + 1;
	if (t->vain == READS_IN_VAIN) /* the terminal has gone */
		end(t);
	draw(t);
}

static void on_size(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	screen_resize();
	draw(ctx);
}

static void on_suspend(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	screen_suspend();
	draw(ctx);
}

static void on_quit(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	end(ctx);
}

static int expect(struct top *t, enum top_event which, struct event *event)
{
	t->events[which] = event;
	return event && !event_add(event, NULL) ? 0 : -ENOMEM;
}

/* First the signals: those that nobody has asked for ncurses would take. */
static int open_screen(struct top *t, struct err *err)
{
	int r = expect(t, ON_SIZE, evsignal_new(t->base, SIGWINCH, on_size, t));

	if (!r)
		r = expect(t, ON_SUSPEND, evsignal_new(t->base, SIGTSTP, on_suspend, t));
	if (!r)
		r = expect(t, ON_QUIT, evsignal_new(t->base, SIGQUIT, on_quit, t));
	if (!r)
		r = screen_open(err);
	if (r)
		return r;
	t->open = true;
	t->messages = messages_open();
	if (isatty(STDERR_FILENO))
		log_set_stream(t->messages);
	return expect(t, ON_KEYS,
		      event_new(t->base, screen_input(), EV_READ | EV_PERSIST, on_keys, t));
}

static int on_begin(void *ctx, struct event_base *base)
{
	struct top *t = ctx;
	struct timeval interval = {
		.tv_sec = (time_t)(t->options->interval_ns / 1000000000u),
		.tv_usec = (suseconds_t)(t->options->interval_ns % 1000000000u / 1000),
	};
	struct err err = {};
	int r;

	t->base = base;
	t->events[ON_TIME] = event_new(base, -1, EV_PERSIST, on_time, t);
	r = t->events[ON_TIME] && !event_add(t->events[ON_TIME], &interval) ? 0 : -ENOMEM;
	if (!r && t->terminal)
		r = open_screen(t, &err);
	if (r)
		log_error("%s", err.text[0] ? err.text : err_name(r));
	else if (t->terminal)
		draw(t);
	return r;
}

static void on_race(void *ctx, const struct report_race *race)
{
	const struct report_process *p;
	struct top *t = ctx;

	if (!t->messages)
		return;
	p = watch_roster(t->watch)
		    ? roster_find(watch_roster(t->watch), race->pid, race->first_seen_s)
		    : NULL;
	fprintf(t->messages, "a race was proved in process %u%s", race->pid, p ? ": " : "");
	escape_text(t->messages, p ? p->exe : "");
	fputc('\n', t->messages);
}

/* What is kept of it is in the table. */
static void on_retire(void *ctx, const struct report_race *race, const struct report_target *of)
{
	(void)ctx;
	(void)race;
	(void)of;
}

static void on_tick(void *ctx)
{
	struct top *t = ctx;

	if (t->open && messages_count() != t->drawn)
		draw(t);
}

static void close_screen(struct top *t)
{
	if (t->open)
		screen_close();
	t->open = false;
	log_set_stream(NULL);
	if (t->messages)
		messages_close(t->messages, isatty(STDERR_FILENO) ? stderr : NULL);
	t->messages = NULL;
}

/* Nobody has asked for the end of the table. */
static bool all_have_ended(const struct watch *w)
{
	size_t i, ended = 0;

	for (i = 0; i < w->ntargets; i++)
		ended += w->targets[i]->ended;
	return !w->census && ended == w->ntargets;
}

static void on_end(void *ctx)
{
	struct top *t = ctx;
	bool was_open = t->open;
	size_t i;

	close_screen(t);
	if (was_open && all_have_ended(t->watch))
		log_warn("what was watched has ended");
	for (i = 0; i < TOP_EVENTS; i++) {
		if (t->events[i])
			event_free(t->events[i]);
		t->events[i] = NULL;
	}
}

static const struct watch_hooks hooks = {
	.begin = on_begin,
	.race = on_race,
	.retire = on_retire,
	.tick = on_tick,
	.end = on_end,
};

int top_open(struct top **out, struct watch *w, const struct top_options *options, struct err *err)
{
	bool terminal = isatty(STDOUT_FILENO);
	int r = terminal ? screen_check(err) : 0;
	struct top *t = r ? NULL : calloc(1, sizeof(*t));

	if (!t)
		return r ? r : -ENOMEM;
	t->watch = w;
	t->options = options;
	t->terminal = terminal;
	t->table.sort = options->sort;
	w->hooks = &hooks;
	w->hooks_ctx = t;
	*out = t;
	return 0;
}

void top_close(struct top *t)
{
	if (!t)
		return;
	top_table_free(&t->table);
	top_text_free(&t->text);
	free(t);
}
