/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "probe/feature.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "probe/feature_following.h"
#include "feature.skel.h"

#define PID_NAMESPACE_INITIAL                                                                      \
	0xEFFFFFFCu /* PROC_PID_INIT_INO, include/uapi/linux/nsfs.h since 6.17, the same since 3.8 \
		     */

/* Our tables are 18.4 MB for a process, on two CPUs and without options; before 5.11 the programs
 * count as well. */
#define MEMORY_WANTED (32u << 20)
#define MEMORY_PIECE 4096u

static volatile uint64_t known_word = 0x6d61707261636521ull;

/* What the probes are tried on: nothing else calls it. */
static __attribute__((noinline)) void feature_target(void)
{
	asm volatile("nop" ::: "memory");
}

static void *call_target(void *unused)
{
	feature_target();
	return unused;
}

struct own_offset {
	uintptr_t addr;
	uint64_t offset;
	bool found;
};

static int own_segment(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct own_offset *own = arg;
	int i;

	(void)size;
	for (i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + p->p_vaddr;

		if (p->p_type != PT_LOAD || own->addr < start || own->addr >= start + p->p_filesz)
			continue;
		own->offset = own->addr - start + p->p_offset;
		own->found = true;
		return 1;
	}
	return 1; /* the first object is the program */
}

/* Opens the little object, sets up its read-only data, loads one program. */
static struct feature_bpf *load_probe(bool multi, bool pidns, int *error)
{
	struct feature_bpf *skel = feature_bpf__open();
	struct bpf_program *prog;
	unsigned long long dev, ino;

	if (!skel) {
		*error = -errno;
		return NULL;
	}
	prog = pidns ? skel->progs.feature_pidns : skel->progs.feature_hit;
	bpf_program__set_autoload(prog, true);
	if (multi)
		bpf_program__set_expected_attach_type(prog, FEATURE_ATTACH_UPROBE_MULTI);
	skel->rodata->word_addr = (uintptr_t)&known_word;
	if (pidns && feature_in_pid_namespace(&dev, &ino)) {
		skel->rodata->pidns_dev = dev;
		skel->rodata->pidns_ino = ino;
	}
	*error = feature_bpf__load(skel);
	if (*error) {
		feature_bpf__destroy(skel);
		return NULL;
	}
	return skel;
}

/* Code of ours that nobody has run yet may not be in memory: see read_in() in probe/links.c. */
static void read_in(uintptr_t addr)
{
	(void)*(const volatile unsigned char *)addr;
}

static struct bpf_link *attach_probe(const struct bpf_program *prog, bool multi, int pid,
				     uint64_t offset)
{
	unsigned long offsets[1] = {offset};
	LIBBPF_OPTS(bpf_uprobe_multi_opts, opts, .offsets = offsets, .cnt = 1);

	if (multi)
		return bpf_program__attach_uprobe_multi(prog, pid, "/proc/self/exe", NULL, &opts);
	return bpf_program__attach_uprobe(prog, false, pid, "/proc/self/exe", offset);
}

static struct bpf_link *left_links[2];

/* Attaches to our own process and calls the target from a second thread: 0 when everything worked. */
static int try_uprobe(bool multi, bool pidns, struct feature_answer *a)
{
	struct own_offset own = {.addr = (uintptr_t)feature_target};
	struct bpf_link *link = NULL;
	struct feature_bpf *skel;
	pthread_t thread;
	int r;

	dl_iterate_phdr(own_segment, &own);
	if (!own.found) {
		snprintf(a->detail, sizeof(a->detail),
			 "our own executable is not where it should be");
		return -ENOENT;
	}
	skel = load_probe(multi, pidns, &r);
	if (!skel) {
		snprintf(a->detail, sizeof(a->detail), "the kernel does not load the program: %s",
			 err_name(r));
		return r;
	}
	read_in(own.addr);
	link = attach_probe(pidns ? skel->progs.feature_pidns : skel->progs.feature_hit, multi,
			    getpid(), own.offset);
	if (!link) {
		r = -errno;
		snprintf(a->detail, sizeof(a->detail), "the kernel does not attach it: %s",
			 err_name(r));
		goto out;
	}
	r = -pthread_create(&thread, NULL, call_target, NULL);
	if (r)
		goto out;
	pthread_join(thread, NULL);
	if (pidns) {
		r = skel->bss->ns_tgid == (uint32_t)getpid() ? 0 : -ESRCH;
	} else if (!skel->bss->hits) {
		snprintf(a->detail, sizeof(a->detail),
			 "it fires in the main thread only (kernels 6.6 to 6.9 filter by thread)");
		r = -ESRCH;
	} else if (skel->bss->word != known_word) {
		snprintf(a->detail, sizeof(a->detail),
			 "it fires but may not read memory (kernel lockdown)");
		snprintf(
			a->fix, sizeof(a->fix),
			"boot without lockdown=confidentiality (see /sys/kernel/security/lockdown)");
		r = -EPERM;
	}
out:
	/* Waiting until the kernel has taken it away takes 40 ms, and nobody else calls the target:
	 * it goes when we go. */
	left_links[multi] = link;
	feature_bpf__destroy(skel);
	return r;
}

