/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "detect/bpfmap/actors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "go/buildinfo.h"
#include "process/elf_file.h"

/* What /proc says now of the thread's name: "" when it is gone. */
static void read_comm(char comm[17], uint32_t pid, uint32_t tid)
{
	char path[64];
	FILE *file;

	comm[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%u/task/%u/comm", pid, tid);
	file = fopen(path, "re");
	if (!file)
		return;
	if (!fgets(comm, 17, file))
		comm[0] = '\0';
	comm[strcspn(comm, "\n")] = '\0';
	fclose(file);
}

/* malloc'ed; "" when the process is gone. */
static char *read_exe(uint32_t pid)
{
	char path[64], target[4096];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%u/exe", pid);
	n = readlink(path, target, sizeof(target) - 1);
	target[n < 0 ? 0 : n] = '\0';
	return strdup(target);
}

/* The path in the unified hierarchy, "0::/user.slice/…", else in the first one. */
static char *read_cgroup(uint32_t pid)
{
	char path[64], line[4096], best[4096] = "", *at;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%u/cgroup", pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		at = strchr(line, ':');
		at = at ? strchr(at + 1, ':') : NULL;
		if (at && (!best[0] || !strncmp(line, "0::", 3)))
			snprintf(best, sizeof(best), "%.4000s", at + 1);
	}
	if (file)
		fclose(file);
	return strdup(best);
}

int actor_name(struct report_actor *out, const struct mr_bpf_actor *actor,
	       const struct programs *programs, bool foreign)
{
	const struct bpf_known_program *p = NULL;
	bool task = actor->kind == MR_BPF_TASK, same = false;
	char comm[17];

	memset(out, 0, sizeof(*out));
	if (task && !foreign) {
		/* another process may have the number by now */
		read_comm(comm, actor->tgid, actor->tid);
		same = comm[0] && (!actor->comm[0] || !strncmp(comm, actor->comm, 15));
	}
	if (!task)
		p = actor->prog_id ? programs_find(programs, actor->prog_id)
				   : programs_at(programs, actor->caller);
	out->program = !task;
	out->pid = actor->tgid;
	out->comm = same ? strdup(comm) : strndup(actor->comm, sizeof(actor->comm));
	out->exe = same ? read_exe(actor->tgid) : strdup("");
	out->cgroup = same ? read_cgroup(actor->tgid) : strdup("");
	out->prog_id = p ? p->id : actor->prog_id;
	out->prog_name = strdup(p ? p->name : "");
	out->prog_type = strdup(p ? program_type_name(p->type) : "");
	out->prog_tag = strdup(p ? p->tag : "");
	return out->comm && out->exe && out->cgroup && out->prog_name && out->prog_type &&
			       out->prog_tag
		       ? 0
		       : -ENOMEM;
}

enum report_doubt actor_doubt(const struct report_actor *actor)
{
	struct err err = {.text = ""};
	struct buildinfo info;
	struct elf_file *elf;
	char path[64];
	int r;

	if (actor->program)
		return REPORT_NO_DOUBT;
	snprintf(path, sizeof(path), "/proc/%u/exe", actor->pid);
	if (!actor->exe[0] || elf_file_open(&elf, path, &err))
		return REPORT_UNKNOWN_PROGRAM;
	r = buildinfo_read(&info, elf, path, &err);
	elf_file_close(elf);
	if (r)
		return r == -ENOENT ? REPORT_NO_DOUBT : REPORT_UNKNOWN_PROGRAM;
	buildinfo_free(&info);
	return REPORT_GOROUTINES;
}

const char *actor_label(const struct report_actor *actor)
{
	return actor->program ? actor->prog_name : actor->comm;
}
