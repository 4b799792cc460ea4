/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "probe/calls.h"

#include <string.h>

#include "arch/arch.h"

#define LOOK_NS 1000000000ull
#define PAUSE_NS \
	100000000ull	 /* each change is a link more, which takes the kernel its time to let go */
#define HOT_HZ 2000	 /* hits a second; at half a microsecond more each: a thousandth of a CPU */
#define COLD_HZ 200	 /* likewise, where 256 may be in place at all times */
#define COLD_SOON 50	 /* of them at a time */
#define COLD_ALL_HZ 4000 /* of all together; with more, those with the most go */
#define IDLE_NS 10000000000ull /* a cold one that nobody has come from makes way for others */
#define BATCH (sizeof(((struct links_calls *)0)->more) / sizeof(struct links_call))

static struct mr_call *free_place(const struct calls *c, uint64_t ip)
{
	uint32_t place = mr_call_slot(c->tgid, ip), i;

	for (i = 0; i < MR_CALL_STEPS; i++) {
		struct mr_call *m = &c->table[(place + i) & (MR_CALL_SLOTS - 1)];

		if (!m->ip)
			return m;
	}
	return NULL;
}

static struct mr_call *place_of(const struct calls *c, uint64_t ip)
{
	uint32_t place = mr_call_slot(c->tgid, ip), i;

	for (i = 0; i < MR_CALL_STEPS; i++) {
		struct mr_call *m = &c->table[(place + i) & (MR_CALL_SLOTS - 1)];

		if (m->ip == ip && m->tgid == c->tgid && m->tag == c->tag)
			return m;
	}
	return NULL;
}

static struct calls_site *find(struct calls *c, uint64_t ip)
{
	size_t i;

	for (i = 0; i < c->count; i++)
		if (c->sites[i].ip == ip && c->sites[i].state != CALLS_NONE)
			return &c->sites[i];
	return NULL;
}

/* One that is free. */
static struct calls_site *new_site(struct calls *c)
{
	size_t i;

	for (i = 0; i < c->count; i++)
		if (c->sites[i].state == CALLS_NONE)
			return &c->sites[i];
	return c->count < LINKS_CALLS ? &c->sites[c->count++] : NULL;
}

static bool asked_for_enough(const struct calls *c)
{
	size_t i, n = 0;

	for (i = 0; i < c->count; i++)
		n += c->sites[i].state != CALLS_NONE && !c->sites[i].link.stays;
	return n >= CALLS_ASKED;
}

void calls_want(struct calls *c, const struct go_binary *bin, const struct hook *hook,
		uint64_t bias, uint64_t ret, uint8_t file, uint8_t slot)
{
	const struct elf_file *elf = go_binary_elf(bin);
	uint64_t at = ret - bias - ARCH_CALL_LEN, offset;
	uint8_t code[ARCH_CALL_LEN];
	struct calls_site *s;

	s = find(c, ret - ARCH_CALL_LEN);
	if (s) {
		s->asked = true;
		return;
	}
	s = asked_for_enough(c) || elf_file_read(elf, at, code, sizeof(code)) ||
			    arch_call_target(code, ret - bias) != hook->entry ||
			    elf_file_offset(elf, at, &offset)
		    ? NULL
		    : new_site(c);
	if (!s) {
		c->bare++;
		return;
	}
	*s = (struct calls_site){.link = {.offset = offset, .file = file, .slot = slot},
				 .ip = ret - ARCH_CALL_LEN,
				 .state = CALLS_WANTED};
}

static bool was_hot(const struct calls *c, uint64_t ip)
{
	size_t i;

	for (i = 0; i < c->nhot; i++)
		if (c->hot[i] == ip)
			return true;
	return c->nhot == CALLS_COLD; /* too many are: nobody knows of the others */
}

bool calls_want_cold(struct calls *c, uint64_t ip, const struct links_call *link, uint64_t now_ns)
{
	struct calls_site *s;

	if (c->cold == CALLS_COLD || find(c, ip) || was_hot(c, ip))
		return false;
	s = new_site(c);
	if (!s)
		return false;
	*s = (struct calls_site){
		.link = *link, .ip = ip, .since_ns = now_ns, .state = CALLS_WANTED};
	s->link.stays = true;
	c->cold++;
	return true;
}

/* It is not cold, or not needed as such any more. */
static void let_go(struct calls *c, struct calls_site *s)
{
	s->state = s->asked ? CALLS_WANTED : CALLS_NONE;
	s->link.stays = false;
	c->cold--;
}

static uint32_t new_hits(const struct calls_site *s, const struct mr_call *m)
{
	return m->hits - s->hits;
}

