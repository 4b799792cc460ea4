/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A core file of a process: what it has in memory is in it at its address, what there was no time
 * for is not, and nothing that is not so; it is private, and whole or not there.
 */
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/procfs.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "freeze_target.h"
#include "model/snapshot.h"
#include "process/memory.h"
#include "snapshot/core.h"

#define PAGE 4096u
#define BIG (96u << 20)

static uint8_t *plain, *sparse, *hidden, *text, *big; /* of the target, mapped before the fork */
static char dir[64], path[96];
static struct core *core;
static struct memory *kept;
static struct report_snapshot out;

static void *waits(void *unused)
{
	for (;;)
		pause();
	return unused;
}

static void holds(void)
{
	pthread_t thread;

	memset(plain, 'p', 2 * PAGE);
	sparse[17 * PAGE] = 's';
	memset(hidden, 'h', PAGE);
	mprotect(hidden, PAGE, PROT_NONE);
	mprotect(text, 3 * PAGE, PROT_READ | PROT_WRITE);
	text[PAGE] = 't';
	mprotect(text, 3 * PAGE, PROT_READ);
	pthread_create(&thread, NULL, waits, NULL);
	turns();
}

static void holds_much(void)
{
	memset(big, 'b', BIG);
	holds();
}

static int take(void *arg)
{
	uint64_t word;

	(void)arg;
	kept = memory_frozen(memory_live(t.pid));
	/* as goroutines are */
	if (!kept || memory_u64(kept, (uint64_t)(uintptr_t)plain, &word))
		return -EFAULT;
	core_take(core, &t.f, kept, NULL, t.f.until_ns);
	return 0;
}

/* As much of that process as can be read in so many ns on any machine. */
static void take_core(void (*target)(void), uint64_t ns)
{
	begin(target);
	assert_int_equal(core_prepare(&core, &t.p, ns, CORE_ROOM_NOW, &t.err), 0);
	assert_int_equal(look(take, LIMIT), 0);
	assert_turns();
	core_own(core, kept);
}

static void done(void)
{
	core_free(core);
	core = NULL;
	report_snapshot_free(&out);
	memset(&out, 0, sizeof(out));
	unlink(path);
	ended(SIGKILL);
}

static uint8_t byte_at(struct memory *m, const uint8_t *at)
{
	uint8_t byte = 0;

	assert_int_equal(memory_read(m, (uint64_t)(uintptr_t)at, &byte, 1), 0);
	return byte;
}

static void what_it_has_is_there(void **unused)
{
	struct memory *m;
	struct stat st;
	uint8_t byte;
	int fd;

	(void)unused;
	take_core(holds, LIMIT);
	assert_int_equal(core_write(core, path, &out, &t.err), 0);
	assert_int_equal(out.core.taken, out.core.of);
	assert_string_equal(out.core.file, path);
	assert_true(out.nnotes <= 1); /* of what sanitizers have mapped */
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_size, out.core.bytes);
	assert_int_equal(memory_core(&m, fd), 0);
	assert_int_equal(byte_at(m, plain), 'p');
	assert_int_equal(byte_at(m, plain + 2 * PAGE - 1), 'p');
	assert_int_equal(byte_at(m, plain + 2 * PAGE), 0);
	assert_int_equal(byte_at(m, sparse), 0);
	assert_int_equal(byte_at(m, sparse + 17 * PAGE), 's');
	assert_int_equal(byte_at(m, big + BIG - 1), 0);
	/* of a file only what was changed */
	assert_int_equal(byte_at(m, text + PAGE), 't');
	assert_int_equal(memory_read(m, (uint64_t)(uintptr_t)text + 2 * PAGE, &byte, 1), -EFAULT);
	assert_int_equal(memory_read(m, (uint64_t)(uintptr_t)hidden, &byte, 1), -EFAULT);
	/* what was never touched takes no room */
	assert_true((uint64_t)st.st_blocks * 512 < BIG / 2);
	memory_close(m);
	close(fd);
	done();
}

