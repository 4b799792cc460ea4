// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * What this kernel has of the things maprace is built on, found by trying, with nothing but system
 * calls: an answer that does not come from maprace or libbpf, to hold theirs against.
 *
 *   kfeatures NAME      status 0: has it, 1: has not; one line that says so
 *   kfeatures all       every one; status 0
 *   kfeatures programs  the loaded BPF programs, a line each: name, instructions that the verifier
 * looked at (0: a kernel before 5.16 does not tell), instructions it has kfeatures objects   how
 * many BPF programs, maps and links exist kfeatures pin PATH  leaves a map behind, for the test of
 * those who look for such
 */
#include <errno.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Newer than the headers of the distribution we build on; values from Linux
 * include/uapi/linux/bpf.h. */
enum { ATTACH_UPROBE_MULTI = 48, HELPER_GET_ATTACH_COOKIE = 174, HELPER_LOOP = 181 };

static int bpf(int cmd, void *attr, size_t size)
{
	return (int)syscall(SYS_bpf, cmd, attr, size);
}

static int perf_open(struct perf_event_attr *attr, int pid, int cpu)
{
	return (int)syscall(SYS_perf_event_open, attr, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

/* The function that is probed: its own first instruction is a plain one on every compiler (endbr64
 * or push). */
__attribute__((noinline)) void kfeatures_target(void)
{
	__asm__ volatile("" ::: "memory");
}

/* File offset of an address of this executable, from the mapping it lies in. */
static uint64_t file_offset(const void *address)
{
	unsigned long start, end, offset, at = (unsigned long)address;
	char line[512];
	uint64_t found = 0;
	FILE *maps = fopen("/proc/self/maps", "re");

	if (!maps)
		return 0;
	while (!found && fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx %*s %lx", &start, &end, &offset) == 3 && at >= start &&
		    at < end)
			found = at - start + offset;
	}
	fclose(maps);
	return found;
}

static int pmu_type(const char *name)
{
	char path[128];
	int type = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/bus/event_source/devices/%s/type", name);
	file = fopen(path, "re");
	if (!file)
		return -1;
	if (fscanf(file, "%d", &type) != 1)
		type = -1;
	fclose(file);
	return type;
}

/* Counts ten calls of an own function by a uprobe event, without BPF. */
static bool has_uprobe(void)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.uprobe_path = (uintptr_t) "/proc/self/exe",
		.probe_offset = file_offset((const void *)kfeatures_target),
	};
	int type = pmu_type("uprobe"), fd, i;
	uint64_t count = 0;

	if (type < 0)
		return false;
	attr.type = (uint32_t)type;
	fd = perf_open(&attr, 0, -1);
	if (fd < 0)
		return false;
	for (i = 0; i < 10; i++)
		kfeatures_target();
	if (read(fd, &count, sizeof(count)) != sizeof(count))
		count = 0;
	close(fd);
	return count == 10;
}

static bool has_kprobe(void)
{
	struct perf_event_attr attr = {.size = sizeof(attr),
				       .kprobe_func = (uintptr_t) "vfs_write"};
	int type = pmu_type("kprobe"), fd;

	if (type < 0)
		return false;
	attr.type = (uint32_t)type;
	fd = perf_open(&attr, -1, 0);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool has_btf(void)
{
	uint16_t magic = 0;
	FILE *file = fopen("/sys/kernel/btf/vmlinux", "re");

	if (!file)
		return false;
	if (fread(&magic, sizeof(magic), 1, file) != 1)
		magic = 0;
	fclose(file);
	return magic == 0xeb9f;
}

static int map_create(uint32_t type, uint32_t key, uint32_t value, uint32_t entries)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = type;
	attr.key_size = key;
	attr.value_size = value;
	attr.max_entries = entries;
	return bpf(BPF_MAP_CREATE, &attr, sizeof(attr));
}

static bool has_ringbuf(void)
{
	int fd = map_create(BPF_MAP_TYPE_RINGBUF, 0, 0, 65536);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static int pin_map(const char *path)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.pathname = (uintptr_t)path;
	attr.bpf_fd = (uint32_t)map_create(BPF_MAP_TYPE_ARRAY, 4, 4, 1);
	if (bpf(BPF_OBJ_PIN, &attr, sizeof(attr))) {
		perror(path);
		return 1;
	}
	return 0;
}

/* Loads a kprobe-type program; returns its descriptor. */
static int prog_load(const struct bpf_insn *insns, uint32_t count, uint32_t attach_type)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_KPROBE;
	attr.expected_attach_type = attach_type;
	attr.insns = (uintptr_t)insns;
	attr.insn_cnt = count;
	attr.license = (uintptr_t) "GPL";
	return bpf(BPF_PROG_LOAD, &attr, sizeof(attr));
}

#define INSN(c, d, s, o, i) \
	((struct bpf_insn){.code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i)})
#define MOV_IMM(d, i) INSN(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, i)
#define CALL(i) INSN(BPF_JMP | BPF_CALL, 0, 0, 0, i)
#define EXIT() INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

