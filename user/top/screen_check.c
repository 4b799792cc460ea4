/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "top/screen.h"

#include <errno.h>
#include <ncurses.h>
#include <stdlib.h>
#include <term.h> /* has macros for words like "lines": behind our own */
#include <unistd.h>

int screen_check(struct err *err)
{
	const char *term = getenv("TERM");
	int status = 0;

	if (setupterm(NULL, STDOUT_FILENO, &status) == OK) {
		del_curterm(cur_term);
		return 0;
	}
	err_hint(err, "set TERM to what the terminal is, or pipe the output: it is JSON then");
	return err_set(err, -ENOTTY, "the terminal (TERM=%s) is not known here", term ? term : "");
}
