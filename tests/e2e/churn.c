/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A target is added and removed again and again while another one is watched: not an operation of
 * the other's goes uncounted, it is not slowed down, no probe stays, and memory does not grow.
 *
 * usage: churn TIMES COUNTED    COUNTED: tests/e2e/programs/counted
 *
 * What it says ends with "ok", or with what went wrong.
 */
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "probe/attachment.h"
#include "session/watched.h"

#define ALONE_S 1.0
#define TOUCH_NS 2000000u /* for how long each one is watched */
#define GROWTH_KB 1024u	  /* that is no leak: what the allocator keeps */
#define SLOWEST 0.7	  /* of its speed by CPU time: on a busy machine that is not exact */

static struct program {
	pid_t pid;
	FILE *says;
	struct watched watched;
} steady, coming;

static const struct attach_opts opts = {.max_hold_ns = 100000, .hold_ppm = 10000, .targets = 2};

static _Noreturn void end(const char *what, const struct err *err)
{
	printf("%s%s%s\n", what, err ? ": " : "", err ? err->text : "");
	exit(1);
}

static void kill_programs(void)
{
	if (steady.pid)
		kill(steady.pid, SIGKILL);
	if (coming.pid)
		kill(coming.pid, SIGKILL);
}

static void listen_to(const struct program *p, const char *form, uint64_t *number)
{
	char line[64];

	if (!fgets(line, sizeof(line), p->says) ||
	    (number ? sscanf(line, form, number) != 1 : strcmp(line, form) != 0))
		end("the program does not say what it should", NULL);
}

static void start(struct program *p, const char *path, const char *pause)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		end("no pipe", NULL);
	p->pid = fork();
	if (!p->pid) {
		dup2(fds[1], STDOUT_FILENO);
		execl(path, path, pause, (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	p->says = fdopen(fds[0], "r");
	listen_to(p, "ready\n", NULL);
}

static uint64_t count(const struct program *p)
{
	uint64_t n;

	kill(p->pid, SIGUSR1);
	listen_to(p, "count %" SCNu64, &n);
	return n;
}

static void go_on(const struct program *p)
{
	kill(p->pid, SIGUSR2);
	listen_to(p, "goes on\n", NULL);
}

static uint64_t cpu_ns(pid_t pid)
{
	clockid_t clock;

	return clock_getcpuclockid(pid, &clock) ? 0 : clock_ns(clock);
}

static void add(struct program *p)
{
	struct err err = {};

	memset(&p->watched, 0, sizeof(p->watched));
	p->watched.process.pidfd = -1;
	if (process_open(&p->watched.process, p->pid, &err) ||
	    watched_prepare(&p->watched, &opts, &err) || watched_attach(&p->watched, &err))
		end("not attached", &err);
	watched_start(&p->watched, clock_ns(CLOCK_MONOTONIC));
}

static void take_away(struct program *p)
{
	watched_stop(&p->watched);
	watched_wait(&p->watched);
	watched_close(&p->watched);
}

static uint64_t hits(const struct program *p, uint64_t *lost)
{
	struct attachment_sum sum;
	uint64_t n = 0;
	size_t i;

	attachment_counters(p->watched.attachment, &sum);
	for (i = 0; i < MR_SITE_SLOTS; i++)
		n += sum.cpu.hits[i];
	*lost = attachment_missed(p->watched.attachment) + sum.cpu.counts[MR_COUNT_UNKNOWN_SITE];
	return n;
}

static void pause_ns(uint64_t ns)
{
	struct timespec ts = {.tv_sec = (time_t)(ns / 1000000000u),
			      .tv_nsec = (long)(ns % 1000000000u)};

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

struct speed {
	uint64_t operations, cpu_ns, wall_ns, last;
};

static void begin_measuring(struct speed *s)
{
	s->operations = count(&steady);
	s->cpu_ns = cpu_ns(steady.pid);
	s->wall_ns = clock_ns(CLOCK_MONOTONIC);
	go_on(&steady);
}

/* The program stands still afterwards. */
static void end_measuring(struct speed *s)
{
	s->last = count(&steady);
	s->operations = s->last - s->operations;
	s->cpu_ns = cpu_ns(steady.pid) - s->cpu_ns;
	s->wall_ns = clock_ns(CLOCK_MONOTONIC) - s->wall_ns;
}

static double per_cpu(const struct speed *s)
{
	return (double)s->operations * 1e9 / (double)s->cpu_ns;
}

static void say_speed(const char *when, const struct speed *s)
{
	printf("%-10s %10" PRIu64 " operations, %9.0f a second of its CPU time, %9.0f a second\n",
	       when, s->operations, per_cpu(s), (double)s->operations * 1e9 / (double)s->wall_ns);
}

struct size {
	unsigned long kb, files;
};

static struct size size_of(pid_t pid)
{
	struct size s = {};
	char path[64], line[256];
	FILE *f;
	DIR *fds;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		(void)sscanf(line, "VmRSS: %lu", &s.kb);
	if (f)
		fclose(f);
	/* by no child: between fork() and close() that would see both ends of popen()'s pipe */
	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	fds = opendir(path);
	if (!fds)
		end("cannot count files", NULL);
	while (readdir(fds))
		s.files++;
	closedir(fds);
	return s;
}

static void compare(const char *who, struct size before, struct size after)
{
	printf("%-10s %lu kB, then %lu kB; %lu files, then %lu\n", who, before.kb, after.kb,
	       before.files, after.files);
	if (after.files > before.files || after.kb > before.kb + GROWTH_KB)
		end("it grows", NULL);
}

/* Whether what is in memory of its code is what its file has. */
static bool is_clean(const struct program *p)
{
	unsigned long from, to, offset;
	char path[64], line[512], perms[8];
	uint8_t is[4096], was[4096];
	int mem, exe;
	bool same = false;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)p->pid);
	maps = fopen(path, "r");
	while (maps && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx %7s %lx", &from, &to, perms, &offset) == 4 &&
		    strchr(perms, 'x'))
			break;
	if (!maps)
		return false;
	fclose(maps);
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)p->pid);
	mem = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/%d/exe", (int)p->pid);
	exe = open(path, O_RDONLY | O_CLOEXEC);
	for (same = true; same && from + sizeof(is) <= to; from += sizeof(is)) {
		ssize_t n = pread(exe, was, sizeof(was), (off_t)offset);

		same = n > 0 && pread(mem, is, sizeof(is), (off_t)from) == sizeof(is) &&
		       !memcmp(is, was, (size_t)n);
		offset += sizeof(is);
	}
	close(mem);
	close(exe);
	return same;
}

