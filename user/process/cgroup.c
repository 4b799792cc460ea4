/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "process/cgroup.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE 8192
#define NO_LIMIT (1ull << 62) /* version 1 has a large number where there is none */

struct group { /* of a process, in the hierarchy of one controller */
	char dir[LINE];
	size_t top; /* how much of dir is where the hierarchy is mounted */
};

/* Whether one of the words between commas is this one. */
static bool has_word(const char *list, const char *word)
{
	size_t len = strlen(word), n;

	for (;; list += n + 1) {
		n = strcspn(list, ",");
		if (n == len && !memcmp(list, word, len))
			return true;
		if (!list[n])
			return false;
	}
}

static FILE *open_proc(const char *root, const char *name)
{
	char path[LINE];

	snprintf(path, sizeof(path), "%s/proc/%s", root, name);
	return fopen(path, "re");
}

/* A line of /proc/PID/cgroup, "4:cpu,cpuacct:/docker/1f3"; controller "": that of version 2. */
static bool find_path(const char *root, pid_t pid, const char *controller, char path[LINE])
{
	char name[32], line[LINE], *list, *at;
	bool found = false;
	FILE *f;

	snprintf(name, sizeof(name), "%d/cgroup", (int)pid);
	f = open_proc(root, name);
	while (f && !found && fgets(line, sizeof(line), f)) {
		list = strchr(line, ':');
		at = list ? strchr(list + 1, ':') : NULL;
		if (!at)
			continue;
		*at++ = '\0';
		at[strcspn(at, "\n")] = '\0';
		found = has_word(list + 1, controller) && at[0] == '/' && strncmp(at, "/..", 3);
		if (found)
			snprintf(path, LINE, "%s", at);
	}
	if (f)
		fclose(f);
	return found;
}

/* Where that hierarchy is mounted, and which of its groups is shown there: a container shows its
 * own. Source: proc(5), mountinfo. */
static bool find_mount(const char *root, const char *controller, char shown[LINE], char at[LINE])
{
	char line[LINE], options[LINE], type[32], *tail;
	FILE *f = open_proc(root, "self/mountinfo");
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f)) {
		tail = strstr(line, " - ");
		if (!tail || sscanf(tail, " - %31s %*s %8191s", type, options) != 2 ||
		    sscanf(line, "%*s %*s %*s %8191s %8191s", shown, at) != 2)
			continue;
		found = *controller ? !strcmp(type, "cgroup") && has_word(options, controller)
				    : !strcmp(type, "cgroup2");
	}
	if (f)
		fclose(f);
	return found;
}

static bool find_group(const char *root, pid_t pid, const char *controller, struct group *g)
{
	char path[LINE], shown[LINE], at[LINE];
	size_t len;
	int n;

	if (!find_path(root, pid, controller, path) || !find_mount(root, controller, shown, at))
		return false;
	len = strcmp(shown, "/") ? strlen(shown) : 0;
	if (strncmp(path, shown, len) || (path[len] && path[len] != '/'))
		len = 0;
	n = snprintf(g->dir, sizeof(g->dir), "%s%s", root, at);
	g->top = (size_t)n;
	if (n < 0 || n >= LINE)
		return false;
	n = snprintf(g->dir + g->top, sizeof(g->dir) - g->top, "%s", path + len);
	return n >= 0 && g->top + (size_t)n < sizeof(g->dir);
}

/* The group above; false at the top. */
static bool go_up(struct group *g)
{
	char *slash = strrchr(g->dir + g->top, '/');

	if (!slash)
		return false;
	*slash = '\0';
	return true;
}

static bool read_file(const struct group *g, const char *name, char *buf, int len)
{
	char path[LINE + 64];
	bool read;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", g->dir, name);
	f = fopen(path, "re");
	if (!f)
		return false;
	read = fgets(buf, len, f) != NULL;
	fclose(f);
	return read;
}

/* "50000 100000" or "max 100000" (version 2); version 1 has a file for each. 0: no limit here. */
static double quota_of(const struct group *g, bool old)
{
	double quota = 0, period = 0;
	char line[128];

	if (!old)
		return read_file(g, "cpu.max", line, sizeof(line)) &&
				       sscanf(line, "%lf %lf", &quota, &period) == 2 && quota > 0 &&
				       period > 0
			       ? quota / period
			       : 0;
	if (read_file(g, "cpu.cfs_quota_us", line, sizeof(line)))
		quota = strtod(line, NULL);
	if (read_file(g, "cpu.cfs_period_us", line, sizeof(line)))
		period = strtod(line, NULL);
	return quota > 0 && period > 0 ? quota / period : 0;
}

static void look_at_cpus(const char *root, pid_t pid, bool old, double *cpus)
{
	struct group g;
	double quota;

	if (!find_group(root, pid, old ? "cpu" : "", &g))
		return;
	do {
		quota = quota_of(&g, old);
		if (quota > 0 && (*cpus <= 0 || quota < *cpus))
			*cpus = quota;
	} while (go_up(&g));
}

double cgroup_cpus(const char *root, pid_t pid)
{
	double cpus = 0;

	look_at_cpus(root, pid, false, &cpus);
	look_at_cpus(root, pid, true, &cpus);
	return cpus;
}

/* The lines of cgroup.events are in no order; what a group above froze shows here too. */
static bool says_frozen(const struct group *g)
{
	char path[LINE + 64], line[128];
	bool frozen = false;
	FILE *f;

	snprintf(path, sizeof(path), "%s/cgroup.events", g->dir);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		frozen |= !strcmp(line, "frozen 1\n");
	if (f)
		fclose(f);
	return frozen;
}

