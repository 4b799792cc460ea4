/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Starting a command so that it can be watched: what it inherits, and signals that come meanwhile. */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "process/process.h"

static char *const sleeper[] = {"sleep", "100", NULL};

static unsigned long long status_mask(pid_t pid, const char *name)
{
	unsigned long long mask = 0;
	char path[64], line[256];
	size_t len = strlen(name);
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, name, len))
			mask = strtoull(line + len, NULL, 16);
	fclose(f);
	return mask;
}

static unsigned long long bit(int sig)
{
	return 1ull << (sig - 1);
}

static void end(struct process *p)
{
	process_abandon(p);
	process_close(p);
	assert_true(p->reaped);
}

static void a_command_has_the_signals_that_we_were_given(void **state)
{
	struct process p;
	sigset_t set, saved;

	(void)state;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	assert_int_equal(sigprocmask(SIG_BLOCK, &set, &saved), 0);
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(process_spawn(&p, sleeper, NULL), 0);
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, &saved, NULL);
	assert_true(p.stopped);
	assert_true(status_mask(p.pid, "SigBlk:") & bit(SIGUSR2));
	assert_true(status_mask(p.pid, "SigIgn:") & bit(SIGPIPE));
	assert_false(status_mask(p.pid, "SigIgn:") & bit(SIGXFSZ));
	end(&p);
}

static void what_cannot_be_started_is_told(void **state)
{
	static char *const missing[] = {"/nowhere/at/all", NULL};
	struct process p;
	struct err err = {};

	(void)state;
	assert_int_equal(process_spawn(&p, missing, &err), -ENOENT);
	assert_string_equal(err.text, "cannot start /nowhere/at/all: No such file or directory");
	assert_true(p.reaped);
	memset(&err, 0, sizeof(err));
	signal(SIGCHLD, SIG_IGN); /* then nobody can wait for it */
	assert_int_equal(process_spawn(&p, missing, &err), -ENOENT);
	signal(SIGCHLD, SIG_DFL);
	assert_string_equal(err.text, "cannot start /nowhere/at/all: No such file or directory");
}

/* Every signal stops a traced process, also before its execve() and also one that it ignores. */
static void signals_meanwhile_do_no_harm(void **state)
{
	pid_t sender, group = getpid();
	struct process p;
	int i;

	(void)state;
	assert_int_equal(setpgid(0, 0), 0);
	sender = fork();
	assert_true(sender >= 0);
	if (!sender) {
		alarm(60);
		setpgid(0, 0); /* out of the way of its own signals */
		while (!kill(-group, SIGWINCH))
			;
		_exit(0);
	}
	for (i = 0; i < 100; i++) {
		alarm(10);
		assert_int_equal(process_spawn(&p, sleeper, NULL), 0);
		assert_non_null(strstr(p.exe, "sleep"));
		assert_int_equal(process_resume(&p, NULL), 0);
		assert_int_equal(waitpid(p.pid, NULL, WNOHANG), 0); /* it lives */
		end(&p);
	}
	alarm(0);
	kill(sender, SIGKILL);
	waitpid(sender, NULL, 0);
}

/* A shell that becomes another shell: the same file, elsewhere. */
static void the_same_program_anew_is_told_from_the_one_before(void **state)
{
	static char *const argv[] = {"sh", "-c", "read x; exec sh -c 'read y; exit 3'", NULL};
	struct process p, twin;
	int in[2], saved = dup(0), i;
	bool same = false;

	(void)state;
	assert_int_equal(pipe(in), 0);
	assert_int_equal(dup2(in[0], 0), 0);
	assert_int_equal(process_spawn(&p, argv, NULL), 0);
	dup2(saved, 0);
	assert_int_equal(process_open(&twin, p.pid, NULL), 0);
	assert_true(p.code > 1 && p.stack > 1);
	assert_int_equal(twin.code, p.code);
	assert_int_equal(twin.stack, p.stack);
	assert_int_equal(process_resume(&p, NULL), 0);
	assert_int_equal(process_same_program(&p, &same), 0);
	assert_true(same);
	assert_int_equal(write(in[1], "\n", 1), 1);
	for (i = 0; same && i < 10000; i++) {
		assert_int_equal(process_same_program(&p, &same), 0);
		usleep(1000);
	}
	assert_false(same);
	p.code = 0; /* not shown: the file decides */
	assert_int_equal(process_same_program(&p, &same), 0);
	assert_true(same);
	process_close(&twin);
	end(&p);
	close(in[0]);
	close(in[1]);
	close(saved);
}

/* The id in its namespace is asked for with the process in ours and in one inside it. */
static void the_namespace_and_the_id_in_it(void **state)
{
	uint64_t dev = 0, ino = 0;
	struct process p = {.pid = getpid()};
	struct stat own;
	pid_t tgid = 0;

	(void)state;
	assert_int_equal(stat("/proc/self/ns/pid", &own), 0);
	assert_int_equal(process_namespace(&p, &dev, &ino, &tgid, NULL), 0);
	assert_int_equal(dev, own.st_dev);
	assert_int_equal(ino, own.st_ino);
	assert_int_equal(tgid, getpid());
	p.pid = (pid_t)syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, NULL, NULL, NULL, NULL);
	if (!p.pid) {
		alarm(60);
		pause();
		_exit(0);
	}
	if (p.pid < 0)
		skip(); /* not allowed to */
	assert_int_equal(process_namespace(&p, &dev, &ino, &tgid, NULL), 0);
	assert_int_equal(tgid, 1);
	assert_int_not_equal(ino, own.st_ino);
	kill(p.pid, SIGKILL);
	waitpid(p.pid, NULL, 0);
	assert_int_equal(process_namespace(&p, &dev, &ino, &tgid, NULL), -ESRCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_command_has_the_signals_that_we_were_given),
		cmocka_unit_test(what_cannot_be_started_is_told),
		cmocka_unit_test(signals_meanwhile_do_no_harm),
		cmocka_unit_test(the_same_program_anew_is_told_from_the_one_before),
		cmocka_unit_test(the_namespace_and_the_id_in_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
