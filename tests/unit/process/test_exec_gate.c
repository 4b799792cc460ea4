/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Real processes, the kernel's real questions: who executes something waits, and is stopped behind
 * it. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "process/exec_gate.h"
#include "process/exec_stop.h"

static struct stat wanted; /* the file that is of interest */

static enum exec_interest is_wanted(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && st.st_dev == wanted.st_dev && st.st_ino == wanted.st_ino
		       ? EXEC_CERTAINLY
		       : EXEC_OF_NONE;
}

static int set_up(void **state)
{
	struct exec_gate *gate = NULL;
	struct err err = {};
	int r;

	if (stat("/bin/true", &wanted))
		return -1;
	r = exec_gate_open(&gate, is_wanted, &err);
	if (r) {
		print_error("%s\n", err.text);
		return r == -EPERM ? 0 : -1; /* not root: the tests skip themselves */
	}
	*state = gate;
	return 0;
}

static int tear_down(void **state)
{
	exec_gate_close(*state);
	return 0;
}

static pid_t start(const char *path)
{
	pid_t pid = fork();

	if (!pid) {
		execl(path, path, (char *)NULL);
		_exit(126);
	}
	assert_true(pid > 0);
	return pid;
}

static struct exec_request next(struct exec_gate *gate)
{
	struct pollfd p = {.fd = exec_gate_fd(gate), .events = POLLIN};
	struct exec_request q;

	assert_int_equal(poll(&p, 1, 10000), 1);
	assert_int_equal(exec_gate_next(gate, &q), 1);
	return q;
}

/* waitpid(2) would take the stops that the tracer, another thread of ours, waits for. */
static int wait_status_of(pid_t pid)
{
	struct timespec ts = {.tv_nsec = 1000000};
	siginfo_t si = {};
	int status, i;

	for (i = 0; i < 10000 && si.si_code != CLD_EXITED && si.si_code != CLD_KILLED; i++) {
		assert_int_equal(waitid(P_PID, (id_t)pid, &si, WEXITED | WNOHANG | WNOWAIT), 0);
		nanosleep(&ts, NULL);
	}
	assert_int_equal(waitpid(pid, &status, WNOHANG), pid);
	return status;
}

static int status_of(pid_t pid)
{
	int status = wait_status_of(pid);

	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static bool runs_wanted(pid_t pid)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	return !stat(path, &st) && st.st_dev == wanted.st_dev && st.st_ino == wanted.st_ino;
}

static void a_child_waits_until_it_is_let_go(void **state)
{
	struct exec_gate *gate = *state;
	struct exec_counts counts;
	struct exec_request q;
	pid_t pid;

	if (!gate)
		skip();
	pid = start("/bin/true");
	q = next(gate);
	assert_int_equal(q.pid, pid);
	assert_int_equal(q.tid, pid);
	assert_int_equal(q.interest, EXEC_CERTAINLY);
	assert_int_equal(q.file.ino, wanted.st_ino);
	assert_false(runs_wanted(pid));
	assert_int_equal(exec_gate_next(gate, &q), 0);
	exec_gate_allow(gate, 1);
	assert_int_equal(status_of(pid), 0);
	exec_gate_count(gate, &counts);
	assert_int_equal(counts.processes, 1);
	assert_int_equal(counts.impatient, 0);
}

/* A grandchild whose parent has ended is ours still. */
static void an_orphan_waits_too(void **state)
{
	struct exec_gate *gate = *state;
	pid_t us = getpid(), pid;
	struct exec_request q;
	int status;

	if (!gate)
		skip();
	pid = fork();
	if (!pid) {
		if (!fork()) {
			while (getppid() != us)
				usleep(1000);
			execl("/bin/true", "true", (char *)NULL);
		}
		_exit(0);
	}
	assert_int_equal(status_of(pid), 0);
	q = next(gate);
	assert_int_not_equal(q.pid, pid);
	exec_gate_allow(gate, q.id);
	assert_int_equal(waitpid(q.pid, &status, 0), q.pid);
	assert_int_equal(status, 0);
}

static void what_is_of_no_interest_goes_on(void **state)
{
	struct exec_gate *gate = *state;
	struct exec_request q;

	if (!gate)
		skip();
	assert_int_equal(status_of(start("/bin/false")), 1);
	assert_int_equal(exec_gate_next(gate, &q), 0);
}

