/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "snapshot/core_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/clock.h"
#include "process/cgroup.h"
#include "process/live_reader.h"
#include "process/proc_text.h"

#define PAGE 4096u
#define WINDOW 512u		  /* pages whose state is asked for at once */
#define PIECE (1u << 20)	  /* read at once: a fraction of a millisecond */
#define PIECE_SWAPPED (64u << 10) /* each page may have to be fetched */
#define MOST_ROOM (4ull << 30)	  /* of ours */
#define MOST_PER_NS 8		  /* bytes: no machine copies faster */
#define MIN_ROOM (16u << 20)	  /* for what comes meanwhile */
#define MOST_AREA (64ull << 30)	  /* more is address space in reserve: sanitizers have terabytes */
#define MOST_PAGES (1ull << 32)	  /* 16 TiB: a bit each, in memory that is not touched */
#define STACK_PART (256u << 10)	  /* of a thread's stack, at first */
#define RED_ZONE 128		  /* below the stack pointer: System V ABI, amd64 */
#define MARGIN_NS 1000000	  /* to let all go */
#define PM_FILE (UINT64_C(1) << 61) /* Linux, Documentation/admin-guide/mm/pagemap.rst */
#define PM_SWAPPED (UINT64_C(1) << 62)
#define PM_PRESENT (UINT64_C(1) << 63)

enum area_kind {
	AREA_NONE,    /* left out */
	AREA_FILE,    /* of a file, not to be written: only pages that were changed */
	AREA_DATA,    /* of a file, private, to be written; what is zero behind it (.bss); [vdso] */
	AREA_PRIVATE, /* anonymous: what was never touched is zero */
	AREA_SHARED,  /* with other processes, and in no file */
};

struct core_area {
	const struct mapping *at;
	enum area_kind kind;
	bool huge;	/* only what is asked for by its address */
	uint64_t *done; /* a bit for each page */
};

static bool ends_in(const char *text, const char *end)
{
	size_t n = strlen(text), len = strlen(end);

	return n >= len && !strcmp(text + n - len, end);
}

/* Of the others with a name in brackets ([vdso]) the kernel has the contents. */
static bool is_plain(const struct mapping *m)
{
	return !m->path[0] || !strncmp(m->path, "[heap]", 6) || !strncmp(m->path, "[stack", 6) ||
	       !strncmp(m->path, "[anon:", 6);
}

static enum area_kind kind_of(const struct mapping *m, const struct mapping *before)
{
	if (!m->readable || !strncmp(m->path, "[vvar", 5) || !strcmp(m->path, "[vsyscall]"))
		return AREA_NONE;
	if (m->shared)
		return ends_in(m->path, " (deleted)") ? AREA_SHARED : AREA_NONE;
	if (mapping_has_file(m))
		return m->writable ? AREA_DATA : AREA_FILE;
	if (!is_plain(m))
		return AREA_DATA;
	return !m->path[0] && before && before->end == m->start && before->writable &&
			       !before->shared && mapping_has_file(before)
		       ? AREA_DATA
		       : AREA_PRIVATE;
}

static uint64_t pages_of(const struct core_area *a)
{
	return (a->at->end - a->at->start) / PAGE;
}

static bool is_done(const struct core_area *a, uint64_t page)
{
	return a->done[page / 64] >> page % 64 & 1;
}

static int make_areas(struct core_memory *m)
{
	uint64_t pages = 0;
	size_t i;

	m->areas = calloc(m->mappings.n ? m->mappings.n : 1, sizeof(*m->areas));
	if (!m->areas)
		return -ENOMEM;
	for (i = 0; i < m->mappings.n; i++) {
		const struct mapping *at = &m->mappings.list[i];
		struct core_area *a = &m->areas[i];

		*a = (struct core_area){.at = at, .kind = kind_of(at, i ? at - 1 : NULL)};
		if (a->kind == AREA_NONE)
			continue;
		a->huge = at->end - at->start > MOST_AREA;
		m->huge += a->huge;
		pages += pages_of(a);
		if (pages > MOST_PAGES)
			continue;
		if (a->kind != AREA_FILE && !a->huge)
			m->of += at->end - at->start;
		a->done = calloc(pages_of(a) / 64 + 1, sizeof(*a->done));
		if (!a->done)
			return -ENOMEM;
	}
	return 0;
}

