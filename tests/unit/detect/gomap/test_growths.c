/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Events of growing maps in, the report's growths out; the process they are of is this one. */
#include <unistd.h>

#include "fixture.h"
#include "detect/gomap/growths.h"

#define START 5000000000ull
#define MAP 0xc000123000ull

struct world {
	struct growths *all;
	struct process process;
	struct tracker_source source;
	struct mr_event_growth e;
	uint64_t pc;
};

static void world_open(struct world *w, const char *version)
{
	struct err err = {.text = ""};
	struct go_func f;

	memset(w, 0, sizeof(*w));
	w->all = growths_new(START);
	assert_non_null(w->all);
	assert_int_equal(process_open(&w->process, getpid(), &err), 0);
	w->source.resolver = (struct resolver){
		.bin = fixture_open(version), .process = &w->process, .start_ns = START};
	assert_int_equal(go_binary_func_at(w->source.resolver.bin, 100, &f), 0);
	w->pc = f.entry + 1;
}

static void world_close(struct world *w)
{
	growths_free(w->all);
	go_binary_close((struct go_binary *)w->source.resolver.bin);
	process_close(&w->process);
}

/* The next event is of this goroutine, map and growth. */
static struct mr_grower *who(struct world *w, uint64_t goid, uint64_t map, uint64_t id)
{
	struct mr_grower *g = &w->e.who;

	memset(&w->e, 0, sizeof(w->e));
	w->e.header.kind = MR_EVENT_GROWTH;
	w->e.header.size = sizeof(w->e);
	w->e.header_size = 48;
	g->g = goid << 12;
	g->map = map;
	g->id = id;
	g->op = MR_OP_GROW;
	g->steps = 1;
	g->header_size = 48;
	g->access.goid = goid;
	g->access.time_ns = id;
	g->access.nframes = 1;
	g->access.pcs[0] = w->pc;
	g->access.op = MR_OP_WRITE;
	return g;
}

static void send(struct world *w, uint32_t what, uint64_t time_ns)
{
	w->e.what = what;
	w->e.header.time_ns = time_ns;
	assert_int_equal(growths_event(w->all, &w->source, &w->e, sizeof(w->e)), 0);
}

static void lend(struct world *w, struct report *report)
{
	memset(report, 0, sizeof(*report));
	assert_int_equal(growths_lend(w->all, report), 0);
	assert_true(report->growth);
}

static void a_classic_growth(void **state)
{
	const struct report_growth *g;
	struct report report;
	struct world w;

	(void)state;
	world_open(&w, "1.23");
	who(&w, 7, MAP, START + 1000000000)->header[9] = 4;
	w.e.who.header[0] = 105;
	w.e.who.busy_ns = 500;
	w.e.after[9] = 5;
	send(&w, MR_GROWTH_BEGAN | MR_GROWTH_PAID, START + 1000001000);
	who(&w, 8, MAP, START + 1000000000)->header[9] = 5;
	w.e.who.busy_ns = 2000;
	w.e.who.steps = 9;
	send(&w, MR_GROWTH_PAID, START + 2000000000);
	who(&w, 3, MAP, START + 1000000000)->access.nframes = 0;
	send(&w, MR_GROWTH_ENDED, START + 3000000000);
	who(&w, 7, MAP, START + 1000000000)->busy_ns = 1000;
	w.e.who.steps = 8;
	send(&w, MR_GROWTH_PAID, START + 3100000000);
	/* it did other work, and came back */
	who(&w, 7, MAP, START + 1000000000)->access.time_ns++;
	w.e.who.steps = 3;
	send(&w, MR_GROWTH_PAID, START + 3200000000);
	/* late news of the spell before, as after a report that had read past it: nothing new */
	who(&w, 7, MAP, START + 1000000000);
	w.e.who.busy_ns = 1000;
	w.e.who.steps = 8;
	send(&w, MR_GROWTH_PAID, START + 3210000000);
	who(&w, 9, MAP, START + 1000000000)->op = MR_OP_ITERATE;
	w.e.since_ns = START + 500000000;
	w.e.who.access.op = MR_OP_ITERATE;
	send(&w, MR_GROWTH_ITERATOR, START + 1500000000);
	lend(&w, &report);
	assert_int_equal(report.ngrowths, 1);
	g = &report.growths[0];
	assert_int_equal(g->kind, REPORT_GROWTH_DOUBLE);
	assert_int_equal(g->from, 16);
	assert_int_equal(g->to, 32);
	assert_int_equal(g->map.len, 105);
	assert_int_equal(g->map.buckets, 16);
	assert_true(g->began_s > 0.999 && g->began_s < 1.001);
	assert_true(g->ended_s > 2.999 && g->ended_s < 3.001);
	assert_int_equal(g->npayers, 2);
	assert_int_equal(g->payers[0].access.goroutine, 7);
	assert_int_equal(g->payers[0].steps, 11);
	assert_int_equal(g->payers[1].steps, 9);
	assert_int_equal(g->steps, 20);
	assert_int_equal(g->busy_ns, 3000);
	assert_int_equal(g->niterators, 1);
	assert_int_equal(g->iterators[0].access.goroutine, 9);
	assert_true(g->iterators[0].since_s > 0.499 && g->iterators[0].since_s < 0.501);
	free(report.growths);
	/* told again it is the same, and what came meanwhile is there */
	who(&w, 10, MAP, START + 1000000000);
	send(&w, MR_GROWTH_PAID, START + 3100000000);
	lend(&w, &report);
	assert_int_equal(report.ngrowths, 1);
	assert_int_equal(report.growths[0].npayers, 3);
	free(report.growths);
	world_close(&w);
}