static void when_the_gate_closes_all_go_on(void **state)
{
	struct exec_gate *gate = *state;
	pid_t pid;

	if (!gate)
		skip();
	pid = start("/bin/true");
	(void)next(gate);
	exec_gate_close(gate);
	*state = NULL;
	assert_int_equal(status_of(pid), 0);
}

static enum exec_stop_state wait_for(struct exec_stop *s)
{
	struct timespec ts = {.tv_nsec = 1000000};
	enum exec_stop_state state;
	int i;

	for (i = 0; i < 10000; i++) {
		state = exec_stop_look(s);
		if (state != EXEC_STOP_WAIT)
			return state;
		nanosleep(&ts, NULL);
	}
	fail();
	return EXEC_STOP_WAIT;
}

static struct exec_stop *begin_stop(struct exec_gate *gate, const struct exec_request *q)
{
	struct exec_stop *stop = NULL;

	assert_int_equal(exec_stop_begin(&stop, q), 0);
	exec_gate_allow(gate, q->id);
	return stop;
}

static void it_is_stopped_behind_its_execve(void **state)
{
	struct exec_gate *gate = *state;
	struct exec_request q;
	struct exec_stop *stop;
	pid_t pid;

	if (!gate)
		skip();
	pid = start("/bin/true");
	q = next(gate);
	stop = begin_stop(gate, &q);
	assert_int_equal(wait_for(stop), EXEC_STOP_STOPPED);
	assert_true(runs_wanted(pid));
	exec_stop_end(stop);
	assert_int_equal(status_of(pid), 0);
}

/* Nobody wants it stopped any more, wherever it is by then. */
static void one_that_is_given_up_goes_on(void **state)
{
	struct exec_gate *gate = *state;
	struct exec_request q;
	pid_t pid;
	int i;

	if (!gate)
		skip();
	for (i = 0; i < 20; i++) {
		pid = start("/bin/true");
		q = next(gate);
		exec_stop_end(begin_stop(gate, &q));
		assert_int_equal(status_of(pid), 0);
	}
}

/* A signal that comes meanwhile is not lost: not the one that ends it either. */
static void signals_are_passed_on(void **state)
{
	struct exec_gate *gate = *state;
	struct exec_request q;
	struct exec_stop *stop;
	int status = 0;
	pid_t pid;

	if (!gate)
		skip();
	pid = start("/bin/true");
	q = next(gate);
	kill(pid, SIGWINCH);
	stop = begin_stop(gate, &q);
	assert_int_equal(wait_for(stop), EXEC_STOP_STOPPED);
	kill(pid, SIGTERM);
	exec_stop_end(stop);
	status = wait_status_of(pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

/* The file is no program after all: who tried goes on, and ends as it would have. */
static void an_execve_that_fails_is_none(void **state)
{
	char path[] = "/tmp/maprace-gate-XXXXXX";
	struct exec_gate *gate = *state;
	enum exec_stop_state end;
	struct exec_request q;
	struct exec_stop *stop;
	int status, fd;
	pid_t pid;

	if (!gate)
		skip();
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "\177ELF nothing", 12), 12);
	assert_int_equal(fchmod(fd, 0755), 0);
	close(fd);
	exec_gate_close(gate);
	assert_int_equal(stat(path, &wanted), 0);
	assert_int_equal(exec_gate_open(&gate, is_wanted, NULL), 0);
	*state = gate;
	pid = start(path);
	q = next(gate);
	stop = begin_stop(gate, &q);
	end = wait_for(stop);
	assert_true(end == EXEC_STOP_ENDED || end == EXEC_STOP_FREE);
	status = wait_status_of(pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 126);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), -1);
	exec_stop_end(stop);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_child_waits_until_it_is_let_go, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(an_orphan_waits_too, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_of_no_interest_goes_on, set_up, tear_down),
		cmocka_unit_test_setup_teardown(when_the_gate_closes_all_go_on, set_up, tear_down),
		cmocka_unit_test_setup_teardown(it_is_stopped_behind_its_execve, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_that_is_given_up_goes_on, set_up, tear_down),
		cmocka_unit_test_setup_teardown(signals_are_passed_on, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_execve_that_fails_is_none, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
