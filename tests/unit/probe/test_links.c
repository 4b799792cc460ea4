/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Which probes are in place, and in which file, whatever the kernel refuses meanwhile. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/libbpf.h>
#include <cmocka.h>

static struct bpf_link *fake_attach_multi(const struct bpf_program *prog, pid_t pid,
					  const char *path, const char *pattern,
					  const struct bpf_uprobe_multi_opts *opts);
static struct bpf_link *fake_attach_one(const struct bpf_program *prog, bool retprobe, pid_t pid,
					const char *path, size_t offset);
static int fake_destroy(struct bpf_link *link);
#define bpf_program__attach_uprobe_multi fake_attach_multi
#define bpf_program__attach_uprobe fake_attach_one
#define bpf_link__destroy fake_destroy
static ssize_t noted_pread(int fd, void *buf, size_t n, off_t at);
#define pread(fd, buf, n, at) noted_pread(fd, buf, n, at)
#include "probe/links.c"

#define SITES 4 /* in slots 0 to 3, at SITE(slot) */
#define SITE(slot) (0x1000u + 0x100u * (slot))
#define FATAL 0x9000u
#define COLLECTED 0x9080u
#define PLUGIN_SLOT 7u
#define PLUGIN_SITE 0x7700u
#define PLUGIN_FATAL 0x9900u
#define PLUGIN_COLLECTED 0x9980u

struct bpf_link {
	ino_t ino;
	unsigned long offsets[16];
	size_t n;
	struct bpf_link *next;
};

static struct bpf_link *placed;
/* What was read so far, from files that may be read. */
static struct {
	ino_t ino;
	unsigned long at;
	size_t n;
} reads[256];
static size_t nreads;
static unsigned int refusals; /* so many of the next requests fail */

static ssize_t noted_pread(int fd, void *buf, size_t n, off_t at)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	assert_true(nreads < 256);
	reads[nreads].ino = st.st_ino;
	reads[nreads].at = (unsigned long)at;
	reads[nreads++].n = n;
	return (pread)(fd, buf, n, at);
}

/* As many bytes as the kernel copies to have the instruction: they may lie in two pages. */
static bool was_read(ino_t ino, unsigned long offset)
{
	size_t i;

	for (i = 0; i < nreads; i++)
		if (reads[i].ino == ino && reads[i].at == offset && reads[i].n == 16)
			return true;
	return false;
}

static struct bpf_link *attach(const char *path, const unsigned long *offsets, size_t n)
{
	struct bpf_link *link;
	struct stat st;
	size_t i;

	if (refusals) {
		refusals--;
		errno = ENOMEM;
		return NULL;
	}
	if (stat(path, &st)) /* sets errno, as the kernel does */
		return NULL;
	/* Linux 6.18 warns when it has to read the code of an ext4 file by itself. */
	for (i = 0; i < n; i++)
		assert_true(was_read(st.st_ino, offsets[i]));
	link = calloc(1, sizeof(*link));
	assert_non_null(link);
	link->ino = st.st_ino;
	assert_true(n <= 16);
	memcpy(link->offsets, offsets, n * sizeof(*offsets));
	link->n = n;
	link->next = placed;
	placed = link;
	return link;
}

static struct bpf_link *fake_attach_multi(const struct bpf_program *prog, pid_t pid,
					  const char *path, const char *pattern,
					  const struct bpf_uprobe_multi_opts *opts)
{
	(void)prog;
	(void)pid;
	(void)pattern;
	return attach(path, opts->offsets, opts->cnt);
}

static struct bpf_link *fake_attach_one(const struct bpf_program *prog, bool retprobe, pid_t pid,
					const char *path, size_t offset)
{
	unsigned long at = offset;

	(void)prog;
	(void)retprobe;
	(void)pid;
	return attach(path, &at, 1);
}