static pid_t attacher(void)
{
	return steady.watched.attachment->engine->attacher.pid;
}

static void churn(unsigned long times)
{
	struct size own = {}, attachers = {};
	uint64_t begin = clock_ns(CLOCK_MONOTONIC), seen = 0, lost;
	unsigned long i;

	for (i = 0; i < times; i++) {
		add(&coming);
		pause_ns(TOUCH_NS);
		seen += hits(&coming, &lost) > 0;
		take_away(&coming);
		if (i == times / 10) {
			own = size_of(getpid());
			attachers = size_of(attacher());
		}
	}
	printf("added and removed %lu times, %.1f ms each; %" PRIu64 " times it was seen\n", times,
	       (double)(clock_ns(CLOCK_MONOTONIC) - begin) / 1e6 / (double)times, seen);
	if (!is_clean(&coming))
		end("a probe stays behind in the one that was removed", NULL);
	compare("maprace", own, size_of(getpid()));
	compare("attacher", attachers, size_of(attacher()));
	if (seen < times / 2)
		end("what is added is not watched", NULL);
}

static int silent(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
	return 0;
}

int main(int argc, char **argv)
{
	struct speed alone = {}, beside = {}, again = {};
	uint64_t first, last, n, lost;
	unsigned long times = argc == 3 ? strtoul(argv[1], NULL, 10) : 0;

	if (!times)
		end("usage: churn TIMES COUNTED", NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	libbpf_set_print(silent);
	atexit(kill_programs);
	start(&steady, argv[2], NULL);
	start(&coming, argv[2], "100us");
	first = count(&steady);
	add(&steady);
	go_on(&steady);
	begin_measuring(&alone);
	pause_ns((uint64_t)(ALONE_S * 1e9));
	end_measuring(&alone);
	go_on(&steady);
	begin_measuring(&beside);
	churn(times);
	end_measuring(&beside);
	go_on(&steady);
	begin_measuring(&again);
	pause_ns((uint64_t)(ALONE_S * 1e9));
	end_measuring(&again);
	last = again.last;
	say_speed("alone", &alone);
	say_speed("beside", &beside);
	say_speed("alone again", &again);
	n = hits(&steady, &lost);
	printf("operations %" PRIu64 ", seen %" PRIu64 ", lost %" PRIu64 "\n", last - first, n,
	       lost);
	/* one that is preempted at its stack check begins anew, and is seen twice */
	if (n < last - first || n - (last - first) > (last - first) / 1000)
		end("operations were lost, or seen that were none", NULL);
	take_away(&steady);
	if (!is_clean(&steady))
		end("a probe stays behind", NULL);
	if (per_cpu(&beside) < SLOWEST * per_cpu(&alone) &&
	    per_cpu(&beside) < SLOWEST * per_cpu(&again))
		end("the other was slowed down", NULL);
	printf("ok\n");
	return 0;
}
