/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "process/proc_stat.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "process/proc_text.h"

#define MOST 2047

int proc_stat_read(pid_t pid, struct proc_stat *s)
{
	size_t len;
	char *text = proc_text(pid, "stat", MOST, &len), *at;
	int n;

	*s = (struct proc_stat){};
	if (!text)
		return -ENOMEM;
	/* the name may have anything in it, ends of lines too */
	at = strrchr(text, ')');
	n = at ? sscanf(at + 1,
			" %c %d %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %u"
			" %*s %" SCNu64 " %*s %*s %*s %" SCNu64 " %*s %" SCNu64,
			&s->state, &s->parent, &s->threads, &s->started, &s->code, &s->stack)
	       : 0;
	free(text);
	if (n != 6) {
		*s = (struct proc_stat){};
		return -ESRCH;
	}
	/* the kernel shows 0 or 1 to whom it does not show them */
	if (s->code <= 1 || s->stack <= 1)
		s->code = s->stack = 0;
	return 0;
}

bool proc_stat_same_layout(const struct proc_stat *a, const struct proc_stat *b)
{
	return a->code && a->code == b->code && a->stack == b->stack;
}