static int fake_destroy(struct bpf_link *link)
{
	struct bpf_link **at = &placed;

	if (!link)
		return 0;
	while (*at != link) {
		assert_non_null(*at);
		at = &(*at)->next;
	}
	*at = link->next;
	free(link);
	return 0;
}

static unsigned int probes(ino_t ino, unsigned long offset)
{
	const struct bpf_link *link;
	unsigned int n = 0;
	size_t i;

	for (link = placed; link; link = link->next)
		for (i = 0; i < link->n; i++)
			n += link->ino == ino && link->offsets[i] == offset;
	return n;
}

static unsigned int all_probes(void)
{
	const struct bpf_link *link;
	unsigned int n = 0;

	for (link = placed; link; link = link->next)
		n += (unsigned int)link->n;
	return n;
}

struct setting {
	struct links links;
	char path[64];
	ino_t ino;
};

/* A file of its own at s->path; its descriptor. */
static int make_file(char *path, ino_t *ino)
{
	struct stat st;
	int fd;

	strcpy(path, "/tmp/test_links.XXXXXX");
	fd = mkostemp(path, O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	*ino = st.st_ino;
	return fd;
}

static void begin(struct setting *s, bool multi)
{
	unsigned int slot;

	memset(s, 0, sizeof(*s));
	refusals = 0;
	nreads = 0;
	s->links.multi = multi;
	s->links.nfiles = 1;
	s->links.files[0].fd = make_file(s->path, &s->ino);
	assert_int_equal(file_identify_open(s->links.files[0].fd, &s->links.files[0].was), 0);
	s->links.files[0].was.head = file_head("", 0);
	s->links.files[0].lasting_offsets[LINKS_FATAL] = FATAL;
	s->links.files[0].lasting_offsets[LINKS_COLLECTED] = COLLECTED;
	for (slot = 0; slot < SITES; slot++)
		s->links.offsets[slot] = SITE(slot);
	links_read(&s->links);
	assert_int_equal(links_place(&s->links, NULL), 0);
	assert_int_equal(all_probes(), SITES + 2);
}

static void end(struct setting *s)
{
	links_drop(&s->links);
	assert_null(placed);
	close(s->links.files[0].fd);
	unlink(s->path);
}

static const bool hot[MR_SITE_SLOTS] = {[1] = true, [2] = true};
static const bool none[MR_SITE_SLOTS];

static void in_place(const struct setting *s, bool steady, bool window)
{
	unsigned int slot;

	for (slot = 0; slot < SITES; slot++)
		assert_int_equal(probes(s->ino, SITE(slot)), hot[slot] ? window : steady);
	assert_int_equal(probes(s->ino, FATAL), 1);
	assert_int_equal(probes(s->ino, COLLECTED), 1);
}

static void windows(bool multi)
{
	struct setting s;
	int i;

	begin(&s, multi);
	in_place(&s, true, true);
	for (i = 0; i < 3; i++) {
		assert_int_equal(links_close(&s.links, hot, NULL), 0);
		in_place(&s, true, false);
		assert_int_equal(links_open(&s.links, NULL), 0);
		in_place(&s, true, true);
	}
	end(&s);
}

static void those_of_windows_come_and_go(void **state)
{
	(void)state;
	windows(true);
	windows(false);
}

/* What stands at the path meanwhile has other code at these offsets. */
static void replaced(bool multi)
{
	struct setting s;
	ino_t other;
	char path[64];
	int fd;

	begin(&s, multi);
	assert_int_equal(links_close(&s.links, hot, NULL), 0);
	fd = make_file(path, &other);
	assert_int_equal(rename(path, s.path), 0);
	assert_int_equal(links_open(&s.links, NULL), 0);
	in_place(&s, true, true);
	close(fd);
	end(&s);
}

static void a_file_that_is_replaced_keeps_them(void **state)
{
	(void)state;
	replaced(true);
	replaced(false);
}

static void refused_at_opening(bool multi)
{
	struct setting s;

	begin(&s, multi);
	assert_int_equal(links_close(&s.links, hot, NULL), 0);
	refusals = 1;
	assert_int_equal(links_open(&s.links, NULL), -ENOMEM);
	assert_int_equal(links_open(&s.links, NULL), 0);
	in_place(&s, true, true);
	end(&s);
}

/* Those that stay had to go for a moment, and the kernel refuses to put them back. */
static void refused_at_closing(void)
{
	struct setting s;
	int i;

	begin(&s, true);
	for (i = 0; i < 2; i++) {
		refusals = 1;
		assert_int_equal(links_close(&s.links, hot, NULL), -ENOMEM);
		in_place(&s, false, false);
	}
	assert_int_equal(links_close(&s.links, hot, NULL), 0);
	in_place(&s, true, false);
	end(&s);
}

static void what_was_refused_is_tried_again(void **state)
{
	(void)state;
	refused_at_opening(true);
	refused_at_opening(false);
	refused_at_closing();
}

/* Another choice of those that stay, refused at the closing and tried again at the opening. */
static void an_opening_puts_the_steady_ones_back_too(void **state)
{
	struct setting s;

	(void)state;
	begin(&s, true);
	refusals = 1;
	assert_int_equal(links_close(&s.links, hot, NULL), -ENOMEM);
	assert_int_equal(links_open(&s.links, NULL), 0);
	in_place(&s, true, true);
	end(&s);
	/* by perf events: one that was cycled and is to stay from now on */
	begin(&s, false);
	assert_int_equal(links_close(&s.links, hot, NULL), 0);
	refusals = 1;
	assert_int_equal(links_close(&s.links, none, NULL), -ENOMEM);
	assert_int_equal(links_open(&s.links, NULL), 0);
	in_place(&s, true, true);
	end(&s);
}

/* Nothing is watched while collections go unseen. */
static void the_collector_is_seen_before_anything_else(void **state)
{
	struct setting s;

	(void)state;
	begin(&s, true);
	links_drop(&s.links);
	refusals = 1;
	assert_int_equal(links_settle(&s.links, NULL), -ENOMEM);
	assert_int_equal(all_probes(), 0);
	assert_int_equal(links_settle(&s.links, NULL), 0);
	in_place(&s, true, true);
	end(&s);
}

static void add(bool multi)
{
	struct links_addition more = {.lasting_offsets = {PLUGIN_COLLECTED, PLUGIN_FATAL}};
	struct setting s;
	char path[64];
	ino_t ino;
	int fd, own;

	more.offsets[PLUGIN_SLOT] = PLUGIN_SITE;
	begin(&s, multi);
	fd = make_file(more.path, &ino);
	assert_int_equal(file_identify_open(fd, &more.file), 0);
	more.file.head = file_head("", 0);
	more.file.ino = ino + 1; /* another one was looked at */
	assert_int_equal(links_open_more(&more, &own, NULL), -ESTALE);
	more.file.ino = ino;
	assert_int_equal(links_open_more(&more, &own, NULL), 0);
	refusals = 1;
	assert_int_equal(links_add(&s.links, &more, own, NULL), -ENOMEM);
	assert_int_equal(all_probes(), SITES + 2);
	assert_int_equal(links_open_more(&more, &own, NULL), 0);
	assert_int_equal(links_add(&s.links, &more, own, NULL), 0);
	assert_int_equal(all_probes(), SITES + 5);
	links_take_back(&s.links);
	assert_int_equal(all_probes(), SITES + 2);
	assert_int_equal(s.links.nfiles, 1);
	assert_int_equal(links_open_more(&more, &own, NULL), 0);
	assert_int_equal(links_add(&s.links, &more, own, NULL), 0);
	assert_int_equal(probes(ino, PLUGIN_SITE), 1);
	assert_int_equal(probes(ino, PLUGIN_FATAL), 1);
	assert_int_equal(probes(ino, PLUGIN_COLLECTED), 1);
	close(fd);
	fd = make_file(path, &(ino_t){0});
	assert_int_equal(rename(path, more.path), 0);
	assert_int_equal(
		links_close(&s.links, (const bool[MR_SITE_SLOTS]){[PLUGIN_SLOT] = true}, NULL), 0);
	assert_int_equal(probes(ino, PLUGIN_SITE), 0);
	assert_int_equal(links_open(&s.links, NULL), 0);
	assert_int_equal(probes(ino, PLUGIN_SITE), 1);
	close(fd);
	unlink(more.path);
	close(s.links.files[1].fd);
	end(&s);
}

static void write_over(bool multi)
{
	const struct timespec now[2] = {{.tv_nsec = UTIME_NOW}, {.tv_nsec = UTIME_NOW}};
	struct setting s;

	begin(&s, multi);
	assert_int_equal(links_close(&s.links, hot, NULL), 0);
	usleep(20000); /* times are told apart from then on */
	assert_int_equal(fchmod(s.links.files[0].fd, 0700), 0);
	assert_int_equal(links_open(&s.links, NULL), 0);
	in_place(&s, true, true);
	assert_int_equal(links_close(&s.links, hot, NULL), 0);
	assert_int_equal(write(s.links.files[0].fd, "x", 1), 1);
	assert_int_equal(links_open(&s.links, NULL), -ESTALE);
	in_place(&s, true, false);
	assert_int_equal(ftruncate(s.links.files[0].fd, 0), 0);
	assert_int_equal(futimens(s.links.files[0].fd, now), 0); /* is touched, no more */
	assert_int_equal(links_open(&s.links, NULL), 0);
	in_place(&s, true, true);
	assert_int_equal(links_close(&s.links, hot, NULL), 0);
	s.links.files[0].was.head = file_head("y", 1); /* another beginning */
	assert_int_equal(links_open(&s.links, NULL), -ESTALE);
	in_place(&s, true, false);
	end(&s);
}

/* There may be another instruction by now, or the middle of one. */
static void nothing_is_placed_where_something_was_written(void **state)
{
	(void)state;
	write_over(true);
	write_over(false);
}

static void a_plugin_is_the_file_that_was_looked_at(void **state)
{
	(void)state;
	add(true);
	add(false);
}

#define CALL 0x2200u

/* Of a call instruction that cannot be probed, for want of files say: the others come and go as
 * before, and it is not tried again behind the back of who has given it up. */
static void call_refused(bool multi)
{
	struct links_calls change = {.nmore = 1, .more = {{.offset = CALL, .slot = 1}}};
	struct setting s;

	begin(&s, multi);
	links_read_calls(&s.links, &change);
	refusals = 1;
	assert_int_equal(links_change_calls(&s.links, &change, NULL), -ENOMEM);
	assert_int_equal(links_close(&s.links, hot, NULL), 0);
	assert_int_equal(links_open(&s.links, NULL), 0);
	in_place(&s, true, true);
	assert_int_equal(probes(s.ino, CALL), 0);
	assert_int_equal(links_change_calls(&s.links, &change, NULL), 0);
	assert_int_equal(probes(s.ino, CALL), 1);
	end(&s);
}

static void a_call_that_is_refused_is_not_wanted_any_more(void **state)
{
	(void)state;
	call_refused(true);
	call_refused(false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(those_of_windows_come_and_go),
		cmocka_unit_test(a_file_that_is_replaced_keeps_them),
		cmocka_unit_test(what_was_refused_is_tried_again),
		cmocka_unit_test(an_opening_puts_the_steady_ones_back_too),
		cmocka_unit_test(the_collector_is_seen_before_anything_else),
		cmocka_unit_test(nothing_is_placed_where_something_was_written),
		cmocka_unit_test(a_plugin_is_the_file_that_was_looked_at),
		cmocka_unit_test(a_call_that_is_refused_is_not_wanted_any_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