static void sizes_of_one_that_was_under_way(void **state)
{
	struct report report;
	struct world w;

	(void)state;
	world_open(&w, "1.19");
	who(&w, 7, MAP, START + 5)->flags = MR_GROWTH_LATE;
	w.e.who.header[9] = 6;
	send(&w, MR_GROWTH_PAID | MR_GROWTH_LATE, START + 6);
	who(&w, 7, MAP, START + 9)->flags = MR_GROWTH_LATE;
	w.e.who.header[9] = 6;
	w.e.who.header[8] = 8;
	send(&w, MR_GROWTH_PAID | MR_GROWTH_LATE, START + 10);
	lend(&w, &report);
	assert_int_equal(report.ngrowths, 2);
	assert_true(report.growths[0].began_s < 0 && report.growths[0].ended_s < 0);
	assert_int_equal(report.growths[0].from, 32);
	assert_int_equal(report.growths[0].to, 64);
	assert_int_equal(report.growths[1].kind, REPORT_GROWTH_SAME_SIZE);
	assert_int_equal(report.growths[1].from, 64);
	free(report.growths);
	world_close(&w);
}

static void swiss_tables(void **state)
{
	struct report report;
	struct world w;

	(void)state;
	world_open(&w, "1.27");
	who(&w, 7, MAP, START + 1)->op = MR_OP_TABLE;
	send(&w, MR_GROWTH_BEGAN | MR_GROWTH_PAID | MR_GROWTH_ENDED, START + 2);
	who(&w, 7, MAP, START + 3)->table[3] = 2; /* capacity 512 */
	send(&w, MR_GROWTH_BEGAN | MR_GROWTH_PAID | MR_GROWTH_ENDED, START + 4);
	who(&w, 7, MAP, START + 5)->table[3] = 4;
	send(&w, MR_GROWTH_BEGAN | MR_GROWTH_PAID | MR_GROWTH_ENDED, START + 6);
	lend(&w, &report);
	assert_int_equal(report.ngrowths, 3);
	assert_int_equal(report.growths[0].kind, REPORT_GROWTH_TABLE);
	assert_int_equal(report.growths[0].to, 16);
	assert_int_equal(report.growths[1].kind, REPORT_GROWTH_DOUBLE);
	assert_int_equal(report.growths[1].from, 512);
	assert_int_equal(report.growths[1].to, 1024);
	assert_int_equal(report.growths[2].kind, REPORT_GROWTH_SPLIT);
	assert_true(report.growths[2].map.swiss);
	free(report.growths);
	world_close(&w);
}

static void of_too_many_the_busiest_stay(void **state)
{
	struct report report;
	struct world w;
	uint64_t i;

	(void)state;
	world_open(&w, "1.27");
	for (i = 1; i <= 5000; i++) {
		who(&w, 7, MAP, START + i)->busy_ns = i * 7919 % 5003; /* each once */
		send(&w, MR_GROWTH_BEGAN | MR_GROWTH_PAID | MR_GROWTH_ENDED, START + i);
	}
	lend(&w, &report);
	assert_in_range(report.ngrowths, 200, 400);
	assert_int_equal(w.source.dropped_growths, 5000 - report.ngrowths);
	for (i = 0; i + 1 < report.ngrowths; i++)
		assert_true(report.growths[i].began_s <= report.growths[i + 1].began_s);
	for (i = 0; i < report.ngrowths && report.growths[i].busy_ns != 5002; i++)
		;
	assert_true(i < report.ngrowths);
	free(report.growths);
	/* one that has just begun is not pushed out by those that are over */
	who(&w, 8, MAP, START + 10000)->header[9] = 4;
	send(&w, MR_GROWTH_BEGAN | MR_GROWTH_PAID, START + 10000);
	for (i = 0; i < 1000; i++) {
		who(&w, 7, MAP, START + 10001 + i)->busy_ns = 100000;
		send(&w, MR_GROWTH_BEGAN | MR_GROWTH_PAID | MR_GROWTH_ENDED, START + 10001 + i);
	}
	lend(&w, &report);
	for (i = 0; i < report.ngrowths && report.growths[i].payers[0].access.goroutine != 8; i++)
		;
	assert_true(i < report.ngrowths);
	free(report.growths);
	world_close(&w);
}

