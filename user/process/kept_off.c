/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "process/kept_off.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST 256 /* threads that want to run: of more nothing is believed */
#define MOST_THREADS 4096
#define SAME_LOOK_NS 5000000u
#define ASK_NS 2000000000u /* a thread that is stopped alone waits for no CPU */

static bool read_file(const char *root, const char *name, char *text, size_t size)
{
	char path[512];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/proc/%s", root, name);
	f = fopen(path, "re");
	if (!f)
		return false;
	n = fread(text, 1, size - 1, f);
	fclose(f);
	text[n] = '\0';
	return n;
}

/* For how long any task of this machine has waited for a CPU: where that is little nobody has
 * waited for long. The figure is a mean of all CPUs (Linux kernel/sched/psi.c). Kernels without
 * pressure figures tell nothing: then threads are asked. */
static bool read_pressure(const char *root, uint64_t *waited_ns)
{
	char text[256], *at;
	uint64_t us;

	at = read_file(root, "pressure/cpu", text, sizeof(text)) ? strstr(text, "total=") : NULL;
	if (!at || sscanf(at, "total=%" SCNu64, &us) != 1)
		return false;
	*waited_ns = us * 1000;
	return true;
}

/* Many processes are looked at one after the other: the kernel sums the figure up for each who
 * asks. */
static bool pressure(const char *root, uint64_t now_ns, uint64_t *waited_ns)
{
	static uint64_t at_ns, last_ns;
	static char of[256];
	static bool known;

	if (!known || now_ns - at_ns > SAME_LOOK_NS || strcmp(root, of) != 0) {
		known = strlen(root) < sizeof(of) && read_pressure(root, &last_ns);
		snprintf(of, sizeof(of), "%s", root);
		at_ns = now_ns;
	}
	*waited_ns = last_ns;
	return known;
}

static bool nobody_waits(struct kept_off *k, const char *root, uint64_t now_ns, uint64_t for_ns)
{
	uint64_t before = k->waited_ns;

	if (!pressure(root, now_ns, &k->waited_ns))
		return false;
	if (!k->cpus)
		k->cpus = (unsigned int)sysconf(_SC_NPROCESSORS_ONLN);
	return before && k->waited_ns - before < for_ns / 4 / (k->cpus ? k->cpus : 1);
}

/* Whether it wants to run; its state in any case. */
static bool read_thread(const char *root, pid_t pid, struct kept_off_thread *t)
{
	char name[64], text[4096], *at;

	snprintf(name, sizeof(name), "%d/task/%d/stat", (int)pid, (int)t->tid);
	if (!read_file(root, name, text, sizeof(text)))
		return false;
	at = strrchr(text, ')'); /* the name may have anything in it */
	t->state = at && at[1] ? at[2] : '\0';
	if (t->state != 'R' && t->state != 'D')
		return false;
	snprintf(name, sizeof(name), "%d/task/%d/schedstat", (int)pid, (int)t->tid);
	if (!read_file(root, name, text, sizeof(text)) || sscanf(text, "%" SCNu64, &t->cpu_ns) != 1)
		return false;
	snprintf(name, sizeof(name), "%d/task/%d/status", (int)pid, (int)t->tid);
	at = read_file(root, name, text, sizeof(text)) ? strstr(text, "\nvoluntary_ctxt_switches:")
						       : NULL;
	return at && sscanf(at, " voluntary_ctxt_switches: %" SCNu64, &t->switches) == 1;
}

/* It has not slept, and had less than three quarters of the time; or waited for a page each time
 * that it was looked at. */
static bool was_kept_off(const struct kept_off *k, const struct kept_off_thread *t, uint64_t for_ns)
{
	size_t i;

	for (i = 0; i < k->n; i++) {
		const struct kept_off_thread *before = &k->threads[i];

		if (before->tid != t->tid)
			continue;
		if (before->state == 'D' && t->state == 'D')
			return true;
		return before->switches == t->switches &&
		       t->cpu_ns - before->cpu_ns < for_ns / 4 * 3;
	}
	return false;
}

/* -1: cannot be known. */
static int look_at_threads(const struct kept_off *k, const char *root, pid_t pid, uint64_t for_ns,
			   struct kept_off_thread now[MOST], size_t *n)
{
	struct dirent *entry;
	char path[512];
	size_t threads = 0;
	int kept = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/proc/%d/task", root, (int)pid);
	dir = opendir(path);
	while (dir && kept >= 0 && (entry = readdir(dir))) {
		struct kept_off_thread t = {.tid = (pid_t)strtol(entry->d_name, NULL, 10)};

		if (t.tid <= 0)
			continue;
		if (++threads > MOST_THREADS)
			kept = -1;
		if (!read_thread(root, pid, &t)) {
			kept |= t.state == 't' || t.state == 'T';
			continue;
		}
		kept |= was_kept_off(k, &t, for_ns);
		if (*n == MOST)
			kept = -1;
		else
			now[(*n)++] = t;
	}
	if (dir)
		closedir(dir);
	return kept;
}

bool kept_off_look(struct kept_off *k, const char *root, pid_t pid, uint64_t now_ns)
{
	uint64_t for_ns = k->looked_ns ? now_ns - k->looked_ns : 0;
	struct kept_off_thread now[MOST];
	size_t n = 0;
	int kept = 0;

	if (!nobody_waits(k, root, now_ns, for_ns) || now_ns - k->asked_ns >= ASK_NS) {
		kept = look_at_threads(k, root, pid, for_ns, now, &n);
		k->asked_ns = now_ns;
	}
	free(k->threads);
	k->threads = n ? calloc(n, sizeof(*now)) : NULL;
	k->n = k->threads ? n : 0;
	if (k->n)
		memcpy(k->threads, now, n * sizeof(*now));
	k->looked_ns = now_ns;
	return kept || k->n != n;
}

void kept_off_free(struct kept_off *k)
{
	free(k->threads);
	*k = (struct kept_off){};
}
