/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "process/memory.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/clock.h"
#include "base/errand.h"
#include "process/elf_reloc.h"
#include "process/live_reader.h"

#define PAGE 4096u
#define CHUNK (LIVE_PAGES * PAGE)
#define CHUNK_PAGES LIVE_PAGES
#define ROOM (CHUNK + 64u) /* a chunk, with what is said of it */
#define PAGE_PRESENT (1ull << 63)
#define PAGE_SWAPPED (1ull << 62)
#define SLOTS (1u << 14) /* chunks that are kept: 1 GiB */
#define MAX_RESERVED (256ull << 20)

/* What was read of the CHUNK bytes at addr: a bit for each page that is there, or did not come. */
struct chunk {
	uint64_t addr;
	uint16_t pages, absent;
	uint8_t data[];
};

struct segment { /* of a core file */
	uint64_t addr, size, offset;
};

struct memory {
	int (*read)(struct memory *m, uint64_t addr, void *buf, size_t len);
	uint64_t until_ns, taken;
	int gone;    /* why nothing can be read any more, whatever address: -ESRCH, -EPERM; 0 */
	pid_t pid;   /* live */
	int fd;	     /* core */
	int pagemap; /* stopped: which of its pages are there; -1: not known */
	bool absent; /* stopped: a page has not come */
	const struct elf_file *elf;
	struct memory_part *parts;
	struct segment *segments;
	size_t n; /* parts, segments */
	struct memory *below;
	struct chunk **chunks; /* by their address: SLOTS of them */
	struct chunk *last;
	size_t kept;
	uint8_t *room; /* that was reserved: ROOM bytes for a chunk */
	size_t room_size, room_used;
};

static struct memory *make(int (*read)(struct memory *, uint64_t, void *, size_t))
{
	struct memory *m = calloc(1, sizeof(*m));

	if (m) {
		m->read = read;
		m->fd = m->pagemap = -1;
	}
	return m;
}

static int read_live(struct memory *m, uint64_t addr, void *buf, size_t len)
{
	int r = live_read(m->pid, addr, buf, len);

	m->taken += r ? 0 : len;
	return r;
}

static int read_stopped(struct memory *m, uint64_t addr, void *buf, size_t len)
{
	int r = live_read_here(m->pid, addr, buf, len);

	m->taken += r ? 0 : len;
	return r;
}

/* Which of a chunk's pages the kernel has, or has put aside (proc(5), pagemap): of the others
 * somebody else says when they come. All of them as far as we know. */
static uint32_t pages_at_hand(const struct memory *m, uint64_t addr)
{
	uint64_t entries[CHUNK_PAGES];
	uint32_t pages = 0, i;

	if (m->pagemap < 0)
		return LIVE_ALL_PAGES;
	if (pread(m->pagemap, entries, sizeof(entries), (off_t)(addr / PAGE * 8)) !=
	    (ssize_t)sizeof(entries))
		return 0;
	for (i = 0; i < CHUNK_PAGES; i++)
		pages |= (uint32_t) !!(entries[i] & (PAGE_PRESENT | PAGE_SWAPPED)) << i;
	return pages;
}

/* Those that do not come are waited for once. */
static int read_absent(struct memory *m, struct chunk *c)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC), left = ERRAND_ANY;
	uint32_t pages = 0;
	int r;

	if (m->absent)
		return -ETIME;
	if (m->until_ns)
		left = m->until_ns > now ? (m->until_ns - now) / 4 : 0;
	r = live_read_pages(m->pid, c->addr, c->data, &pages, left);
	m->absent = r == -ETIME;
	c->pages = (uint16_t)pages;
	m->taken += (uint64_t)__builtin_popcount(pages) * PAGE;
	return r;
}

bool memory_is_absent(const struct memory *m)
{
	return m->below ? m->below->absent : m->absent;
}

static struct memory *make_of(pid_t pid, int (*read)(struct memory *, uint64_t, void *, size_t))
{
	struct memory *m = make(read);