void cgroup_look(const char *root, pid_t pid, struct cgroup *cg)
{
	char state[64] = "";
	struct group g;

	memset(cg, 0, sizeof(*cg));
	cg->cpus = cgroup_cpus(root, pid);
	if (find_group(root, pid, "", &g))
		cg->frozen = says_frozen(&g);
	if (find_group(root, pid, "freezer", &g) &&
	    read_file(&g, "freezer.state", state, sizeof(state)))
		cg->frozen |= !strncmp(state, "FROZEN", 6);
}

/* The number behind a word that a line begins with; "max" is none. */
static uint64_t number_in(const struct group *g, const char *name, const char *word, uint64_t none)
{
	char path[LINE + 64], line[128];
	size_t len = strlen(word);
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", g->dir, name);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, word, len) != 0 || line[len] < '0' || line[len] > '9')
			continue;
		none = strtoull(line + len, NULL, 10);
		break;
	}
	if (f)
		fclose(f);
	return none;
}

static uint64_t left_in(const struct group *g, bool old)
{
	uint64_t most = number_in(g, old ? "memory.limit_in_bytes" : "memory.max", "", UINT64_MAX);
	uint64_t used = number_in(g, old ? "memory.usage_in_bytes" : "memory.current", "", 0);
	uint64_t dropped =
		number_in(g, "memory.stat", old ? "total_inactive_file " : "inactive_file ", 0);

	used -= dropped < used ? dropped : used;
	return most == UINT64_MAX ? most : most > used ? most - used : 0;
}

uint64_t cgroup_memory_left(const char *root, pid_t pid)
{
	uint64_t left = UINT64_MAX, here;
	struct group g;
	int old;

	for (old = 0; old < 2; old++) {
		if (!find_group(root, pid, old ? "memory" : "", &g))
			continue;
		do {
			here = left_in(&g, old);
			left = here < left ? here : left;
		} while (go_up(&g));
	}
	return left;
}

void cgroup_memory_each(const char *root, pid_t pid,
			void (*each)(void *arg, const struct cgroup_memory *g), void *arg)
{
	struct cgroup_memory one;
	struct group g;
	int old;

	for (old = 0; old < 2; old++) {
		if (!find_group(root, pid, old ? "memory" : "", &g))
			continue;
		do {
			one.old = old;
			one.dir = g.dir;
			one.name = g.dir[g.top] ? g.dir + g.top : "/";
			one.most = number_in(&g, old ? "memory.limit_in_bytes" : "memory.max", "",
					     UINT64_MAX);
			if (one.most >= NO_LIMIT)
				one.most = UINT64_MAX;
			each(arg, &one);
		} while (go_up(&g));
	}
}

static bool group_at(const char *dir, struct group *g)
{
	int n = snprintf(g->dir, sizeof(g->dir), "%s", dir);

	g->top = 0;
	return n >= 0 && n < LINE;
}

uint64_t cgroup_memory_used(const char *dir, bool old, bool without_files)
{
	uint64_t used, dropped = 0;
	struct group g;

	if (!group_at(dir, &g))
		return 0;
	used = number_in(&g, old ? "memory.usage_in_bytes" : "memory.current", "", 0);
	if (without_files)
		dropped = number_in(&g, "memory.stat",
				    old ? "total_inactive_file " : "inactive_file ", 0);
	return used - (dropped < used ? dropped : used);
}

uint64_t cgroup_memory_oom_kills(const char *dir, bool old)
{
	struct group g;

	return group_at(dir, &g) ? number_in(&g, old ? "memory.oom_control" : "memory.events.local",
					     "oom_kill ", UINT64_MAX)
				 : UINT64_MAX;
}

uint64_t cgroup_memory_hits(const char *dir, bool old)
{
	struct group g;

	return group_at(dir, &g) ? number_in(&g, old ? "memory.failcnt" : "memory.events.local",
					     old ? "" : "oom ", UINT64_MAX)
				 : UINT64_MAX;
}

bool cgroup_has_only(const char *dir, pid_t pid)
{
	char path[LINE + 64], line[64];
	bool there = false, others = false;
	struct stat st;
	FILE *f;

	/* groups below it may have no memory of their own, and be counted with it */
	if (stat(dir, &st) || st.st_nlink > 2)
		return false;
	snprintf(path, sizeof(path), "%s/cgroup.procs", dir);
	f = fopen(path, "re");
	while (f && !others && fgets(line, sizeof(line), f)) {
		there |= strtol(line, NULL, 10) == pid;
		others |= strtol(line, NULL, 10) != pid;
	}
	if (f)
		fclose(f);
	return there && !others;
}

static int open_file(const struct group *g, const char *name)
{
	char path[LINE + 64];

	snprintf(path, sizeof(path), "%s/%s", g->dir, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* What stands in it now, "" when that cannot be read. */
static void read_again(int fd, char *text, size_t size)
{
	ssize_t n = fd >= 0 ? pread(fd, text, size - 1, 0) : 0;

	text[n > 0 ? n : 0] = '\0';
}

bool cgroup_freezer_frozen(struct cgroup_freezer *f, const char *root, pid_t pid)
{
	char text[256];
	struct group g;

	if (!f->open) {
		f->events = find_group(root, pid, "", &g) ? open_file(&g, "cgroup.events") : -1;
		f->state = find_group(root, pid, "freezer", &g) ? open_file(&g, "freezer.state")
								: -1;
		f->open = true;
	}
	read_again(f->events, text, sizeof(text));
	if (strstr(text, "frozen 1"))
		return true;
	read_again(f->state, text, sizeof(text));
	return !strncmp(text, "FROZEN", 6);
}

void cgroup_freezer_close(struct cgroup_freezer *f)
{
	if (!f->open)
		return;
	if (f->events >= 0)
		close(f->events);
	if (f->state >= 0)
		close(f->state);
	f->open = false;
}
