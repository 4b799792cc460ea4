/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "base/helper.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/errand.h"

void helper_become(const char *name)
{
	sigset_t all;
	int fd;

	errands_by_ourselves();
	prctl(PR_SET_NAME, name);
	setsid();
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		(void)!write(fd, "-1000", 5); /* refused: as killable as everybody */
		close(fd);
	}
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (fd >= 0) {
		dup2(fd, STDIN_FILENO);
		dup2(fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
		close(fd);
	}
}

static pid_t *helpers;
static size_t nhelpers;

void helper_note(pid_t pid, bool is_one)
{
	pid_t *grown;
	size_t i;

	for (i = 0; i < nhelpers && helpers[i] != pid; i++)
		;
	if (!is_one && i < nhelpers)
		helpers[i] = helpers[--nhelpers];
	if (!is_one || i < nhelpers || pid <= 0)
		return;
	grown = realloc(helpers, (nhelpers + 1) * sizeof(*grown));
	if (!grown)
		return; /* it is waited for twice: whoever comes second finds it gone */
	helpers = grown;
	helpers[nhelpers++] = pid;
}

bool helper_is(pid_t pid)
{
	size_t i;

	for (i = 0; i < nhelpers; i++)
		if (helpers[i] == pid)
			return true;
	return false;
}