static bool loads(const struct bpf_insn *insns, uint32_t count)
{
	int fd = prog_load(insns, count, 0);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool has_cookie(void)
{
	/* the context is in R1 */
	const struct bpf_insn insns[] = {CALL(HELPER_GET_ATTACH_COOKIE), MOV_IMM(0, 0), EXIT()};

	return loads(insns, ARRAY_SIZE(insns));
}

/*
 * A callback needs BTF to load, so this program is refused in any case; the verifier says whether
 * it knows the helper.
 */
static bool has_loop(void)
{
	const struct bpf_insn insns[] = {CALL(HELPER_LOOP), EXIT()};
	static char log[4096];
	union bpf_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_KPROBE;
	attr.insns = (uintptr_t)insns;
	attr.insn_cnt = ARRAY_SIZE(insns);
	attr.license = (uintptr_t) "GPL";
	attr.log_buf = (uintptr_t)log;
	attr.log_size = sizeof(log);
	attr.log_level = 1;
	fd = bpf(BPF_PROG_LOAD, &attr, sizeof(attr));
	if (fd >= 0)
		close(fd);
	return log[0] && !strstr(log, "invalid func ") && !strstr(log, "unknown func ");
}

static bool has_uprobe_multi(void)
{
	/* union bpf_attr.link_create as of Linux 6.6, with uprobe_multi */
	struct {
		uint32_t prog_fd, target_fd, attach_type, flags;
		uint64_t path, offsets, ref_ctr_offsets, cookies;
		uint32_t count, multi_flags, pid, pad;
	} link;
	const struct bpf_insn insns[] = {MOV_IMM(0, 0), EXIT()};
	uint64_t offset = file_offset((const void *)kfeatures_target);
	int prog = prog_load(insns, ARRAY_SIZE(insns), ATTACH_UPROBE_MULTI), fd;

	if (prog < 0)
		return false;
	memset(&link, 0, sizeof(link));
	link.prog_fd = (uint32_t)prog;
	link.attach_type = ATTACH_UPROBE_MULTI;
	link.path = (uintptr_t) "/proc/self/exe";
	link.offsets = (uintptr_t)&offset;
	link.count = 1;
	fd = bpf(BPF_LINK_CREATE, &link, sizeof(link));
	if (fd >= 0)
		close(fd);
	close(prog);
	return fd >= 0;
}

static const struct feature {
	const char *name;
	bool (*has)(void);
} features[] = {
	{"btf", has_btf},
	{"uprobe", has_uprobe},
	{"kprobe", has_kprobe},
	{"ringbuf", has_ringbuf},
	{"attach-cookie", has_cookie},
	{"bpf-loop", has_loop},
	{"uprobe-multi", has_uprobe_multi},
};

static unsigned int count_ids(int cmd)
{
	union bpf_attr attr;
	unsigned int count = 0;

	memset(&attr, 0, sizeof(attr));
	while (!bpf(cmd, &attr, sizeof(attr))) {
		attr.start_id = attr.next_id;
		count++;
	}
	return count;
}

static int programs_print(void)
{
	union bpf_attr attr, get;
	struct bpf_prog_info info;

	memset(&attr, 0, sizeof(attr));
	while (!bpf(BPF_PROG_GET_NEXT_ID, &attr, sizeof(attr))) {
		int fd;

		attr.start_id = attr.next_id;
		memset(&get, 0, sizeof(get));
		get.prog_id = attr.start_id;
		fd = bpf(BPF_PROG_GET_FD_BY_ID, &get, sizeof(get));
		if (fd < 0)
			continue; /* gone meanwhile */
		memset(&info, 0, sizeof(info));
		memset(&get, 0, sizeof(get));
		get.info.bpf_fd = (uint32_t)fd;
		get.info.info_len = sizeof(info);
		get.info.info = (uintptr_t)&info;
		if (!bpf(BPF_OBJ_GET_INFO_BY_FD, &get, sizeof(get)))
			printf("%s %u %u\n", info.name, info.verified_insns,
			       info.xlated_prog_len / 8);
		close(fd);
	}
	return 0;
}

int main(int argc, char **argv)
{
	size_t i;

	if (argc == 3 && !strcmp(argv[1], "pin"))
		return pin_map(argv[2]);
	if (argc != 2) {
		fprintf(stderr, "usage: kfeatures NAME|all|programs|objects|pin PATH\n");
		return 2;
	}
	if (!strcmp(argv[1], "programs"))
		return programs_print();
	if (!strcmp(argv[1], "objects")) {
		printf("%u %u %u\n", count_ids(BPF_PROG_GET_NEXT_ID),
		       count_ids(BPF_MAP_GET_NEXT_ID), count_ids(BPF_LINK_GET_NEXT_ID));
		return 0;
	}
	for (i = 0; i < ARRAY_SIZE(features); i++) {
		bool has;

		if (strcmp(argv[1], "all") && strcmp(argv[1], features[i].name))
			continue;
		has = features[i].has();
		printf("%s %s\n", features[i].name, has ? "yes" : "no");
		if (strcmp(argv[1], "all"))
			return has ? 0 : 1;
	}
	if (strcmp(argv[1], "all")) {
		fprintf(stderr, "kfeatures: no feature is called %s\n", argv[1]);
		return 2;
	}
	return 0;
}
