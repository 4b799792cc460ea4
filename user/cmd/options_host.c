/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "cmd/options_host.h"

#include <errno.h>
#include <string.h>

#define MOST_PROCESSES 1000
#define SHORTEST_HOLD_NS 1000

int option_hold(const char *arg, uint64_t most_ns, uint64_t *ns)
{
	uint64_t given = 0;
	int rc = strcmp(arg, "0") ? value_time(arg, &given) : 0;

	if (rc)
		return rc;
	if (given && (given < SHORTEST_HOLD_NS || given > most_ns))
		return -ERANGE;
	*ns = given;
	return 0;
}

int option_max_hold(void *value, const char *arg)
{
	return option_hold(arg, HOST_LONGEST_HOLD_NS, value);
}

int option_host_match(void *value, const char *arg)
{
	struct watch_options *o = value;

	o->host_given = true;
	return option_text(&o->host.match, arg);
}

int option_host_cgroup(void *value, const char *arg)
{
	struct watch_options *o = value;

	o->host_given = true;
	return option_text(&o->host.cgroup, arg);
}

int option_host_container(void *value, const char *arg)
{
	struct watch_options *o = value;

	o->host_given = true;
	return option_text(&o->host.container, arg);
}

int option_host_user(void *value, const char *arg)
{
	struct watch_options *o = value;

	o->host_given = o->host.user_given = true;
	return value_user(arg, &o->host.user);
}

int option_host_most(void *value, const char *arg)
{
	struct watch_options *o = value;
	unsigned int n = 0;
	int rc = value_integer(arg, MOST_PROCESSES, &n);

	o->host_given = true;
	if (rc)
		return rc;
	o->host.most = n;
	return n ? 0 : -ERANGE;
}

int option_pids(void *value, const char *arg)
{
	return value_pids(arg, value);
}

void options_host_defaults(struct watch_options *o)
{
	o->budget_percent = HOST_BUDGET_PERCENT;
	o->max_hold_ns = HOST_MAX_HOLD_NS;
	o->window_ns = HOST_WINDOW_NS;
	o->host.most = HOST_PROCESSES;
}