/* Whether a cold one is to go. hot: the hits since the last look that are too many. */
static bool makes_way(struct calls *c, struct calls_site *s, uint32_t hits, double hot,
		      uint64_t now_ns)
{
	if (hits)
		s->since_ns = now_ns;
	if ((double)hits > hot) {
		if (c->nhot < CALLS_COLD)
			c->hot[c->nhot++] = s->ip;
		return true;
	}
	return c->others && !s->asked && now_ns - s->since_ns > IDLE_NS;
}

/* Soon: one that is hot after all costs as much as the function's own probe. */
static void find_not_cold(struct calls *c, uint64_t now_ns, struct links_calls *change)
{
	double elapsed = c->looked_ns ? (double)(now_ns - c->looked_ns) / 1e9 : 0, all = 0;
	double hot = COLD_HZ * elapsed + COLD_SOON;
	const struct mr_call *m[LINKS_CALLS] = {};
	size_t i;

	for (i = 0; i < c->count; i++) {
		if (c->sites[i].link.stays && c->sites[i].state == CALLS_PROBED)
			m[i] = place_of(c, c->sites[i].ip);
		all += m[i] ? new_hits(&c->sites[i], m[i]) : 0;
	}
	if (all > COLD_ALL_HZ * elapsed + COLD_ALL_HZ)
		hot /= 4;
	for (i = 0; i < c->count && change->nless < BATCH; i++)
		if (m[i] && makes_way(c, &c->sites[i], new_hits(&c->sites[i], m[i]), hot, now_ns))
			change->less[change->nless++] = c->sites[i].link;
}

/* Those that are too busy are given up for good. */
static void find_hot(struct calls *c, uint64_t now_ns, struct links_calls *change)
{
	double elapsed = (double)(now_ns - c->looked_ns) / 1e9;
	size_t i;

	if (now_ns - c->looked_ns < LOOK_NS)
		return;
	for (i = 0; i < c->count && change->nless < BATCH; i++) {
		struct calls_site *s = &c->sites[i];
		const struct mr_call *m = s->state == CALLS_PROBED ? place_of(c, s->ip) : NULL;

		if (!m)
			continue;
		if (c->looked_ns && !s->link.stays &&
		    (double)(m->hits - s->hits) > HOT_HZ * elapsed)
			change->less[change->nless++] = s->link;
		s->hits = m->hits;
	}
	c->looked_ns = now_ns;
}

static void give_up(struct calls *c, struct calls_site *s)
{
	if (s->link.stays) {
		let_go(c, s);
		return;
	}
	s->state = CALLS_HOT;
	c->bare++;
}

bool calls_change(struct calls *c, uint64_t now_ns, struct links_calls *change)
{
	size_t i;

	memset(change, 0, sizeof(*change));
	if (c->changed_ns && now_ns - c->changed_ns < PAUSE_NS)
		return false;
	find_not_cold(c, now_ns, change);
	find_hot(c, now_ns, change);
	for (i = 0; i < c->count && change->nmore < BATCH; i++) {
		struct calls_site *s = &c->sites[i];
		struct mr_call *m;

		if (s->state != CALLS_WANTED)
			continue;
		m = free_place(c, s->ip);
		if (!m) {
			give_up(c, s);
			continue;
		}
		m->tgid = c->tgid;
		m->tag = c->tag;
		m->slot = s->link.slot;
		m->hits = s->hits = 0;
		/* last: the engine may be looking already */
		__atomic_store_n(&m->ip, s->ip, __ATOMIC_RELEASE);
		change->more[change->nmore++] = s->link;
	}
	if (!change->nmore && !change->nless)
		return false;
	c->changed_ns = now_ns;
	return true;
}

static bool is_in(const struct links_call *list, size_t n, const struct links_call *l)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (list[i].offset == l->offset && list[i].file == l->file)
			return true;
	return false;
}

void calls_changed(struct calls *c, const struct links_calls *change, bool done)
{
	struct mr_call *m;
	size_t i;

	for (i = 0; i < c->count; i++) {
		struct calls_site *s = &c->sites[i];

		if (s->state == CALLS_NONE)
			continue;
		if (done && is_in(change->more, change->nmore, &s->link)) {
			s->state = CALLS_PROBED;
		} else if (is_in(change->less, change->nless, &s->link) ||
			   is_in(change->more, change->nmore, &s->link)) {
			m = place_of(c, s->ip);
			if (m)
				m->ip = 0;
			give_up(c, s);
		}
	}
}

void calls_forget(struct calls *c)
{
	size_t i;

	for (i = 0; i < c->count; i++) {
		struct mr_call *m = place_of(c, c->sites[i].ip);

		if (m)
			m->ip = 0;
	}
}
