/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "process/names.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "process/proc_text.h"

#define CONTAINER_ID 64
#define UID_DASHED 36
#define UID_PLAIN 32 /* of a pod that is in a file on the node */
#define GROUPS_MAX (64u << 10)

struct part { /* of a path or of a name, not terminated */
	const char *at;
	size_t len;
};

static bool is_hex(const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (!isxdigit((unsigned char)s[i]))
			return false;
	return true;
}

static bool drop_start(struct part *p, const char *start)
{
	size_t n = strlen(start);

	if (p->len < n || strncmp(p->at, start, n) != 0)
		return false;
	p->at += n;
	p->len -= n;
	return true;
}

static bool drop_end(struct part *p, const char *end)
{
	size_t n = strlen(end);

	if (p->len < n || strncmp(p->at + p->len - n, end, n) != 0)
		return false;
	p->len -= n;
	return true;
}

static void copy(char *to, size_t size, const struct part *p)
{
	snprintf(to, size, "%.*s", (int)p->len, p->at);
}

/* "docker-ID.scope", "ID", "kubepods-podUID.slice:cri-containerd:ID". What watches over a container
 * (conmon) is none. */
static bool take_id(struct names *names, struct part p)
{
	static const char *const starts[] = {"docker-", "cri-containerd-", "containerd-",
					     "crio-",	"libpod-",	   "nerdctl-"};
	const char *colon = memrchr(p.at, ':', p.len);
	size_t i;

	if (colon) {
		p.len -= (size_t)(colon + 1 - p.at);
		p.at = colon + 1;
	}
	(void)drop_end(&p, ".scope");
	for (i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		if (drop_start(&p, starts[i]))
			break;
	if (p.len != CONTAINER_ID || !is_hex(p.at, p.len))
		return false;
	copy(names->container, sizeof(names->container), &p);
	return true;
}

/* Containers that have a name: "lxc.payload.NAME", "machine-NAME.scope",
 * "systemd-nspawn@NAME.service". */
static bool take_name(struct names *names, struct part p, const struct part *before)
{
	struct part above = *before;
	bool named = drop_start(&p, "lxc.payload.") ||
		     (above.len == 3 && drop_start(&above, "lxc")) ||
		     (drop_start(&p, "machine-") && drop_end(&p, ".scope")) ||
		     (drop_start(&p, "systemd-nspawn@") && drop_end(&p, ".service"));

	if (!named || !p.len || p.len >= sizeof(names->container))
		return false;
	copy(names->container, sizeof(names->container), &p);
	return true;
}

/* "podUID", "kubepods-burstable-podUID.slice", whose dashes systemd wants to be underlines. */
static void take_pod(struct names *names, struct part p)
{
	const char *colon = memchr(p.at, ':', p.len);
	char uid[UID_DASHED + 1];
	size_t i;

	if (colon)
		p.len = (size_t)(colon - p.at);
	(void)drop_end(&p, ".slice");
	for (i = p.len; i-- > 0;)
		if (!strncmp(p.at + i, "pod", 3) && (!i || p.at[i - 1] == '-'))
			break;
	if (i == (size_t)-1 || p.len < i + 3)
		return;
	p.at += i + 3;
	p.len -= i + 3;
	if (p.len != UID_DASHED && p.len != UID_PLAIN)
		return;
	for (i = 0; i < p.len; i++) {
		uid[i] = p.at[i] == '_' ? '-' : p.at[i];
		if (!isxdigit((unsigned char)uid[i]) && uid[i] != '-')
			return;
	}
	uid[i] = '\0';
	snprintf(names->pod, sizeof(names->pod), "%s", uid);
}

/* The innermost one that is not a container's. */
static void take_unit(struct names *names, struct part p)
{
	struct part name = p;

	if (!(drop_end(&p, ".service") || drop_end(&p, ".scope")) || !p.len ||
	    name.len >= sizeof(names->unit))
		return;
	copy(names->unit, sizeof(names->unit), &name);
}

static void take_path(struct names *names, const char *path, size_t len, bool units)
{
	struct part p = {path, 0}, before = {path, 0};
	const char *end = path + len;

	for (; p.at < end; p.at += p.len + 1) {
		const char *slash = memchr(p.at, '/', (size_t)(end - p.at));

		p.len = slash ? (size_t)(slash - p.at) : (size_t)(end - p.at);
		take_pod(names, p);
		if (!take_id(names, p) && !take_name(names, p, &before) && units)
			take_unit(names, p);
		before = p;
	}
}

/* "12:cpu,cpuacct:/path", "1:name=systemd:/path", "0::/path": the path, the last of three. */
static const char *path_of(const char *line, size_t len, bool *units)
{
	const char *first = memchr(line, ':', len), *second;

	if (!first)
		return NULL;
	second = memchr(first + 1, ':', (size_t)(line + len - first - 1));
	if (!second)
		return NULL;
	*units = second == first + 1 || !strncmp(first + 1, "name=systemd", 12);
	return second + 1;
}

void names_of_groups(struct names *names, const char *groups)
{
	const char *line, *path;
	size_t len;
	bool units;

	memset(names, 0, sizeof(*names));
	for (line = groups; *line; line += len + (line[len] == '\n')) {
		len = strcspn(line, "\n");
		path = path_of(line, len, &units);
		if (path)
			take_path(names, path, (size_t)(line + len - path), units);
	}
}

bool names_in_group(const char *groups, const char *path)
{
	static const char top[] = "/sys/fs/cgroup";
	const char *line, *at;
	size_t len, n;
	bool units;

	if (!strncmp(path, top, sizeof(top) - 1) &&
	    (path[sizeof(top) - 1] == '/' || !path[sizeof(top) - 1]))
		path += sizeof(top) - 1;
	while (*path == '/')
		path++;
	n = strlen(path);
	while (n && path[n - 1] == '/')
		n--;
	for (line = groups; *line; line += len + (line[len] == '\n')) {
		len = strcspn(line, "\n");
		at = path_of(line, len, &units);
		if (!at || *at != '/')
			continue;
		at++;
		if (!n || ((size_t)(line + len - at) >= n && !strncmp(at, path, n) &&
			   (at + n == line + len || at[n] == '/')))
			return true;
	}
	return false;
}

/* ---- a live process ---- */

static long number_of(const char *status, const char *name, unsigned int which)
{
	const char *at = strstr(status, name);
	char *end;
	long n = 0;

	if (!at)
		return 0;
	at += strlen(name);
	do {
		n = strtol(at, &end, 10);
		at = end;
	} while (which--);
	return n;
}

static void join_args(char *args, size_t len)
{
	size_t i;

	while (len && !args[len - 1])
		len--;
	for (i = 0; i < len; i++)
		if (!args[i])
			args[i] = ' ';
}

int identity_read(struct identity *id, pid_t pid)
{
	size_t len;
	char *status = proc_text(pid, "status", 2048, &len);
	bool gone = !len;

	memset(id, 0, sizeof(*id));
	if (status) {
		id->parent = (pid_t)number_of(status, "\nPPid:\t", 0);
		id->uid = (uid_t)number_of(status, "\nUid:\t", 1);
	}
	gone |= !status;
	free(status);
	id->args = proc_text(pid, "cmdline", IDENTITY_ARGS, &len);
	if (id->args)
		join_args(id->args, len);
	id->groups = proc_text(pid, "cgroup", GROUPS_MAX, &len);
	if (!id->args || !id->groups)
		return -ENOMEM;
	names_of_groups(&id->names, id->groups);
	return gone ? -ESRCH : 0;
}

void identity_free(struct identity *id)
{
	free(id->args);
	free(id->groups);
	id->args = id->groups = NULL;
}
