// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * Runs a command with less than it would have.
 *
 *   confine [-u UID] [-c CAP,CAP…] [-d SYSCALL[:FIRST_ARGUMENT[-LAST]]]… COMMAND [ARG…]
 *
 * -u UID   user and group id (default: as it is); without -c the command then has no capabilities
 * -c LIST  exactly these capabilities, permitted, effective, inheritable and ambient, so that they
 * survive exec; "none" for none -d CALL  this system call fails with EPERM: one of call_names; with
 * :N only when its first argument is N
 */
#include <errno.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *name;
	int number;
} cap_names[] = {
	{"dac_override", 1},  {"dac_read_search", 2}, {"kill", 5},	  {"setuid", 7},
	{"setpcap", 8},	      {"net_admin", 12},      {"sys_ptrace", 19}, {"sys_admin", 21},
	{"sys_resource", 24}, {"syslog", 34},	      {"perfmon", 38},	  {"bpf", 39},
};

static const struct {
	const char *name;
	uint32_t number;
} call_names[] = {
	{"bpf", SYS_bpf},
	{"fanotify_init", SYS_fanotify_init},
	{"perf_event_open", SYS_perf_event_open},
	{"pidfd_open", SYS_pidfd_open},
	{"ptrace", SYS_ptrace},
};

static void die(const char *what)
{
	fprintf(stderr, "confine: %s: %s\n", what, strerror(errno));
	exit(125);
}

static uint64_t caps_parse(char *list)
{
	uint64_t set = 0;
	char *save = NULL;

	for (char *name = strtok_r(list, ",", &save); name; name = strtok_r(NULL, ",", &save)) {
		size_t i;

		if (!strcmp(name, "none"))
			continue;
		for (i = 0; i < ARRAY_SIZE(cap_names) && strcmp(name, cap_names[i].name); i++)
			;
		if (i == ARRAY_SIZE(cap_names)) {
			fprintf(stderr, "confine: no capability is known as %s\n", name);
			exit(125);
		}
		set |= 1ULL << cap_names[i].number;
	}
	return set;
}

static void caps_set(uint64_t set)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	for (int i = 0; i < 2; i++)
		data[i].permitted = data[i].effective = data[i].inheritable =
			(uint32_t)(set >> (32 * i));
	if (syscall(SYS_capset, &header, data))
		die("capset");
	for (int cap = 0; cap < 64; cap++) {
		if ((set >> cap & 1) && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0))
			die("ambient capability");
	}
}

/* The bounding set too: a root user gets at exec what is in there. */
static void caps_bound(uint64_t set)
{
	for (int cap = 0; cap < 64; cap++) {
		if (!(set >> cap & 1) && prctl(PR_CAPBSET_READ, cap, 0, 0, 0) > 0 &&
		    prctl(PR_CAPBSET_DROP, cap, 0, 0, 0))
			die("bounding set");
	}
}

static void deny(char *rule)
{
	char *argument = strchr(rule, ':');
	uint32_t first = 0;
	size_t i;
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = ARRAY_SIZE(filter), .filter = filter};

	if (argument) {
		*argument = '\0';
		first = (uint32_t)strtoul(argument + 1, NULL, 0);
	}
	for (i = 0; i < ARRAY_SIZE(call_names) && strcmp(call_names[i].name, rule); i++)
		;
	if (i == ARRAY_SIZE(call_names)) {
		fprintf(stderr, "confine: cannot deny %s\n", rule);
		exit(125);
	}
	filter[1].k = call_names[i].number;
	filter[3].k = first;
	if (!argument)
		filter[3] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JA, 0, 0, 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		die("seccomp filter");
}

int main(int argc, char **argv)
{
	char *rules[8], *list = NULL;
	size_t nrules = 0;
	long uid = -1;
	int option;

	while ((option = getopt(argc, argv, "+u:c:d:")) != -1) {
		if (option == 'u') {
			uid = strtol(optarg, NULL, 10);
		} else if (option == 'c') {
			list = optarg;
		} else if (option == 'd' && nrules < ARRAY_SIZE(rules)) {
			rules[nrules++] = optarg;
		} else {
			return 125;
		}
	}
	if (optind >= argc) {
		fprintf(stderr,
			"usage: confine [-u UID] [-c CAP,CAP] [-d CALL[:N]]... COMMAND [ARG...]\n");
		return 125;
	}
	/* Filters first: later there may be no right to set them without no_new_privs. */
	for (size_t i = 0; i < nrules; i++)
		deny(rules[i]);
	if (list) {
		uint64_t set = caps_parse(list);

		caps_bound(set);
		if (uid >= 0 && prctl(PR_SET_KEEPCAPS, 1))
			die("keep capabilities");
		if (uid >= 0 && (setgroups(0, NULL) || setgid((gid_t)uid) || setuid((uid_t)uid)))
			die("user id");
		caps_set(set);
	} else if (uid >= 0 && (setgroups(0, NULL) || setgid((gid_t)uid) || setuid((uid_t)uid))) {
		die("user id");
	}
	execvp(argv[optind], argv + optind);
	die(argv[optind]);
}