/* The one that address is in; NULL: none that is taken. */
static struct core_area *area_at(const struct core_memory *m, uint64_t addr)
{
	size_t lo = 0, hi = m->mappings.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (m->mappings.list[mid].end <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < m->mappings.n && m->mappings.list[lo].start <= addr && m->areas[lo].done
		       ? &m->areas[lo]
		       : NULL;
}

static void add_piece(struct core_memory *m, struct core_area *a, uint64_t addr, uint64_t len,
		      const uint8_t *data)
{
	struct core_piece *last = m->npieces ? &m->pieces[m->npieces - 1] : NULL, *grown;
	uint64_t page;

	if (last && addr != a->at->start && last->addr + last->len == addr &&
	    !data == !last->data && (!data || last->data + last->len == data)) {
		last->len += len;
	} else {
		if (!m->pieces || m->npieces == m->room_pieces) {
			size_t room = m->room_pieces ? 2 * m->room_pieces : 4096;

			grown = reallocarray(m->pieces, room, sizeof(*grown));
			if (!grown) {
				m->failed = -ENOMEM;
				return;
			}
			m->pieces = grown;
			m->room_pieces = room;
		}
		m->pieces[m->npieces++] = (struct core_piece){addr, len, data};
	}
	for (page = (addr - a->at->start) / PAGE; len; page++, len -= PAGE) {
		a->done[page / 64] |= UINT64_C(1) << page % 64;
		m->taken += PAGE;
		m->of += a->kind == AREA_FILE || a->huge ? PAGE : 0;
	}
}

static bool is_over(struct core_memory *m)
{
	m->late |= clock_ns(CLOCK_MONOTONIC) + MARGIN_NS >= m->until_ns;
	return m->late || m->full || m->failed;
}

/* Pages that are there, into our room. */
static void read_run(struct core_memory *m, struct core_area *a, uint64_t addr, uint64_t len,
		     size_t most)
{
	while (len && !is_over(m)) {
		size_t n = len < most ? (size_t)len : most;
		struct iovec to = {m->room + m->used, n}, from = {(void *)(uintptr_t)addr, n};
		ssize_t got;

		if (m->size - m->used < n) {
			m->full = true;
			return;
		}
		got = process_vm_readv(m->pid, &to, 1, &from, 1, 0);
		if (got < 0 && errno != EFAULT) {
			m->failed = -errno;
			return;
		}
		n = got > 0 ? (size_t)got & ~(size_t)(PAGE - 1) : 0;
		if (n) {
			add_piece(m, a, addr, n, m->room + m->used);
			m->used += n;
		} else { /* of a device, say */
			n = PAGE;
			m->refused += n;
		}
		addr += n;
		len -= n;
	}
}

/* Pages that the kernel does not have at hand, and that somebody may keep from coming
 * (userfaultfd, a file system that does not answer): as long as none has been waited for in vain. */
static void read_absent(struct core_memory *m, struct core_area *a, uint64_t addr, uint64_t len)
{
	uint64_t end = addr + len, from, now;
	uint8_t piece[LIVE_PAGES * PAGE];
	uint32_t pages, i;
	int r;

	for (; addr < end && !is_over(m) && !m->absent; addr = from + sizeof(piece)) {
		from = addr / sizeof(piece) * sizeof(piece);
		now = clock_ns(CLOCK_MONOTONIC);
		r = live_read_pages(m->pid, from, piece, &pages,
				    m->until_ns > now ? (m->until_ns - now) / 4 : 0);
		m->absent = r == -ETIME;
		for (i = 0; i < LIVE_PAGES && !r; i++) {
			uint64_t page = from + i * PAGE;

			if (page < addr || page >= end)
				continue;
			if (m->size - m->used < PAGE) {
				m->full = true;
				return;
			}
			if (!(pages & 1u << i)) {
				m->refused += PAGE;
				continue;
			}
			memcpy(m->room + m->used, piece + i * PAGE, PAGE);
			add_piece(m, a, page, PAGE, m->room + m->used);
			m->used += PAGE;
		}
	}
}

enum page_state { PAGE_DONE, PAGE_LATER, PAGE_ZERO, PAGE_THERE, PAGE_ABSENT };

static enum page_state state_of(const struct core_memory *m, const struct core_area *a,
				uint64_t page, uint64_t entry, bool swapped)
{
	if (is_done(a, page))
		return PAGE_DONE;
	if (m->pagemap < 0) /* then what was changed of a file cannot be told */
		return a->kind == AREA_FILE ? PAGE_LATER : PAGE_THERE;
	if (swapped || entry & PM_SWAPPED)
		return swapped && entry & PM_SWAPPED ? PAGE_THERE : PAGE_LATER;
	if (a->kind == AREA_PRIVATE && !(entry & PM_PRESENT))
		return PAGE_ZERO;
	if (a->kind == AREA_FILE && (!(entry & PM_PRESENT) || entry & PM_FILE))
		return PAGE_LATER;
	return entry & PM_PRESENT ? PAGE_THERE : PAGE_ABSENT;
}

/* n pages from that one of the area on, at most WINDOW. */
static void take_window(struct core_memory *m, struct core_area *a, uint64_t first, uint64_t n,
			bool swapped)
{
	uint64_t entries[WINDOW] = {0}, from, to, addr;
	enum page_state state;

	if (m->pagemap >= 0 &&
	    pread(m->pagemap, entries, n * 8, (off_t)((a->at->start / PAGE + first) * 8)) !=
		    (ssize_t)(n * 8))
		return;
	for (from = 0; from < n; from = to) {
		state = state_of(m, a, first + from, entries[from], swapped);
		for (to = from + 1;
		     to < n && state_of(m, a, first + to, entries[to], swapped) == state;)
			to++;
		addr = a->at->start + (first + from) * PAGE;
		if (state == PAGE_ZERO)
			add_piece(m, a, addr, (to - from) * PAGE, NULL);
		else if (state == PAGE_ABSENT)
			read_absent(m, a, addr, (to - from) * PAGE);
		else if (state == PAGE_THERE)
			read_run(m, a, addr, (to - from) * PAGE, swapped ? PIECE_SWAPPED : PIECE);
	}
}

/* What is not done yet of [start, end), as far as it is in the area. */
static void take_part(struct core_memory *m, struct core_area *a, uint64_t start, uint64_t end,
		      bool swapped)
{
	uint64_t page, last;

	start = start > a->at->start ? start : a->at->start;
	end = end < a->at->end ? end : a->at->end;
	if (!a->done || start >= end)
		return;
	last = (end - a->at->start + PAGE - 1) / PAGE;
	for (page = (start - a->at->start) / PAGE; page < last && !is_over(m); page += WINDOW)
		take_window(m, a, page, last - page < WINDOW ? last - page : WINDOW, swapped);
}

static void take_around(struct core_memory *m, uint64_t addr, uint64_t before, uint64_t after)
{
	struct core_area *a = area_at(m, addr);

	if (a)
		take_part(m, a, addr > before ? addr - before : 0, addr + after, false);
}

/* What is read already. It may reach across the mappings' ends. */
static void adopt(void *arg, uint64_t addr, const void *data, size_t len)
{
	struct core_memory *m = arg;
	const uint8_t *from = data;
	struct core_area *a = NULL;

	for (; len; addr += PAGE, from += PAGE, len -= PAGE) {
		if (!a || addr >= a->at->end)
			a = area_at(m, addr);
		/* what a file has anyhow is not said to be of the process's own */
		if (a && a->kind != AREA_FILE && !m->failed &&
		    !is_done(a, (addr - a->at->start) / PAGE))
			add_piece(m, a, addr, PAGE, from);
	}
}

/* Debuggers know a file by its build id, which they look for from its first page on. */
static void take_file_headers(struct core_memory *m)
{
	size_t i;

	for (i = 0; i < m->mappings.n && !is_over(m); i++) {
		struct core_area *a = &m->areas[i];

		if (a->kind == AREA_FILE && a->done && !a->at->offset && !is_done(a, 0))
			read_absent(m, a, a->at->start, PAGE);
	}
}

static int by_kind_and_size(const void *x, const void *y)
{
	const struct core_area *a = *(struct core_area *const *)x;
	const struct core_area *b = *(struct core_area *const *)y;
	uint64_t na = a->at->end - a->at->start, nb = b->at->end - b->at->start;

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (na != nb)
		return na < nb ? -1 : 1;
	return a->at->start < b->at->start ? -1 : a->at->start > b->at->start;
}

/* Swapped: what was left out the first time. */
static void take_all(struct core_memory *m, struct core_area **order, bool swapped)
{
	size_t i;

	for (i = 0; i < m->mappings.n && !is_over(m); i++)
		if (!order[i]->huge)
			take_part(m, order[i], order[i]->at->start, order[i]->at->end, swapped);
}

static void take_in_order(struct core_memory *m, const struct freeze *freeze)
{
	struct core_area **order = calloc(m->mappings.n ? m->mappings.n : 1, sizeof(*order));
	size_t i;

	if (!order) {
		m->failed = -ENOMEM;
		return;
	}
	for (i = 0; i < freeze->n && !is_over(m); i++) {
		const struct frozen_thread *t = &freeze->threads[i];

		if (!t->known)
			continue;
		take_around(m, t->regs.rsp, RED_ZONE, STACK_PART);
		take_around(m, t->regs.fs_base, PAGE, PAGE); /* what Go and C keep of a thread */
	}
	take_file_headers(m);
	for (i = 0; i < m->mappings.n; i++)
		order[i] = &m->areas[i];
	qsort(order, m->mappings.n, sizeof(struct core_area *), by_kind_and_size);
	take_all(m, order, false);
	if (m->pagemap >= 0)
		take_all(m, order, true);
	free(order);
}

int core_memory_take(struct core_memory *m, const struct freeze *freeze, const struct memory *kept,
		     uint64_t until_ns)
{
	char path[64];
	int r;

	m->until_ns = until_ns;
	r = mappings_read(&m->mappings, m->pid, until_ns);
	if (!r)
		r = make_areas(m);
	if (r)
		return r;
	snprintf(path, sizeof(path), "/proc/%d/pagemap", (int)m->pid);
	m->pagemap = open(path, O_RDONLY | O_CLOEXEC);
	if (kept)
		memory_each_kept(kept, adopt, m);
	take_in_order(m, freeze);
	if (m->pagemap >= 0)
		close(m->pagemap);
	return m->failed;
}

/* "RssAnon:	  123 kB" in bytes; 0: there is no such line. */
static uint64_t line_of(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? strtoull(at + strlen(name), NULL, 10) << 10 : 0;
}

static uint64_t line_in(const char *path, const char *name)
{
	char line[256];
	uint64_t n = 0;
	FILE *f = fopen(path, "re");

	while (f && !n && fgets(line, sizeof(line), f))
		n = line_of(line, name);
	if (f)
		fclose(f);
	return n;
}

/* Neither the machine nor the container is to run short of memory because of us. */
static uint64_t affordable(void)
{
	uint64_t free_now = line_in("/proc/meminfo", "MemAvailable:");
	uint64_t left = cgroup_memory_left("", getpid());

	return (left < free_now ? left : free_now) / 2;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

int core_memory_init(struct core_memory *m, pid_t pid, uint64_t max_ns, bool touched)
{
	uint64_t size;
	size_t len;
	char *status = proc_text(pid, "status", 16384, &len);
	void *room;

	*m = (struct core_memory){.pid = pid, .pagemap = -1};
	if (!status)
		return -ENOMEM;
	size = line_of(status, "RssAnon:") + line_of(status, "RssShmem:") +
	       line_of(status, "VmSwap:");
	free(status);
	size = least(size + size / 8 + MIN_ROOM, MOST_ROOM);
	size = least(size, max_ns < MOST_ROOM ? max_ns * MOST_PER_NS : MOST_ROOM);
	size = least(size, affordable()) & ~(uint64_t)(PAGE - 1);
	if (!size)
		return -ENOMEM;
	room = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (room == MAP_FAILED)
		return -ENOMEM;
	/* pages of ours that are there already take a fraction of the time later */
	madvise(room, size, MADV_HUGEPAGE);
	if (touched)
		memset(room, 0, size);
	m->room = room;
	m->size = size;
	return 0;
}

static int by_address(const void *x, const void *y)
{
	const struct core_piece *a = x, *b = y;

	return a->addr < b->addr ? -1 : a->addr > b->addr;
}

void core_memory_finish(struct core_memory *m)
{
	qsort(m->pieces, m->npieces, sizeof(*m->pieces), by_address);
}

void core_memory_free(struct core_memory *m)
{
	size_t i;

	for (i = 0; m->areas && i < m->mappings.n; i++)
		free(m->areas[i].done);
	free(m->areas);
	free(m->pieces);
	mappings_free(&m->mappings);
	if (m->room)
		munmap(m->room, m->size);
	*m = (struct core_memory){.pagemap = -1};
}