/* "none integrity [confidentiality]": then no program loads that reads memory, with an error that
 * does not say so (EINVAL). */
static bool locked_down(void)
{
	char modes[128] = "";
	FILE *file = fopen("/sys/kernel/security/lockdown", "re");

	if (!file)
		return false;
	if (!fgets(modes, sizeof(modes), file))
		modes[0] = 0;
	fclose(file);
	return strstr(modes, "[confidentiality]");
}

int feature_probe_place(int pid, uintptr_t addr)
{
	bool multi = feature_have(FEATURE_UPROBE_MULTI);
	struct own_offset own = {.addr = addr};
	struct feature_bpf *skel;
	int r;

	dl_iterate_phdr(own_segment, &own);
	if (!own.found)
		return -ENOENT;
	skel = load_probe(multi, false, &r);
	if (!skel)
		return r;
	read_in(own.addr);
	left_links[multi] = attach_probe(skel->progs.feature_hit, multi, pid, own.offset);
	r = left_links[multi] ? 0 : -errno;
	feature_bpf__destroy(skel);
	return r;
}

void feature_fix_privileges(struct feature_answer *a, int error, const char *otherwise)
{
	if (a->fix[0])
		return;
	if (locked_down()) {
		snprintf(
			a->fix, sizeof(a->fix), "%s",
			"boot without lockdown=confidentiality, which the kernel is in (/sys/kernel/security/lockdown)");
		return;
	}
	if (error == -EPERM || error == -EACCES)
		snprintf(
			a->fix, sizeof(a->fix),
			"run as root, or with CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE; else look at kernel lockdown and seccomp");
	else
		snprintf(a->fix, sizeof(a->fix), "%s", otherwise);
}

void feature_raise_memory_limit(void)
{
	struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};

	if (!setrlimit(RLIMIT_MEMLOCK, &limit) || getrlimit(RLIMIT_MEMLOCK, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_MEMLOCK, &limit);
}

static void ask_bpf(struct feature_answer *a)
{
	int fd;

	feature_raise_memory_limit();
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, NULL, 4, 4, 1, NULL);
	a->have = fd >= 0;
	if (fd >= 0) {
		close(fd);
		return;
	}
	snprintf(a->detail, sizeof(a->detail), "bpf(BPF_MAP_CREATE): %s", err_name(fd));
	feature_fix_privileges(a, fd, "use a kernel built with CONFIG_BPF_SYSCALL");
}

static void ask_memory(struct feature_answer *a)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, NULL, 4, MEMORY_PIECE,
				MEMORY_WANTED / MEMORY_PIECE, NULL);

	a->have = fd >= 0;
	if (fd >= 0) {
		close(fd);
		return;
	}
	snprintf(a->detail, sizeof(a->detail), "bpf(BPF_MAP_CREATE) of %u MB: %s",
		 MEMORY_WANTED >> 20, err_name(fd));
	if (fd == -EPERM && feature_have(FEATURE_BPF))
		snprintf(
			a->fix, sizeof(a->fix),
			"add CAP_SYS_RESOURCE, or raise the hard limit of locked memory, to which this kernel charges BPF maps: ulimit -l %u, twice that for hundreds of processes",
			MEMORY_WANTED >> 10);
	else
		feature_fix_privileges(a, fd, "allow this control group more memory");
}

static void ask_btf(struct feature_answer *a)
{
	a->have = !access("/sys/kernel/btf/vmlinux", R_OK);
	if (a->have)
		return;
	snprintf(a->detail, sizeof(a->detail), "/sys/kernel/btf/vmlinux: %s", err_name(errno));
	snprintf(a->fix, sizeof(a->fix),
		 "mount sysfs at /sys, or use a kernel built with CONFIG_DEBUG_INFO_BTF");
}