/* Deep stacks, many growths, many payers: the document stays within its bound, and says so. */
static void a_document_of_bounded_size(void **state)
{
	struct report report;
	struct world w;
	uint64_t i, k, n;

	(void)state;
	world_open(&w, "1.23");
	for (i = 1; i < 399; i++)
		for (k = 1; k <= 8; k++) {
			who(&w, k, MAP, START + i)->access.nframes = MR_FRAMES;
			for (n = 0; n < MR_FRAMES; n++)
				w.e.who.access.pcs[n] = w.pc;
			send(&w, MR_GROWTH_PAID, START + i);
			w.e.what = MR_GROWTH_ITERATOR;
			send(&w, MR_GROWTH_ITERATOR, START + i);
		}
	lend(&w, &report);
	assert_true(report.ngrowths < 398);
	assert_int_equal(report.ngrowths + growths_left_out(w.all), 398);
	assert_true(report.growths[0].payers[0].access.truncated);
	free(report.growths);
	world_close(&w);
}

static void more_goroutines_than_are_kept(void **state)
{
	struct report report;
	struct world w;
	uint64_t i;

	(void)state;
	world_open(&w, "1.23");
	for (i = 1; i <= 20; i++) {
		who(&w, i, MAP, START + 1);
		send(&w, MR_GROWTH_PAID, START + 2);
	}
	lend(&w, &report);
	assert_int_equal(report.ngrowths, 1);
	assert_int_equal(report.growths[0].npayers, 8);
	assert_int_equal(w.source.dropped_growths, 12);
	assert_int_equal(report.growths[0].steps, 20); /* of them all */
	free(report.growths);
	world_close(&w);
}

static void what_is_malformed_is_counted(void **state)
{
	struct report report;
	struct world w;

	(void)state;
	world_open(&w, "1.27");
	who(&w, 7, MAP, START + 1);
	assert_int_equal(growths_event(w.all, &w.source, &w.e, sizeof(w.e) - 1), 0);
	w.e.who.access.nframes = MR_FRAMES + 1;
	send(&w, MR_GROWTH_BEGAN, START);
	who(&w, 7, MAP, START + 1)->header_size = MR_HEADER_MAX + 1;
	send(&w, MR_GROWTH_BEGAN, START);
	who(&w, 7, MAP, 0);
	send(&w, MR_GROWTH_BEGAN, START);
	who(&w, 7, MAP, START + 1);
	w.e.header.kind = MR_EVENT_RACE;
	send(&w, MR_GROWTH_BEGAN, START);
	assert_int_equal(w.source.bad_events, 5);
	lend(&w, &report);
	assert_int_equal(report.ngrowths, 0);
	free(report.growths);
	world_close(&w);
}

/* A part that was read while another target's took its place. */
static void of_two_targets_nothing_is_told(void **state)
{
	struct report report;
	struct world w;
	int i;

	(void)state;
	world_open(&w, "1.27");
	for (i = 0; i < 4; i++) {
		struct mr_grower *g = who(&w, 7, mr_tagged(MAP, i == 0 ? 4 : 3), START + 1);

		w.e.header.tag = 3;
		g->g = mr_tagged(g->g, i == 1 ? 4 : 3);
		g->access.g = mr_tagged(g->g, i == 2 ? 4 : 3);
		send(&w, MR_GROWTH_PAID, START + 2);
	}
	assert_int_equal(w.source.bad_events, 3);
	lend(&w, &report);
	assert_int_equal(report.ngrowths, 1);
	free(report.growths);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_classic_growth),
		cmocka_unit_test(sizes_of_one_that_was_under_way),
		cmocka_unit_test(swiss_tables),
		cmocka_unit_test(of_too_many_the_busiest_stay),
		cmocka_unit_test(a_document_of_bounded_size),
		cmocka_unit_test(more_goroutines_than_are_kept),
		cmocka_unit_test(what_is_malformed_is_counted),
		cmocka_unit_test(of_two_targets_nothing_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