	if (m)
		m->pid = pid;
	return m;
}

struct memory *memory_live(pid_t pid)
{
	return make_of(pid, read_live);
}

struct memory *memory_stopped(pid_t pid)
{
	struct memory *m = make_of(pid, read_stopped);
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/pagemap", (int)pid);
	if (m)
		m->pagemap = open(path, O_RDONLY | O_CLOEXEC);
	return m;
}

static int read_parts(struct memory *m, uint64_t addr, void *buf, size_t len)
{
	size_t i;

	for (i = 0; i < m->n; i++) {
		const struct memory_part *p = &m->parts[i];

		if (addr < p->addr || !range_fits(addr - p->addr, len, p->size))
			continue;
		memcpy(buf, (const uint8_t *)p->data + (addr - p->addr), len);
		m->taken += len;
		return 0;
	}
	return -EFAULT;
}

struct memory *memory_parts(const struct memory_part *parts, size_t n)
{
	struct memory *m = make(read_parts);

	if (!m)
		return NULL;
	m->parts = calloc(n ? n : 1, sizeof(*parts));
	if (!m->parts) {
		free(m);
		return NULL;
	}
	if (n)
		memcpy(m->parts, parts, n * sizeof(*parts));
	m->n = n;
	return m;
}

static int read_core(struct memory *m, uint64_t addr, void *buf, size_t len)
{
	size_t i;

	for (i = 0; i < m->n; i++) {
		const struct segment *s = &m->segments[i];

		if (addr < s->addr || !range_fits(addr - s->addr, len, s->size))
			continue;
		if (pread(m->fd, buf, len, (off_t)(s->offset + (addr - s->addr))) != (ssize_t)len)
			return -EFAULT;
		m->taken += len;
		return 0;
	}
	return -EFAULT;
}

/* Words that the loader fills in may be anything in the file. */
static int relocate(const struct elf_file *elf, uint64_t addr, uint8_t *buf, size_t len)
{
	const struct elf_relocs *relocs;
	int r = elf_file_relocs(elf, &relocs);
	size_t i;

	for (i = r ? 0 : elf_relocs_from(relocs, addr); !r && i < relocs->count; i++) {
		uint64_t at = relocs->items[i].vaddr - addr;

		if (at >= len || len - at < 8)
			break;
		memcpy(buf + at, &relocs->items[i].value, 8);
	}
	return r;
}

static int read_file(struct memory *m, uint64_t addr, void *buf, size_t len)
{
	int r = elf_file_read(m->elf, addr, buf, len);

	return r ? r : relocate(m->elf, addr, buf, len);
}

struct memory *memory_file(const struct elf_file *elf)
{
	struct memory *m = make(read_file);

	if (m)
		m->elf = elf;
	return m;
}

static int read_segments(struct memory *m, const Elf64_Ehdr *eh)
{
	size_t i;

	m->segments = calloc(eh->e_phnum ? eh->e_phnum : 1, sizeof(*m->segments));
	if (!m->segments)
		return -ENOMEM;
	for (i = 0; i < eh->e_phnum; i++) {
		Elf64_Phdr ph;

		if (eh->e_phoff > INT64_MAX / 2 ||
		    pread(m->fd, &ph, sizeof(ph), (off_t)(eh->e_phoff + i * sizeof(ph))) !=
			    sizeof(ph))
			return -EBADMSG;
		if (ph.p_type == PT_LOAD && ph.p_offset <= INT64_MAX / 2 &&
		    ph.p_filesz <= INT64_MAX / 2)
			m->segments[m->n++] =
				(struct segment){ph.p_vaddr, ph.p_filesz, ph.p_offset};
	}
	return 0;
}

