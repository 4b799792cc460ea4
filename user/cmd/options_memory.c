/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "cmd/options_memory.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/values.h"

static const double defaults[MEMORY_THRESHOLDS] = {80, 92, 97};

int option_memory_limit(void *value, const char *arg)
{
	struct watch_options *o = value;
	uint64_t limit = 0;
	int rc = value_size(arg, &limit);

	if (rc || !limit)
		return rc ? rc : -ERANGE;
	o->memory.on = true;
	o->memory.limit = limit;
	return 0;
}

int option_memory_at(void *value, const char *arg)
{
	struct watch_options *o = value;
	double at[MEMORY_THRESHOLDS];
	size_t i, n;
	char one[32];
	int rc;

	for (i = 0; i < MEMORY_THRESHOLDS; i++) {
		n = strcspn(arg, ",");
		if (!n || n >= sizeof(one) || (arg[n] == ',') != (i + 1 < MEMORY_THRESHOLDS))
			return -EINVAL;
		snprintf(one, sizeof(one), "%.*s", (int)n, arg);
		rc = value_percent(one, &at[i]);
		if (rc)
			return rc;
		if (at[i] < 1 || (i && at[i] <= at[i - 1]))
			return -ERANGE;
		arg += n + 1;
	}
	o->memory.on = true;
	memcpy(o->memory.at, at, sizeof(at));
	return 0;
}

int option_memory_dir(void *value, const char *arg)
{
	struct watch_options *o = value;

	o->memory.on = true;
	return option_text(&o->memory.dir, arg);
}

void options_memory_defaults(struct watch_options *o)
{
	memcpy(o->memory.at, defaults, sizeof(defaults));
}
