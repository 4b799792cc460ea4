/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The file that is mapped is found, whatever stands at its path by now. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "process/libraries.h"

#define PAGES 3

/* a note as cmd/link writes it, where a file has its first ones */
static const uint8_t note[] = {4, 0, 0, 0, 8, 0, 0, 0, 4, 0, 0, 0, 'G', 'o', 0, 0};

static char dir[] = "/tmp/maprace-libraries-XXXXXX", path[64];

static ino_t make_file(bool go)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0700);
	struct stat st;

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)(PAGES * page)), 0);
	if (go)
		assert_int_equal(pwrite(fd, note, sizeof(note), 0x270), sizeof(note));
	assert_int_equal(fstat(fd, &st), 0);
	close(fd);
	return st.st_ino;
}

/* As a loader does: its beginning, and its code from the second page on. */
static uint8_t *map_file(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int fd = open(path, O_RDONLY);
	uint8_t *at;

	assert_true(fd >= 0);
	at = mmap(NULL, PAGES * page, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_ptr_not_equal(at, MAP_FAILED);
	assert_int_equal(mprotect(at + page, page, PROT_READ | PROT_EXEC), 0);
	close(fd);
	return at;
}

static void unmap(uint8_t *at)
{
	assert_int_equal(munmap(at, PAGES * (size_t)sysconf(_SC_PAGESIZE)), 0);
}

struct found {
	size_t n;
	int result;
	bool go, gone;
	ino_t ino;
	uint64_t start;
};

static void note_found(void *arg, const struct process_library *lib)
{
	struct found *f = arg;
	char file[PROCESS_PATH];
	struct stat st;

	if (strcmp(lib->path, path) != 0)
		return;
	f->n++;
	f->go = library_is_go(lib);
	f->gone = lib->gone;
	f->start = lib->start;
	f->result = library_file(lib, file);
	if (f->result)
		return;
	assert_int_equal(stat(file, &st), 0);
	f->ino = st.st_ino;
}

static struct found look(void)
{
	struct process p = {.pid = getpid(), .pidfd = -1};
	struct found f = {.n = 0};

	assert_int_equal(process_libraries(&p, note_found, &f), 0);
	return f;
}

static void one_is_found_at_its_path(void **state)
{
	ino_t ino = make_file(false);
	uint8_t *at = map_file();
	struct found f = look();

	(void)state;
	assert_int_equal(f.n, 1);
	assert_int_equal(f.result, 0);
	assert_int_equal(f.ino, ino);
	assert_int_equal(f.start, (uintptr_t)at + (size_t)sysconf(_SC_PAGESIZE));
	assert_false(f.go);
	assert_false(f.gone);
	unmap(at);
	unlink(path);
}

/* Without the right to follow the kernel's link it is not, and that is said. */
static void one_that_was_replaced_is_not_what_stands_at_its_path(void **state)
{
	ino_t ino = make_file(true), later;
	uint8_t *at = map_file();
	struct found f;

	(void)state;
	unlink(path);
	later = make_file(false);
	f = look();
	assert_int_equal(f.n, 1);
	assert_true(f.gone);
	assert_true(f.go); /* what is mapped is */
	if (!f.result)
		assert_int_equal(f.ino, ino);
	else
		assert_int_equal(f.result, -EPERM);
	assert_int_not_equal(f.ino, later);
	unmap(at);
	unlink(path);
}

/* A path that leads to another file, with nobody having removed the one that is mapped. */
static void another_file_at_its_path_is_none(void **state)
{
	ino_t ino = make_file(false), later;
	uint8_t *at = map_file();
	struct process_library lib = {
		.path = path, .link = "/proc/self/map_files/none", .pid = getpid()};
	char file[PROCESS_PATH];
	struct stat st;

	(void)state;
	assert_int_equal(stat(path, &st), 0);
	unlink(path);
	later = make_file(false);
	lib.dev = st.st_dev;
	lib.ino = ino;
	assert_int_not_equal(later, ino);
	assert_int_equal(library_file(&lib, file), -ESTALE);
	lib.dev = st.st_dev + 1; /* a file system that shows another device: no telling */
	assert_int_equal(library_file(&lib, file), 0);
	unmap(at);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_is_found_at_its_path),
		cmocka_unit_test(one_that_was_replaced_is_not_what_stands_at_its_path),
		cmocka_unit_test(another_file_at_its_path_is_none),
	};
	int r;

	if (!mkdtemp(dir))
		return 1;
	snprintf(path, sizeof(path), "%s/library.so", dir);
	r = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(dir);
	return r;
}