int memory_core(struct memory **out, int fd)
{
	struct memory *m = make(read_core);
	Elf64_Ehdr eh;
	int r;

	*out = NULL;
	if (!m)
		return -ENOMEM;
	m->fd = fd;
	r = pread(fd, &eh, sizeof(eh), 0) != sizeof(eh) ||
			    memcmp(eh.e_ident, ELFMAG, SELFMAG) != 0 ||
			    eh.e_ident[EI_CLASS] != ELFCLASS64 || eh.e_type != ET_CORE ||
			    eh.e_phentsize != sizeof(Elf64_Phdr)
		    ? -EBADMSG
		    : read_segments(m, &eh);
	if (r) {
		memory_close(m);
		return r;
	}
	*out = m;
	return 0;
}

static bool is_reserved(const struct memory *m, const struct chunk *c)
{
	const uint8_t *at = (const uint8_t *)c;

	return m->room && at >= m->room && at < m->room + m->room_size;
}

static void forget_chunks(struct memory *m)
{
	size_t i;

	for (i = 0; m->chunks && i < SLOTS; i++) {
		if (!is_reserved(m, m->chunks[i]))
			free(m->chunks[i]);
		m->chunks[i] = NULL;
	}
	m->room_used = 0;
	m->last = NULL;
	m->kept = 0;
}

static struct chunk *new_chunk(struct memory *m)
{
	if (m->room_size - m->room_used < ROOM)
		return malloc(sizeof(struct chunk) + CHUNK);
	m->room_used += ROOM;
	return (struct chunk *)(m->room + m->room_used - ROOM);
}

/* The chunk that was made last. */
static void give_back(struct memory *m, struct chunk *c)
{
	if (is_reserved(m, c))
		m->room_used -= ROOM;
	else
		free(c);
}

void memory_reserve(struct memory *m, uint64_t bytes)
{
	uint64_t size = (bytes < MAX_RESERVED ? bytes : MAX_RESERVED) / CHUNK * ROOM + ROOM;
	void *room;

	if (!m->chunks || m->room)
		return;
	room = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (room == MAP_FAILED)
		return;
	madvise(room, size, MADV_HUGEPAGE);
	memset(room, 0, size);
	m->room = room;
	m->room_size = size;
}

void memory_each_kept(const struct memory *m,
		      void (*each)(void *arg, uint64_t addr, const void *data, size_t len),
		      void *arg)
{
	size_t i;

	for (i = 0; m->chunks && i < SLOTS; i++) {
		const struct chunk *c = m->chunks[i];
		uint32_t from, to;

		for (from = 0; c && from < CHUNK_PAGES; from = to + 1) {
			for (to = from; to < CHUNK_PAGES && c->pages & 1u << to;)
				to++;
			if (to > from)
				each(arg, c->addr + from * PAGE, c->data + from * PAGE,
				     (to - from) * PAGE);
		}
	}
}

/* At one go where all of it is there, else page by page. That the process is gone says nothing of
 * its pages. */
static int fill(struct memory *m, struct chunk *c)
{
	uint32_t at_hand = pages_at_hand(m->below, c->addr), i;
	int r = -EFAULT;

	if (at_hand != LIVE_ALL_PAGES) {
		r = read_absent(m->below, c);
		if (r != -ETIME)
			return r;
		c->absent = (uint16_t)~at_hand;
		r = -EFAULT;
	} else {
		r = m->below->read(m->below, c->addr, c->data, CHUNK);
	}
	if (!r)
		c->pages = LIVE_ALL_PAGES;
	for (i = 0; i < CHUNK_PAGES && r == -EFAULT; i++) {
		if (at_hand & 1u << i)
			r = m->below->read(m->below, c->addr + i * PAGE, c->data + i * PAGE, PAGE);
		if (!r)
			c->pages |= (uint16_t)(1u << i);
		if (!r || r == -EFAULT)
			r = i + 1 < CHUNK_PAGES ? -EFAULT : 0;
	}
	return r;
}

static struct chunk *chunk_at(struct memory *m, uint64_t addr, int *why)
{
	size_t hash = (size_t)((addr / CHUNK) * 0x9e3779b97f4a7c15ull >> 50), i;
	struct chunk *c;