static const uint8_t *note_of(const uint8_t *notes, size_t len, uint32_t type, size_t nth)
{
	size_t at = 0;

	while (at + sizeof(Elf64_Nhdr) <= len) {
		const Elf64_Nhdr *h = (const Elf64_Nhdr *)(notes + at);
		size_t name = (h->n_namesz + 3) & ~3u, desc = (h->n_descsz + 3) & ~3u;

		if (h->n_type == type && !nth--)
			return notes + at + sizeof(*h) + name;
		at += sizeof(*h) + name + desc;
	}
	assert_int_equal(at, len);
	return NULL;
}

static void threads_and_files_are_noted(void **unused)
{
	struct elf_prpsinfo info;
	struct elf_prstatus st;
	const uint8_t *note;
	uint8_t *notes;
	uint64_t files;
	Elf64_Ehdr eh;
	Elf64_Phdr ph;
	size_t i;
	int fd;

	(void)unused;
	take_core(holds, LIMIT);
	assert_int_equal(core_write(core, path, &out, &t.err), 0);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(pread(fd, &eh, sizeof(eh), 0), sizeof(eh));
	assert_int_equal(pread(fd, &ph, sizeof(ph), (off_t)eh.e_phoff), sizeof(ph));
	assert_int_equal(ph.p_type, PT_NOTE);
	notes = malloc(ph.p_filesz);
	assert_int_equal(pread(fd, notes, ph.p_filesz, (off_t)ph.p_offset), ph.p_filesz);
	for (i = 0; i < 2; i++) {
		note = note_of(notes, ph.p_filesz, NT_PRSTATUS, i);
		assert_non_null(note);
		memcpy(&st, note, sizeof(st));
		assert_int_equal(st.pr_pid, t.f.threads[i].own);
		assert_memory_equal(&st.pr_reg, &t.f.threads[i].regs, sizeof(st.pr_reg));
		assert_non_null(note_of(notes, ph.p_filesz, NT_FPREGSET, i));
	}
	assert_null(note_of(notes, ph.p_filesz, NT_PRSTATUS, 2));
	note = note_of(notes, ph.p_filesz, NT_PRPSINFO, 0);
	assert_non_null(note);
	memcpy(&info, note, sizeof(info));
	assert_int_equal(info.pr_pid, t.pid);
	assert_int_equal(info.pr_ppid, getpid());
	assert_int_equal(info.pr_uid, getuid());
	assert_string_equal(info.pr_fname, "test_core");
	assert_non_null(note_of(notes, ph.p_filesz, NT_AUXV, 0));
	note = note_of(notes, ph.p_filesz, NT_FILE, 0);
	assert_non_null(note);
	memcpy(&files, note, sizeof(files));
	assert_true(files > 0);
	free(notes);
	close(fd);
	done();
}

/* gdb shows zeros for what a segment has and the core has not. */
static void assert_in_no_segment(int fd, uint64_t addr)
{
	Elf64_Ehdr eh;
	Elf64_Phdr ph;
	size_t i;

	assert_int_equal(pread(fd, &eh, sizeof(eh), 0), sizeof(eh));
	for (i = 1; i < eh.e_phnum; i++) {
		assert_int_equal(pread(fd, &ph, sizeof(ph), (off_t)(eh.e_phoff + i * sizeof(ph))),
				 sizeof(ph));
		assert_false(addr >= ph.p_vaddr && addr < ph.p_vaddr + ph.p_memsz);
	}
}

/* No segment says anything of memory that was not read. */
static void what_there_was_no_room_for_is_not_there(void **unused)
{
	struct memory *m;
	uint8_t byte;
	int fd;

	(void)unused;
	take_core(holds_much, MS);
	assert_int_equal(core_write(core, path, &out, &t.err), 0);
	assert_true(out.core.taken < out.core.of);
	assert_true(out.nnotes >= 1);
	assert_non_null(strstr(out.notes[0], "not complete"));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(memory_core(&m, fd), 0);
	/* what was read before is there in any case */
	assert_int_equal(byte_at(m, plain), 'p');
	assert_int_equal(memory_read(m, (uint64_t)(uintptr_t)big + BIG / 2, &byte, 1), -EFAULT);
	assert_in_no_segment(fd, (uint64_t)(uintptr_t)big + BIG / 2);
	memory_close(m);
	close(fd);
	done();
}

