/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROCESS_MEMORY_H
#define MAPRACE_PROCESS_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct elf_file;

/*
 * A target's memory, whatever it is read from: a process that runs (live), one that stands still
 * (frozen: pieces of 64 KiB are read once and kept), a dump of one (core), a program's file as the
 * loader leaves it (file), or what a test made up (parts). The target is not trusted: an address
 * may be any number, and what stands there too. Whoever follows pointers bounds his steps; here is
 * bounded what is read at all.
 */
struct memory;

struct memory_part { /* of made up memory; the data are not copied */
	uint64_t addr;
	const void *data;
	size_t size;
};

/* All return NULL when memory is short. memory_close() takes what one was made of along. */
struct memory *memory_live(pid_t pid);
/* The same of one that stands still: what is there is read at once. When a page has not come for a
 * quarter of the time that is left, no other one that is not there is waited for: -ETIME. */
struct memory *memory_stopped(pid_t pid);
/* Of frozen memory of one that stands still: whether a page has not come. */
bool memory_is_absent(const struct memory *m);
struct memory *memory_parts(const struct memory_part *parts, size_t n);
/* Reads through below, which it owns from then on; it must not change meanwhile. */
struct memory *memory_frozen(struct memory *below);
/* The segments of an ELF core file that is open for reading; the file stays the caller's. 0,
 * -EBADMSG it is none, -ENOMEM. */
int memory_core(struct memory **out, int fd);
/* Link-time addresses; the file stays the caller's. */
struct memory *memory_file(const struct elf_file *elf);
void memory_close(struct memory *m);
/* Of frozen memory: room for so many bytes is made now, so that it takes no time later. */
void memory_reserve(struct memory *m, uint64_t bytes);
/* Of frozen memory: what is kept of it now, pages one after the other, in no order. The data stay
 * where they are until something is read that was not before. */
void memory_each_kept(const struct memory *m,
		      void (*each)(void *arg, uint64_t addr, const void *data, size_t len),
		      void *arg);

/* From that moment of CLOCK_MONOTONIC on nothing is read any more: -ETIME. 0: no end. Of frozen
 * memory, also from the moment on that the process was found to be gone: -ESRCH, -EPERM. */
void memory_deadline(struct memory *m, uint64_t until_ns);
uint64_t memory_until(const struct memory *m);
bool memory_late(const struct memory *m);
/* Bytes that were taken from the target so far. */
uint64_t memory_taken(const struct memory *m);

/*
 * Copies len bytes: 0, or a negative errno, and then nothing is said of buf: -EFAULT where any of
 * them is not there, -ETIME (also where it does not come, live_reader.h), -ESRCH the process is
 * gone, -ENOMEM.
 */
int memory_read(struct memory *m, uint64_t addr, void *buf, size_t len);
#define MEMORY_MANY 128
/* Copies each bytes (512 at the most) from n addresses (MEMORY_MANY at the most), one behind the
 * other, of a live process in one go: as many as *done says, up to the first that is not there. 0,
 * or as memory_read() but -EFAULT. */
int memory_read_many(struct memory *m, const uint64_t *addrs, size_t n, size_t each, void *buf,
		     size_t *done);
int memory_u64(struct memory *m, uint64_t addr, uint64_t *out);
int memory_u32(struct memory *m, uint64_t addr, uint32_t *out);

#endif
