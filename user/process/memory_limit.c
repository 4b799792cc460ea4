/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "process/memory_limit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "process/cgroup.h"

#define MOST_ENVIRONMENT (256u << 10)

struct statm { /* in bytes */
	uint64_t size, resident, shared, data;
};

uint64_t memory_limit_of_go(const char *text)
{
	static const struct {
		const char *name;
		unsigned int shift;
	} units[] = {{"", 0}, {"B", 0}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}, {"TiB", 40}};
	unsigned long long n;
	char *end;
	size_t i;

	if (*text < '0' || *text > '9')
		return 0;
	errno = 0;
	n = strtoull(text, &end, 10);
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (!strcmp(end, units[i].name))
			break;
	if (errno || i == sizeof(units) / sizeof(units[0]) || n >= 1ull << (62 - units[i].shift))
		return 0; /* the runtime ends a program whose limit it does not understand */
	return n << units[i].shift;
}

static FILE *open_proc(const char *root, pid_t pid, const char *name)
{
	char path[4096];
	int n = snprintf(path, sizeof(path), "%s/proc/%d/%s", root, (int)pid, name);

	return n > 0 && (size_t)n < sizeof(path) ? fopen(path, "re") : NULL;
}

static bool read_statm(const char *root, pid_t pid, struct statm *s)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	unsigned long long size, resident, shared, data;
	FILE *f = open_proc(root, pid, "statm");
	bool read = f &&
		    fscanf(f, "%llu %llu %llu %*u %*u %llu", &size, &resident, &shared, &data) == 4;

	if (f)
		fclose(f);
	if (read)
		*s = (struct statm){size * page, resident * page, shared * page, data * page};
	return read;
}

static struct memory_limit *add(struct memory_limits *l, enum memory_limit_kind kind, uint64_t most)
{
	struct memory_limit *one;

	if (!most || most == UINT64_MAX || l->n == MEMORY_LIMITS)
		return NULL;
	one = &l->list[l->n++];
	*one = (struct memory_limit){.kind = kind, .most = most};
	return one;
}

struct finding {
	struct memory_limits *limits;
	int r;
};

static void on_group(void *arg, const struct cgroup_memory *g)
{
	struct finding *f = arg;
	struct memory_limits *l = f->limits;
	struct memory_limit *one;

	if (!l->own_dir && cgroup_memory_oom_kills(g->dir, g->old) != UINT64_MAX) {
		l->own_dir = strdup(g->dir);
		l->own_old = g->old;
		if (!l->own_dir)
			f->r = -ENOMEM;
	}
	one = add(l, g->old ? MEMORY_LIMIT_CGROUP1 : MEMORY_LIMIT_CGROUP2, g->most);
	if (!one)
		return;
	one->dir = strdup(g->dir);
	one->name = strdup(g->name);
	if (!one->dir || !one->name)
		f->r = -ENOMEM;
}

/* The soft ones, which are those that the kernel holds it to. */
static void find_rlimits(struct memory_limits *l, const char *root, pid_t pid)
{
	FILE *f = open_proc(root, pid, "limits");
	unsigned long long most;
	char line[256];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Max address space %llu", &most) == 1)
			add(l, MEMORY_LIMIT_ADDRESS_SPACE, most);
		else if (sscanf(line, "Max data size %llu", &most) == 1)
			add(l, MEMORY_LIMIT_DATA, most);
	}
	if (f)
		fclose(f);
}

/* The first one of that name is the one that the runtime takes. */
static int find_go_limit(struct memory_limits *l, const char *root, pid_t pid)
{
	static const char name[] = "GOMEMLIMIT=";
	char *env = calloc(1, MOST_ENVIRONMENT + 1);
	FILE *f = env ? open_proc(root, pid, "environ") : NULL;
	size_t len, at;

	if (!env)
		return -ENOMEM;
	len = f ? fread(env, 1, MOST_ENVIRONMENT, f) : 0;
	for (at = 0; at < len; at += strlen(env + at) + 1) {
		if (strncmp(env + at, name, sizeof(name) - 1) != 0)
			continue;
		add(l, MEMORY_LIMIT_GO, memory_limit_of_go(env + at + sizeof(name) - 1));
		break;
	}
	if (f)
		fclose(f);
	free(env);
	return 0;
}

int memory_limits_find(struct memory_limits *l, const char *root, pid_t pid, uint64_t given)
{
	struct finding f = {.limits = l};
	struct statm unused;

	*l = (struct memory_limits){.n = 0};
	if (!read_statm(root, pid, &unused))
		return -ESRCH;
	add(l, MEMORY_LIMIT_GIVEN, given);
	find_rlimits(l, root, pid);
	f.r = find_go_limit(l, root, pid);
	cgroup_memory_each(root, pid, on_group, &f);
	return f.r;
}

static uint64_t use_of(const struct memory_limit *one, const struct statm *s, double from)
{
	bool old = one->kind == MEMORY_LIMIT_CGROUP1;
	uint64_t used;

	switch (one->kind) {
	case MEMORY_LIMIT_CGROUP2:
	case MEMORY_LIMIT_CGROUP1:
		used = cgroup_memory_used(one->dir, old, false);
		return (double)used < from * (double)one->most
			       ? used
			       : cgroup_memory_used(one->dir, old, true);
	case MEMORY_LIMIT_ADDRESS_SPACE:
		return s->size;
	case MEMORY_LIMIT_DATA:
		return s->data;
	case MEMORY_LIMIT_GO:
		return s->resident - (s->shared < s->resident ? s->shared : s->resident);
	case MEMORY_LIMIT_GIVEN:
		break;
	}
	return s->resident;
}

static double part(const struct memory_limit *one)
{
	return (double)one->used / (double)one->most;
}

const struct memory_limit *memory_limits_look(struct memory_limits *l, const char *root, pid_t pid,
					      double from, bool soft)
{
	const struct memory_limit *fullest = NULL;
	struct statm s;
	size_t i;

	if (!l->n || !read_statm(root, pid, &s) || !s.size)
		return NULL;
	for (i = 0; i < l->n; i++) {
		struct memory_limit *one = &l->list[i];

		if ((one->kind == MEMORY_LIMIT_GO) != soft)
			continue;
		one->used = use_of(one, &s, from);
		if (one->used && (!fullest || part(one) > part(fullest)))
			fullest = one;
	}
	return fullest;
}

void memory_limits_free(struct memory_limits *l)
{
	while (l->n) {
		free(l->list[--l->n].dir);
		free(l->list[l->n].name);
	}
	free(l->own_dir);
	l->own_dir = NULL;
}
