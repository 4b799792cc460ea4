/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "probe/calls.h"

#include <string.h>

#include "arch/arch.h"

#define LOOK_NS 1000000000ull
#define PAUSE_NS \
	100000000ull /* each change is a link more, which takes the kernel its time to let go */
#define HOT_HZ 2000  /* hits a second; at half a microsecond more each: a thousandth of a CPU */
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
		if (c->sites[i].ip == ip)
			return &c->sites[i];
	return NULL;
}

void calls_want(struct calls *c, const struct go_binary *bin, const struct hook *hook,
		uint64_t bias, uint64_t ret, uint8_t file, uint8_t slot)
{
	const struct elf_file *elf = go_binary_elf(bin);
	struct calls_site s = {.link = {.file = file, .slot = slot}};
	uint64_t at = ret - bias - ARCH_CALL_LEN, offset;
	uint8_t code[ARCH_CALL_LEN];

	s.ip = ret - ARCH_CALL_LEN;
	if (find(c, s.ip))
		return;
	if (c->count == LINKS_CALLS || elf_file_read(elf, at, code, sizeof(code)) ||
	    arch_call_target(code, ret - bias) != hook->entry ||
	    elf_file_offset(elf, at, &offset)) {
		c->bare++;
		return;
	}
	s.link.offset = offset;
	c->sites[c->count++] = s;
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
		if (c->looked_ns && (double)(m->hits - s->hits) > HOT_HZ * elapsed)
			change->less[change->nless++] = s->link;
		s->hits = m->hits;
	}
	c->looked_ns = now_ns;
}

bool calls_change(struct calls *c, uint64_t now_ns, struct links_calls *change)
{
	size_t i;

	memset(change, 0, sizeof(*change));
	if (c->changed_ns && now_ns - c->changed_ns < PAUSE_NS)
		return false;
	find_hot(c, now_ns, change);
	for (i = 0; i < c->count && change->nmore < BATCH; i++) {
		struct calls_site *s = &c->sites[i];
		struct mr_call *m;

		if (s->state != CALLS_WANTED)
			continue;
		m = free_place(c, s->ip);
		if (!m) {
			s->state = CALLS_HOT;
			c->bare++;
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

		if (done && is_in(change->more, change->nmore, &s->link)) {
			s->state = CALLS_PROBED;
		} else if (is_in(change->less, change->nless, &s->link) ||
			   is_in(change->more, change->nmore, &s->link)) {
			m = place_of(c, s->ip);
			if (m)
				m->ip = 0;
			s->state = CALLS_HOT;
			c->bare++;
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