static void ask_ringbuf(struct feature_answer *a)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, NULL, 0, 0,
				(unsigned int)sysconf(_SC_PAGESIZE), NULL);

	a->have = fd >= 0;
	if (fd >= 0) {
		close(fd);
		return;
	}
	snprintf(a->detail, sizeof(a->detail), "bpf(BPF_MAP_CREATE): %s", err_name(fd));
	feature_fix_privileges(a, fd, "use a kernel of version 5.8 or later");
}

/* Measured (docs/kernels.md): 6.1 and later want it whatever else there is; Debian's 5.10 only
 * above paranoid level 2. */
static void fix_perf_events(struct feature_answer *a, int error)
{
	if (error == -EACCES && !a->fix[0])
		snprintf(
			a->fix, sizeof(a->fix),
			"run as root, or add CAP_SYS_ADMIN, which perf events on uprobes need (on 5.10 kernel.perf_event_paranoid=2 may do)");
}

static void ask_uprobe(struct feature_answer *a)
{
	int r;

	if (access("/sys/bus/event_source/devices/uprobe/type", R_OK)) {
		snprintf(a->detail, sizeof(a->detail),
			 "/sys/bus/event_source/devices/uprobe/type: %s", err_name(errno));
		snprintf(a->fix, sizeof(a->fix),
			 "mount sysfs at /sys, or use a kernel built with CONFIG_UPROBE_EVENTS");
		return;
	}
	r = try_uprobe(false, false, a);
	a->have = !r;
	fix_perf_events(a, r);
	if (r)
		feature_fix_privileges(
			a, r,
			"use a kernel built with CONFIG_UPROBE_EVENTS; see dmesg for a refusal");
}

static void ask_uprobe_multi(struct feature_answer *a)
{
	int r = try_uprobe(true, false, a);

	a->have = !r;
	if (r)
		feature_fix_privileges(a, r,
				       "none needed: maprace uses one perf event per site instead");
}

static void ask_loop(struct feature_answer *a)
{
	a->have = libbpf_probe_bpf_helper(BPF_PROG_TYPE_KPROBE, BPF_FUNC_loop, NULL) == 1;
	if (!a->have)
		snprintf(a->fix, sizeof(a->fix),
			 "none needed: stacks are walked by a bounded loop instead");
}

static void ask_pidns(struct feature_answer *a)
{
	bool multi;
	int r;

	if (!feature_in_pid_namespace(NULL, NULL)) {
		a->have = true;
		snprintf(a->detail, sizeof(a->detail),
			 "not needed: this is the initial PID namespace");
		return;
	}
	/* by the probes that will be used: perf events need more privileges */
	multi = feature_have(FEATURE_UPROBE_MULTI);
	r = try_uprobe(multi, true, a);
	a->have = !r;
	if (!multi)
		fix_perf_events(a, r);
	if (r)
		feature_fix_privileges(a, r, "run maprace in the host's PID namespace");
}

/* A process that even its own user may not look into, until our end of the pair is closed. */
static pid_t start_guarded(int ours, int its)
{
	pid_t pid = fork();
	char byte = 0;

	if (pid)
		return pid;
	close(ours);
	if (!prctl(PR_SET_DUMPABLE, 0) && write(its, &byte, 1) == 1)
		(void)!read(its, &byte, 1);
	_exit(0);
}

static void look_into(pid_t pid, struct feature_answer *a)
{
	uint64_t word = 0;
	struct iovec to = {&word, sizeof(word)};
	struct iovec from = {(void *)(uintptr_t)&known_word, sizeof(word)};
	char path[32], exe[8];

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	if (readlink(path, exe, sizeof(exe)) < 0)
		snprintf(a->detail, sizeof(a->detail), "/proc/PID/exe of such a process: %s",
			 err_name(errno));
	else if (process_vm_readv(pid, &to, 1, &from, 1, 0) != sizeof(word))
		snprintf(a->detail, sizeof(a->detail), "process_vm_readv() of such a process: %s",
			 err_name(errno));
	else
		a->have = true;
	if (!a->have)
		snprintf(
			a->fix, sizeof(a->fix),
			"run as root, or add CAP_SYS_PTRACE; else look at kernel.yama.ptrace_scope (3 forbids it to all) and seccomp");
}

