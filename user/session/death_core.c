/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "session/death_core.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

/* To be freed. */
static char *name_of(const char *pattern, pid_t pid)
{
	const char *from, *at;
	char *name = NULL;
	size_t len;
	FILE *out = open_memstream(&name, &len);
	bool bad;

	if (!out)
		return NULL;
	for (from = pattern; (at = strstr(from, "%p")); from = at + 2)
		fprintf(out, "%.*s%d", (int)(at - from), from, (int)pid);
	fputs(from, out);
	bad = ferror(out);
	if (fclose(out) || bad) {
		free(name);
		return NULL;
	}
	return name;
}

void death_core_begin(struct death_core *c, const char *pattern, const struct process *p,
		      uint64_t max_freeze_ns, bool taken)
{
	*c = (struct death_core){.core = NULL};
	if (!pattern)
		return;
	if (taken && !strstr(pattern, "%p")) {
		err_set(&c->why, -EEXIST,
			"the file is of one that has died before; with %%p in its name each has "
			"its own");
		return;
	}
	if (core_prepare(&c->core, p, max_freeze_ns, CORE_ROOM_LATER, &c->why))
		return;
	c->path = name_of(pattern, p->pid);
	if (!c->path)
		err_set(&c->why, -ENOMEM, "%s", err_name(-ENOMEM));
}

bool death_core_write(struct death_core *c, struct report_snapshot *out)
{
	bool written = c->core && c->path && !core_write(c->core, c->path, out, &c->why);

	if (c->why.text[0]) {
		log_error("there is no core file: %s", c->why.text);
		report_snapshot_note(out, "there is no core file: %s", c->why.text);
	}
	return written;
}

void death_core_free(struct death_core *c)
{
	core_free(c->core);
	free(c->path);
	*c = (struct death_core){.core = NULL};
}
