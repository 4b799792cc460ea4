/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "process/exec_mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "process/process.h"

#define MOUNTS 4096 /* of a namespace: more are not looked at */

static bool is_among(const char *word, const char *const *list, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!strcmp(word, list[i]))
			return true;
	return false;
}

/* What no program is executed from. */
static bool holds_programs(const char *type)
{
	static const char *const none[] = {
		"autofs",  "binfmt_misc", "bpf",	"cgroup",     "cgroup2",   "configfs",
		"debugfs", "devpts",	  "efivarfs",	"fusectl",    "mqueue",	   "nsfs",
		"proc",	   "pstore",	  "rpc_pipefs", "securityfs", "selinuxfs", "sysfs",
		"tracefs", "hugetlbfs",	  "devtmpfs",
	};

	return !is_among(type, none, sizeof(none) / sizeof(none[0]));
}

/* Nobody else has a say in how long an open() takes. */
static bool is_the_kernels(const char *type)
{
	static const char *const local[] = {
		"bcachefs", "btrfs",	"erofs", "exfat", "ext2",    "ext3",  "ext4",
		"f2fs",	    "jfs",	"msdos", "ntfs3", "overlay", "ramfs", "reiserfs",
		"rootfs",   "squashfs", "tmpfs", "vfat",  "xfs",     "zfs",
	};

	return is_among(type, local, sizeof(local) / sizeof(local[0]));
}

/* proc(5): spaces and their like stand as \040 in a line of mountinfo. */
static void unescape(char *text)
{
	char *to = text;

	for (; *text; text++) {
		if (text[0] == '\\' && text[1] >= '0' && text[1] <= '3' && text[2] >= '0' &&
		    text[2] <= '7' && text[3] >= '0' && text[3] <= '7') {
			*to++ = (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 |
				       (text[3] - '0'));
			text += 3;
		} else {
			*to++ = *text;
		}
	}
	*to = '\0';
}

struct mount {	     /* of a line of mountinfo, which it points into */
	char *part;  /* of the file system: "/" all of it */
	char *point; /* where it is mounted */
	char *type;
};

static bool parse_mount(char *line, struct mount *m)
{
	char *type = strstr(line, " - "), *save = NULL, *word;
	int i;

	if (!type)
		return false;
	*type = '\0';
	m->type = strtok_r(type + 3, " ", &save);
	m->part = m->point = NULL;
	word = strtok_r(line, " ", &save);
	for (i = 0; word && i < 5; i++) {
		m->part = i == 3 ? word : m->part;
		m->point = i == 4 ? word : m->point;
		word = strtok_r(NULL, " ", &save);
	}
	return m->type && m->point && holds_programs(m->type);
}

/* 1 marked, 0 there is no need to, or a negative errno. root: of the process whose mount it is. */
static int mark_line(int notify, const char *root, char *line)
{
	char path[PROCESS_PATH];
	struct mount m;
	int r;

	if (!parse_mount(line, &m))
		return 0;
	if (!is_the_kernels(m.type))
		return -EREMOTE;
	/* a part of another one's: its executions are none of ours */
	if (strcmp(m.part, "/") != 0 && strcmp(m.point, "/") != 0 && strcmp(m.type, "btrfs") != 0)
		return strncmp(m.part, "/proc", 5) ? -EXDEV : 0;
	unescape(m.point);
	if (snprintf(path, sizeof(path), "%s%s", root, m.point) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	r = fanotify_mark(notify, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_OPEN_EXEC_PERM, AT_FDCWD,
			  path)
		    ? -errno
		    : 1;
	return r == -ENOENT || r == -ENOTDIR ? 0 : r; /* below another mount, or gone since */
}

int exec_mounts_mark(int notify, const char *process, uint64_t *unmarked)
{
	char path[64], root[64] = "", *line = NULL;
	int r = 0, marked, n = 0;
	uint64_t without = 0;
	bool any = false;
	size_t cap = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/mountinfo", process);
	if (strcmp(process, "self") != 0)
		snprintf(root, sizeof(root), "/proc/%s/root", process);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	while (getline(&line, &cap, f) > 0) {
		marked = n++ < MOUNTS ? mark_line(notify, root, line) : -E2BIG;
		any |= marked > 0;
		without += marked < 0;
		if (marked < 0 && !r)
			r = marked;
	}
	free(line);
	fclose(f);
	if (unmarked)
		__atomic_store_n(unmarked, without, __ATOMIC_RELAXED);
	return any ? 0 : r;
}

/* "36 35 98:0 / /mnt rw - ext4 /dev/sda rw" */
static bool type_of_line(char *line, dev_t dev, char **type)
{
	unsigned int major, minor;
	char *tail = strstr(line, " - ");

	if (!tail || sscanf(line, "%*s %*s %u:%u", &major, &minor) != 2 ||
	    makedev(major, minor) != dev)
		return false;
	*type = tail + 3;
	(*type)[strcspn(*type, " ")] = '\0';
	return true;
}

bool exec_mounts_is_local(pid_t pid, dev_t dev)
{
	char path[64], *line = NULL, *type;
	bool local = true, found = false;
	size_t cap = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/mountinfo", (int)pid);
	f = fopen(path, "re");
	while (f && !found && getline(&line, &cap, f) > 0) {
		found = type_of_line(line, dev, &type);
		if (found)
			local = is_the_kernels(type);
	}
	free(line);
	if (f)
		fclose(f);
	return local;
}

uint64_t exec_mounts_namespace(const char *process)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%s/ns/mnt", process);
	return stat(path, &st) ? 0 : st.st_ino;
}
