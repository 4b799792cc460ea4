/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROBE_LINKS_H
#define MAPRACE_PROBE_LINKS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <bpf/libbpf.h>
#include <maprace/wire.h>

#include "base/err.h"
#include "base/open_file.h"
#include "process/process.h"

#define LINKS_FILES 9 /* the program, and plugins that it has loaded */

#define LINKS_CALLS 512 /* call instructions that are probed at one time, in all files */
#define LINKS_BATCHES 3 /* links that they come in, before they are put together again */

/* Probes of no operation, with programs of their own: at the collector, and where a process dies,
 * by runtime.fatal, runtime.throw and runtime.fatalpanic. */
enum { LINKS_COLLECTED, LINKS_FATAL, LINKS_THROW, LINKS_PANIC, LINKS_LASTING };

/* At sites: the program of map operations, or that of panics. */
enum { LINKS_OPERATIONS, LINKS_PANICS, LINKS_PROGRAMS };

struct links_file {
	int fd; /* open, of the process that places the probes: a name, /proc/PID/exe too, may come
		   to mean another file, where the same offsets are in the middle of something */
	struct file_identity was;		      /* when the offsets were found in it */
	unsigned long lasting_offsets[LINKS_LASTING]; /* 0: none */
	struct bpf_link *lasting[LINKS_LASTING];      /* in place in windows and out of them */
	/* uprobe-multi, by program: of the sites that stay, and that do not; all of them are steady
	 * at first */
	struct bpf_link *steady[LINKS_PROGRAMS], *window[LINKS_PROGRAMS];
	struct links_batches { /* uprobe-multi: of call instructions, likewise */
		struct bpf_link *links[LINKS_BATCHES];
		size_t count;
		size_t placed; /* of the list of all calls, so many have been gone through */
	} calls[2];
};

struct links_call {
	unsigned long offset; /* 0: not wanted any more */
	uint8_t file, slot;   /* slot of the function that is called */
	bool stays;	      /* also when the function's probe is out of place */
};

/*
 * The probes of one process: one uprobe-multi link for many sites where the kernel has it, else one
 * perf event per site. Each process has links of its own, though the file may be the same: a link
 * for all who run it would put breakpoints also into those that nobody watches, and could not be
 * taken away from one that is too busy. 60 links, of 20 processes, are placed in 15 ms; they go in
 * 70 ms, all at once (links_drop_all()), and in 2 s one by one. They last as long as the file
 * descriptors of the process that placed them, which is the attacher's (probe/attacher.h).
 */
struct links {
	pid_t pid;
	struct bpf_program *at_sites[LINKS_PROGRAMS];
	struct bpf_program *call; /* at the instructions that call map functions */
	struct bpf_program *lasting[LINKS_LASTING];
	bool multi;
	struct links_file files[LINKS_FILES];
	size_t nfiles;
	unsigned long offsets[MR_SITE_SLOTS]; /* in its file, by slot; 0: none */
	uint8_t file[MR_SITE_SLOTS];	      /* of files, by slot */
	uint8_t program[MR_SITE_SLOTS];	      /* of at_sites, by slot */

	bool closed;			       /* between windows */
	bool cycled[MR_SITE_SLOTS];	       /* out of place outside windows */
	struct bpf_link *sites[MR_SITE_SLOTS]; /* perf events, by slot */
	struct links_call calls[LINKS_CALLS];
	struct bpf_link *call_links[LINKS_CALLS]; /* perf events */
	size_t ncalls;
};

struct links_target { /* the probes of a process, but for its plugins'; the file comes beside it */
	pid_t pid;
	struct file_identity file; /* when the offsets were found in it */
	bool executed;		   /* by the process, whose library it is not */
	unsigned long lasting_offsets[LINKS_LASTING];
	unsigned long offsets[MR_SITE_SLOTS];
	uint8_t program[MR_SITE_SLOTS];
};

struct links_addition {		   /* one more file; sites in slots that are free */
	char path[PROCESS_PATH];   /* as the attacher can open it */
	struct file_identity file; /* what it must still be there */
	unsigned long lasting_offsets[LINKS_LASTING];
	unsigned long offsets[MR_SITE_SLOTS];
	uint8_t program[MR_SITE_SLOTS];
};

struct links_calls { /* a change of what is probed of call instructions */
	size_t nmore, nless;
	struct links_call more[32], less[32];
};

/*
 * Where a file has been written to since its offsets were found nothing is placed any more, by any
 * of these: -ESTALE. The kernel takes the instruction that it has to do in a probe's stead from the
 * file, and there may be another one, or the middle of one.
 */

/* What links_place() is to place. base: the programs, and how. */
void links_begin(struct links *l, const struct links *base, const struct links_target *target,
		 int fd);
/* All of them. After an error none is left. */
int links_place(struct links *l, struct err *err);
/*
 * Whatever has to be read of files, before anything is changed: where a file system does not answer
 * any more it never comes back, and nothing waits for it. It changes nothing, and others may take
 * the links away meanwhile.
 *
 * The kernel would read a page by itself while it holds the lock of the probe, with nobody's file
 * at hand: Linux 6.18 warns of that on ext4 (ext4_check_map_extents_env), and whoever else wants a
 * probe, or wants to fork, waits. What cannot be read is left to the kernel.
 */
void links_read(const struct links *l);
void links_read_calls(const struct links *l, const struct links_calls *change);
/* One more file, for links_add(). */
int links_open_more(const struct links_addition *more, int *fd, struct err *err);
/* Those of this file too, which is closed with the others, or now. After an error it is as
 * before. */
int links_add(struct links *l, const struct links_addition *more, int fd, struct err *err);
/* Takes back what links_add() did last. */
void links_take_back(struct links *l);
/* Those at some call instructions more, and less. After an error no more are wanted; some may be
 * missing. */
int links_change_calls(struct links *l, const struct links_calls *change, struct err *err);
/* Takes away those that are cycled from now on, and leaves the others in place. After an error some
 * that should be in place are not: each of the next calls tries them again. */
int links_close(struct links *l, const bool *cycled, struct err *err);
/* The first part of it: then links_settle() is due. */
void links_shut(struct links *l, const bool *cycled);
/* Puts those that are cycled back. After an error likewise. */
int links_open(struct links *l, struct err *err);
/* All of them, until the next links_settle(), _close() or _open(). */
void links_drop(struct links *l);
/*
 * Likewise of many processes, or of one whose links are many. The kernel waits, for each link that
 * goes, until nobody can be in its program any more: links that go at the same time wait together.
 */
void links_drop_all(struct links **all, size_t n);
/* What links_begin() and links_add() have opened. */
void links_close_files(struct links *l);
/* Whatever is missing of what is to be in place now. After an error some still are. */
int links_settle(struct links *l, struct err *err);

#endif