static int take_late(void *arg)
{
	(void)arg;
	core_take(core, &t.f, NULL, NULL, clock_ns(CLOCK_MONOTONIC));
	return 0;
}

static void where_time_is_up_there_is_none(void **unused)
{
	(void)unused;
	begin(holds);
	assert_int_equal(core_prepare(&core, &t.p, LIMIT, CORE_ROOM_LATER, &t.err), 0);
	assert_int_equal(look(take_late, LIMIT), 0);
	assert_int_equal(core_write(core, path, &out, &t.err), -ETIME);
	assert_non_null(strstr(t.err.hint, "--max-freeze"));
	assert_int_equal(access(path, F_OK), -1);
	done();
}

static void all_of_much_is_there(void **unused)
{
	struct memory *m;
	size_t i;
	int fd;

	(void)unused;
	take_core(holds_much, LIMIT);
	assert_int_equal(core_write(core, path, &out, &t.err), 0);
	if (out.core.taken < out.core.of) { /* the machine is busy */
		done();
		skip();
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(memory_core(&m, fd), 0);
	for (i = 0; i < BIG; i += PAGE)
		assert_int_equal(byte_at(m, big + i + i / PAGE % PAGE), 'b');
	memory_close(m);
	close(fd);
	done();
}

static size_t files_in(const char *name)
{
	DIR *d = opendir(name);
	const struct dirent *e;
	size_t n = 0;

	assert_non_null(d);
	while ((e = readdir(d)))
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static void it_is_whole_or_not_there(void **unused)
{
	struct rlimit old, small;
	char fifo[96];
	struct stat st;
	FILE *f;

	(void)unused;
	take_core(holds_much, LIMIT);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = (struct rlimit){1 << 20, old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(core_write(core, path, &out, &t.err), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_non_null(strstr(t.err.text, "cannot write"));
	assert_null(out.core.file);
	assert_int_equal(files_in(dir), 0);

	snprintf(fifo, sizeof(fifo), "%s/fifo", dir);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(core_write(core, fifo, &out, &t.err), -EINVAL);
	unlink(fifo);

	/* one that all may read is replaced, not filled */
	f = fopen(path, "w");
	assert_non_null(f);
	fclose(f);
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(core_write(core, path, &out, &t.err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	done();
}

static int map(void **state)
{
	const int rw = PROT_READ | PROT_WRITE, anon = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	FILE *file = tmpfile();

	plain = mmap(NULL, 4 * PAGE, rw, anon, -1, 0);
	sparse = mmap(NULL, 64 * PAGE, rw, anon, -1, 0);
	hidden = mmap(NULL, PAGE, rw, anon, -1, 0);
	big = mmap(NULL, BIG, rw, anon, -1, 0);
	if (!file || ftruncate(fileno(file), 3 * PAGE))
		return -1;
	text = mmap(NULL, 3 * PAGE, PROT_READ, MAP_PRIVATE, fileno(file), 0);
	snprintf(dir, sizeof(dir), "/tmp/test_core.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/core", dir);
	return share(state);
}

static int clean_up(void **unused)
{
	(void)unused;
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_has_is_there),
		cmocka_unit_test(threads_and_files_are_noted),
		cmocka_unit_test(what_there_was_no_room_for_is_not_there),
		cmocka_unit_test(where_time_is_up_there_is_none),
		cmocka_unit_test(all_of_much_is_there),
		cmocka_unit_test(it_is_whole_or_not_there),
	};

	return cmocka_run_group_tests(tests, map, clean_up);
}