static void ask_ptrace(struct feature_answer *a)
{
	pid_t pid = -1;
	int pair[2];
	char byte;

	if (!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) {
		pid = start_guarded(pair[0], pair[1]);
		close(pair[1]);
		if (pid > 0 && read(pair[0], &byte, 1) == 1)
			look_into(pid, a);
		close(pair[0]);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
	if (!a->have && !a->detail[0])
		snprintf(a->detail, sizeof(a->detail), "there is no process to try it on");
}

bool feature_in_pid_namespace(unsigned long long *dev, unsigned long long *ino)
{
	struct stat st;

	if (stat("/proc/self/ns/pid", &st))
		return false;
	if (dev)
		*dev = st.st_dev;
	if (ino)
		*ino = st.st_ino;
	return st.st_ino != PID_NAMESPACE_INITIAL;
}

static const struct {
	const char *name, *what, *without;
	void (*ask)(struct feature_answer *a);
} table[FEATURE_MAX] = {
	[FEATURE_BPF] = {"bpf", "the bpf system call, with the right to use it", NULL, ask_bpf},
	[FEATURE_BTF] = {"btf", "type information of the kernel",
			 "kernel BPF maps cannot be watched; Go programs can", ask_btf},
	[FEATURE_RINGBUF] = {"ringbuf", "ring buffers from BPF to user space", NULL, ask_ringbuf},
	[FEATURE_MEMORY] = {"memory", "room in the kernel for our tables", NULL, ask_memory},
	[FEATURE_LOOP] = {"loop", "bpf_loop(), loops that are verified once",
			  "loading the programs takes longer", ask_loop},
	[FEATURE_UPROBE] = {"uprobe", "probes in user programs, one perf event per site",
			    "uprobe-multi alone must do", ask_uprobe},
	[FEATURE_UPROBE_MULTI] = {"uprobe-multi", "one link for all sites of a program",
				  "attaching and detaching take longer", ask_uprobe_multi},
	[FEATURE_PIDNS] = {"pid-namespace", "process ids of this PID namespace seen from BPF", NULL,
			   ask_pidns},
	[FEATURE_PTRACE] = {"ptrace", "looking into processes of other users",
			    "only processes of this user, with no more privileges, can be watched",
			    ask_ptrace},
	[FEATURE_EXECS] = {"execs", "the kernel tells who executes what (watch --all)",
			   "new processes are found in /proc only, a quarter of a second late",
			   feature_ask_execs},
	[FEATURE_GATE] = {"exec-gate", "the kernel asks before a program runs (watch -- CMD)",
			  "what CMD starts in other processes is not watched", feature_ask_gate},
	[FEATURE_TRACE] = {"trace", "stopping what CMD starts before it runs (watch -- CMD)",
			   "no command is watched; processes are (-p, --all)", feature_ask_trace},
	[FEATURE_PIDFD] = {"pidfd", "the kernel tells when a process ends",
			   "it is seen up to a quarter of a second late", feature_ask_pidfd},
	[FEATURE_CHILDREN] = {"children", "which processes CMD has left behind (watch -- CMD)",
			      "they are watched no longer than CMD itself lives",
			      feature_ask_children},
	[FEATURE_CGROUPS] =
		{"cgroups", "control groups (--cgroup, --container, names of units)",
		 "no container, pod or unit is named, --cgroup and --container take nobody",
		 feature_ask_cgroups},
};

/* MAPRACE_WITHOUT=name,name… plays a kernel that lacks them: how the fallbacks are tested on a
 * kernel that has everything. */
static bool withheld(const char *name)
{
	const char *list = getenv("MAPRACE_WITHOUT");
	size_t len = strlen(name);

	for (; list && *list; list += strcspn(list, ","), list += *list == ',')
		if (strcspn(list, ",") == len && !strncmp(list, name, len))
			return true;
	return false;
}

const struct feature_answer *feature_ask(enum feature feature)
{
	static struct feature_answer answers[FEATURE_MAX];
	struct feature_answer *a = &answers[feature];

	if (a->name)
		return a;
	a->what = table[feature].what;
	a->without = table[feature].without;
	if (withheld(table[feature].name)) {
		snprintf(a->detail, sizeof(a->detail), "withheld by MAPRACE_WITHOUT");
		snprintf(a->fix, sizeof(a->fix), "unset MAPRACE_WITHOUT");
	} else {
		table[feature].ask(a);
	}
	a->name = table[feature].name;
	return a;
}
