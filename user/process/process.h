/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROCESS_PROCESS_H
#define MAPRACE_PROCESS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/*
 * A process to be watched: one that runs already, or one that we started and that still stands
 * before its first instruction. Source: proc(5), pidfd_open(2), ptrace(2).
 */
struct process {
	pid_t pid;
	int pidfd; /* readable once the process has ended; -1 where the kernel has none (before 5.3)
		    */
	char exe_path[64]; /* "/proc/PID/exe": works for deleted files and in other mount namespaces
			    */
	char exe[4096];	   /* what it links to, for people */
	uint64_t exe_dev, exe_ino;
	uint64_t code, stack; /* where execve put them; 0: not known */
	bool ours;	      /* started by process_spawn() */
	bool stopped;	      /* ours, and not yet let go */
	bool reaped;	      /* wait_status is valid */
	int wait_status;
};

/* -ESRCH no such process (or only a thread of one), -EACCES -EPERM not allowed to look at it,
 * -ENOENT no /proc. */
int process_open(struct process *p, pid_t pid, struct err *err);

/* Whether it is gone, or about to be reaped, after so many milliseconds at most. False where the
 * kernel has no pidfd. */
bool process_ends_within(const struct process *p, int ms);

/* The CPU time that it has used, 0 when it is gone. */
uint64_t process_cpu_ns(pid_t pid);

/* SIGCONT, to that process and no other; pidfd: -1 where the kernel has none. */
void process_continue(pid_t pid, int pidfd);
/* Whether we may: of another user's, without CAP_KILL, nobody is asked when the kernel stops it for
 * us, and that could not be undone. */
bool process_may_continue(const struct process *p);

/* Who traces it (ptrace(2): a debugger, strace), beside us: 0 nobody. */
pid_t process_tracer(const struct process *p);

/*
 * Starts argv stopped at its first instruction, with the program already mapped. -ENOENT -EACCES
 * -ENOEXEC as execvp(3) has them. It has our signal mask and what we ignore: nothing of it may be
 * changed before. The child is not tied to us: if we die it goes on unwatched.
 */
int process_spawn(struct process *p, char *const argv[], struct err *err);
int process_resume(struct process *p, struct err *err);
/* Which program it runs now. */
int process_look_again(struct process *p, struct err *err);
/* Collects its status if it is ours and has ended; true once that is done. A stop of it that ptrace
 * has to tell of stays to be told. */
bool process_reap(struct process *p);
/* The same for processes that we have adopted (PR_SET_CHILD_SUBREAPER) and nobody else waits for:
 * all but that one, and our helpers. How many of them live still. */
size_t process_reap_adopted(const struct process *except);
/* Kills a process of ours that could not be watched, and reaps it. */
void process_abandon(struct process *p);
void process_close(struct process *p);

/*
 * The PID namespace that the process lives in, as stat(2) has it, and the process's id there: its
 * own getpid(). 0 or -ESRCH it is gone, -EACCES -EPERM not allowed to look at it, -ENOTSUP a kernel
 * that does not tell. Source: proc(5), NSpid; pid_namespaces(7).
 */
int process_namespace(const struct process *p, uint64_t *dev, uint64_t *ino, pid_t *tgid,
		      struct err *err);

/* Run-time minus link-time address of the executable, given its first PT_LOAD. -ENOENT where it is
 * not mapped (any more). */
int process_load_bias(const struct process *p, uint64_t first_vaddr, uint64_t first_offset,
		      uint64_t *bias, struct err *err);

/* How many of n addresses are not mapped from its executable, or from this library of it: the
 * kernel puts no probe there. Or a negative errno. barred[i], of the others: it is mapped so that
 * the kernel puts no new one there (valid_vma() in kernel/events/uprobes.c). */
int process_foreign_code(const struct process *p, const char *library, const uint64_t *addrs,
			 size_t n, bool *barred);

/* Its child of that number, from 0 on; 0: it has no more, or the kernel does not tell. */
pid_t process_child(pid_t pid, size_t i);

#define PROCESS_PATH 4200 /* room for a path below /proc/PID/root */

/* Copies memory of the process; 0 or negative errno, never a part. */
int process_read(const struct process *p, uint64_t addr, void *buf, size_t len);

/* Whether this open file is the one that it ran when it was opened: /proc/PID/exe may be another by
 * now. */
bool process_is_file(const struct process *p, int fd);

/* False after an execve, of the same file too: that goes elsewhere, unless addresses are not random
 * here (incarnation.h) or may not be seen. -ESRCH once it is gone, -EOWNERDEAD its first thread has
 * ended and others go on. */
int process_same_program(const struct process *p, bool *same);

#endif
