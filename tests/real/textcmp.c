/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Compares the program text of a live process with its file: a uprobe is an int3 in the process's
 * own copy of a page, so a process that nobody probes has the bytes of its file. usage: textcmp PID
 * prints the number of bytes that differ; exit status 0 none, 3 some, 1 it could not be told
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define BLOCK 65536

static long long differ(int mem, int file, uint64_t start, uint64_t end, uint64_t offset)
{
	static unsigned char live[BLOCK], stored[BLOCK];
	long long count = 0;

	while (start < end) {
		size_t want = end - start < BLOCK ? end - start : BLOCK;
		ssize_t got = pread(file, stored, want, offset);

		if (got <= 0)
			return got < 0 ? -errno
				       : count; /* the mapping's last page reaches beyond the file */
		if (pread(mem, live, got, start) != got)
			return -EIO;
		for (ssize_t i = 0; i < got; i++)
			count += live[i] != stored[i];
		start += got;
		offset += got;
	}
	return count;
}

int main(int argc, char **argv)
{
	char path[64], line[4608], perms[8];
	uint64_t start, end, offset;
	unsigned major, minor, maps_seen = 0;
	unsigned long inode;
	long long count, total = 0;
	int mem, file;
	struct stat st;
	FILE *maps;
	long pid = argc == 2 ? strtol(argv[1], NULL, 10) : 0;

	if (pid <= 0) {
		fprintf(stderr, "usage: textcmp PID\n");
		return 2;
	}
	snprintf(path, sizeof(path), "/proc/%ld/mem", pid);
	mem = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/%ld/exe", pid);
	file = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/%ld/maps", pid);
	maps = fopen(path, "re");
	if (mem < 0 || file < 0 || !maps || fstat(file, &st)) {
		fprintf(stderr, "textcmp: process %ld: %s\n", pid, strerror(errno));
		return 1;
	}
	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %" SCNx64 " %x:%x %lu", &start, &end,
			   perms, &offset, &major, &minor, &inode) != 7)
			continue;
		if (perms[2] != 'x' || inode != st.st_ino || makedev(major, minor) != st.st_dev)
			continue;
		maps_seen++;
		count = differ(mem, file, start, end, offset);
		if (count < 0) {
			fprintf(stderr, "textcmp: process %ld: %s\n", pid, strerror(-count));
			return 1;
		}
		total += count;
	}
	if (!maps_seen) {
		fprintf(stderr, "textcmp: process %ld has no text of its own\n", pid);
		return 1;
	}
	printf("%lld\n", total);
	return total ? 3 : 0;
}