	if (m->last && m->last->addr == addr)
		return m->last;
	for (i = hash; (c = m->chunks[i % SLOTS]); i++)
		if (c->addr == addr)
			return m->last = c;
	if (memory_late(m)) {
		*why = m->gone ? m->gone : -ETIME;
		return NULL;
	}
	if (m->kept >= SLOTS / 4 * 3) {
		forget_chunks(m);
		i = hash;
	}
	c = new_chunk(m);
	if (!c) {
		*why = -ENOMEM;
		return NULL;
	}
	c->addr = addr;
	c->pages = c->absent = 0;
	*why = fill(m, c);
	if (*why) {
		m->gone = *why;
		give_back(m, c);
		return NULL;
	}
	m->kept++;
	return m->last = m->chunks[i % SLOTS] = c;
}

static int read_frozen(struct memory *m, uint64_t addr, void *buf, size_t len)
{
	uint8_t *to = buf;
	int why = -EFAULT;

	if (addr + len < addr)
		return -EFAULT;
	while (len) {
		struct chunk *c = chunk_at(m, addr & ~(uint64_t)(CHUNK - 1), &why);
		size_t at = (size_t)(addr & (CHUNK - 1)), n = CHUNK - at < len ? CHUNK - at : len;
		size_t page;

		if (!c)
			return why;
		for (page = at / PAGE; page <= (at + n - 1) / PAGE; page++)
			if (!(c->pages & 1u << page))
				return c->absent & 1u << page ? -ETIME : -EFAULT;
		memcpy(to, c->data + at, n);
		to += n;
		addr += n;
		len -= n;
	}
	return 0;
}

struct memory *memory_frozen(struct memory *below)
{
	struct memory *m = below ? make(read_frozen) : NULL;

	if (m)
		m->chunks = calloc(SLOTS, sizeof(*m->chunks));
	if (!m || !m->chunks) {
		memory_close(below);
		free(m);
		return NULL;
	}
	m->below = below;
	return m;
}

void memory_close(struct memory *m)
{
	if (!m)
		return;
	forget_chunks(m);
	if (m->room)
		munmap(m->room, m->room_size);
	free(m->chunks);
	free(m->parts);
	free(m->segments);
	if (m->pagemap >= 0)
		close(m->pagemap);
	memory_close(m->below);
	free(m);
}

void memory_deadline(struct memory *m, uint64_t until_ns)
{
	m->until_ns = until_ns;
	if (m->below)
		m->below->until_ns = until_ns;
}

uint64_t memory_until(const struct memory *m)
{
	return m->until_ns;
}

bool memory_late(const struct memory *m)
{
	return m->gone || (m->until_ns && clock_ns(CLOCK_MONOTONIC) >= m->until_ns);
}

uint64_t memory_taken(const struct memory *m)
{
	return m->below ? memory_taken(m->below) : m->taken;
}

int memory_read(struct memory *m, uint64_t addr, void *buf, size_t len)
{
	return len ? m->read(m, addr, buf, len) : 0;
}

int memory_read_many(struct memory *m, const uint64_t *addrs, size_t n, size_t each, void *buf,
		     size_t *done)
{
	int r = 0;

	*done = 0;
	if (m->read == read_live) {
		r = live_read_many(m->pid, addrs, n, each, buf, done);
		m->taken += *done * each;
		return r;
	}
	while (*done < n && !r) {
		r = memory_read(m, addrs[*done], (uint8_t *)buf + *done * each, each);
		*done += !r;
	}
	return r == -EFAULT ? 0 : r;
}

int memory_u64(struct memory *m, uint64_t addr, uint64_t *out)
{
	uint8_t raw[8];
	int r = memory_read(m, addr, raw, sizeof(raw));

	if (!r)
		*out = get_le64(raw);
	return r;
}

int memory_u32(struct memory *m, uint64_t addr, uint32_t *out)
{
	uint8_t raw[4];
	int r = memory_read(m, addr, raw, sizeof(raw));

	if (!r)
		*out = get_le32(raw);
	return r;
}
