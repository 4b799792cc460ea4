/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The version table and the names of types made at run time, in running programs:
 * tests/fixtures/live prints addresses in its own memory and what it knows to stand there.
 */
#include "fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "go/runtime_vars.h"
#include "process/memory.h"

#define MAX_TYPES 16

struct live {
	pid_t pid;
	int to, mem;
	FILE *from;
	uint64_t bias;
	struct go_binary *bin;
	/* what it says */
	uint64_t g, local, iter, iter_type, iter_map, maps[2], types[MAX_TYPES];
	uint64_t goid, tid, parent, lens[2];
	int line;
	char type_names[MAX_TYPES][128];
	size_t n_types;
};

static void start(struct live *l, const char *path)
{
	int in[2], out[2];

	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(out), 0);
	l->pid = fork();
	assert_true(l->pid >= 0);
	if (!l->pid) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		close(in[1]);
		close(out[0]);
		execl(path, path, (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	l->to = in[1];
	l->from = fdopen(out[0], "r");
}

static void read_line(struct live *l, char *s, size_t *n_maps)
{
	unsigned long long a, b, c, d;
	int used = 0;

	s[strcspn(s, "\n")] = '\0';
	if (sscanf(s, "map 0x%llx len %llu", &a, &b) == 2) {
		assert_true(*n_maps < 2);
		l->maps[*n_maps] = a;
		l->lens[(*n_maps)++] = b;
	} else if (sscanf(s, "iter 0x%llx type 0x%llx map 0x%llx", &a, &b, &c) == 3) {
		l->iter = a;
		l->iter_type = b;
		l->iter_map = c;
	} else if (sscanf(s, "type 0x%llx %n", &a, &used) == 1 && used) {
		assert_true(l->n_types < MAX_TYPES);
		l->types[l->n_types] = a;
		snprintf(l->type_names[l->n_types++], sizeof(l->type_names[0]), "%s", s + used);
	} else if (sscanf(s, "parent %llu line %d", &a, &l->line) == 2) {
		l->parent = a;
	} else if (sscanf(s, "g 0x%llx goid %llu tid %llu stack 0x%llx", &a, &b, &c, &d) == 4) {
		l->g = a;
		l->goid = b;
		l->tid = c;
		l->local = d;
	} else {
		fail_msg("the program says \"%s\"", s);
	}
}

/* Where the file's lowest segment is in memory, less where it says it should be. Go's heap may lie
 * below it. */
static uint64_t find_bias(pid_t pid, const struct elf_file *elf)
{
	const struct elf_segment *segments;
	unsigned long long at = 0;
	char path[64], line[1024];
	bool found = false;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	maps = fopen(path, "re");
	assert_non_null(maps);
	while (!found && fgets(line, sizeof(line), maps))
		found = sscanf(line, "%llx-", &at) == 1 && strstr(line, "/live-");
	assert_true(found);
	fclose(maps);
	elf_file_segments(elf, &segments);
	return at - (segments[0].vaddr & ~UINT64_C(0xfff));
}

static void live_open(struct live *l, const char *version)
{
	char name[64], path[512], line[512];
	struct err err = {.text = ""};
	size_t n_maps = 0;

	memset(l, 0, sizeof(*l));
	snprintf(name, sizeof(name), "live-%s", version);
	if (go_binary_open(&l->bin, fixture_path(name), &err))
		fail_msg("%s", err.text);
	start(l, fixture_path(name));
	while (fgets(line, sizeof(line), l->from) && strcmp(line, "ready\n") != 0)
		read_line(l, line, &n_maps);
	assert_true(n_maps == 2 && l->g && l->iter && l->parent && l->n_types == 6);
	snprintf(path, sizeof(path), "/proc/%d/mem", l->pid);
	l->mem = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(l->mem >= 0);
	l->bias = find_bias(l->pid, go_binary_elf(l->bin));
}

static void live_close(struct live *l)
{
	int status;

	close(l->to);
	fclose(l->from);
	close(l->mem);
	assert_int_equal(waitpid(l->pid, &status, 0), l->pid);
	assert_int_equal(status, 0);
	go_binary_close(l->bin);
}

static int read_mem(void *ctx, uint64_t addr, void *buf, size_t len)
{
	const struct live *l = ctx;

	return pread(l->mem, buf, len, (off_t)addr) == (ssize_t)len ? 0 : -EFAULT;
}

static uint64_t word(struct live *l, uint64_t addr, size_t size)
{
	uint64_t value = 0;

	if (read_mem(l, addr, &value, size))
		fail_msg("cannot read %#llx", (unsigned long long)addr);
	return value;
}

/* Stops the process at a moment at which its spinning goroutine runs: the runtime takes it off its
 * thread now and then, and on a busy machine for long. */
static void hold_still(struct live *l, const struct go_layout *o)
{
	int tries, status;

	for (tries = 0; tries < 10000; tries++) {
		assert_int_equal(kill(l->pid, SIGSTOP), 0);
		assert_int_equal(waitpid(l->pid, &status, WUNTRACED), l->pid);
		assert_true(WIFSTOPPED(status));
		if (word(l, l->g + o->g_m, 8))
			return;
		kill(l->pid, SIGCONT);
		usleep(1000);
	}
	fail_msg("the goroutine never runs");
}

static void check_goroutine(struct live *l, const struct go_layout *o)
{
	uint64_t m = word(l, l->g + o->g_m, 8), g0 = word(l, m + o->m_g0, 8);
	struct go_frame frames[4];
	struct go_func f;
	int n;

	assert_int_equal(word(l, l->g + o->g_goid, 8), l->goid);
	assert_in_range(l->local, word(l, l->g + o->g_stack_lo, 8),
			word(l, l->g + o->g_stack_hi, 8));
	assert_int_equal(word(l, m + o->m_procid, 8), l->tid);
	assert_int_equal(word(l, m + o->m_curg, 8), l->g);
	assert_int_not_equal(g0, l->g);
	assert_int_equal(word(l, g0 + o->g_m, 8), m);
	assert_int_equal(word(l, g0 + o->g_goid, 8), 0);
	if (o->g_parent_goid == GO_NO_OFFSET)
		assert_int_equal(o->minor, 19);
	else
		assert_int_equal(word(l, l->g + o->g_parent_goid, 8), l->parent);

	assert_int_equal(
		go_binary_func_by_pc(l->bin, word(l, l->g + o->g_startpc, 8) - l->bias, &f), 0);
	assert_string_equal(f.name, "main.worker");
	n = go_binary_frames(l->bin, word(l, l->g + o->g_gopc, 8) - l->bias, true, frames, 4);
	assert_int_equal(n, 1);
	assert_string_equal(frames[0].function, "main.main");
	assert_int_equal(frames[0].line, l->line);
}

static void check_maps(struct live *l, const struct go_layout *o)
{
	uint64_t seeds[2], flags;

	assert_true(o->map_size <= 64);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(word(l, l->maps[i], 8), l->lens[i]);
		seeds[i] = word(l, l->maps[i] + o->map_seed, o->map_seed_size);
		flags = word(l, l->maps[i] + o->map_flags, 1);
		assert_int_equal(flags & o->map_writing_mask, 0);
		/* an iterator leaves two bits in a classic map's flags */
		if (o->map_impl == GO_MAP_CLASSIC)
			assert_int_equal(flags, i == 0 ? 3 : 0);
	}
	assert_true(seeds[0] && seeds[1] && seeds[0] != seeds[1]);
	assert_int_equal(word(l, l->iter + o->iter_type, 8), l->iter_type);
	assert_int_equal(word(l, l->iter + o->iter_map, 8), l->iter_map);
}

static void check_types(struct live *l)
{
	for (size_t i = 0; i < l->n_types; i++) {
		char name[128];

		assert_int_equal(go_binary_live_type_name(l->bin, l->bias, l->types[i], read_mem, l,
							  name, sizeof(name)),
				 0);
		assert_string_equal(name, l->type_names[i]);
		if (i >= 2) /* made by reflection */
			assert_int_equal(go_binary_type_name(l->bin, l->types[i] - l->bias, name,
							     sizeof(name)),
					 -ENOENT);
	}
}

static uint32_t threads_of(pid_t pid)
{
	char path[64];
	DIR *tasks;
	uint32_t n = 0;
	const struct dirent *e;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	tasks = opendir(path);
	assert_non_null(tasks);
	while ((e = readdir(tasks)) != NULL)
		n += e->d_name[0] != '.';
	closedir(tasks);
	return n;
}

/* What scheduler and collector say of a process that stands still, one goroutine of which spins. */
static void check_vars(struct live *l)
{
	struct memory *memory = memory_live(l->pid);
	struct runtime_vars vars = {};
	struct runtime_figures f;

	assert_non_null(memory);
	assert_int_equal(runtime_vars_find(&vars, l->bin, l->bias, memory, l->g), 0);
	runtime_vars_read(&vars, l->bin, l->bias, memory, &f);
	assert_true(f.ps_known && f.ms_known);
	assert_in_range(f.ps, 1, (uint32_t)sysconf(_SC_NPROCESSORS_ONLN));
	assert_true(f.ps_running + f.ps_idle + f.ps_syscall <= f.ps);
	/* one may be about to get its thread, or have just lost it */
	assert_in_range(f.ms, threads_of(l->pid), threads_of(l->pid) + 2);
	if (f.heap_known) { /* for certain only when there was a collection */
		assert_int_equal(f.gc_percent, 100);
		assert_true(f.memory_limit == INT64_MAX);
		assert_in_range(f.heap_goal, 4 << 20, 64 << 20);
		assert_in_range(f.heap_live, 1, 64 << 20);
	}
	assert_true(!f.gc_known || f.gc_cycles < 100); /* none was, most likely */
	memory_close(memory);
}

static void check(const char *version)
{
	const struct go_layout *o;
	struct live l;

	live_open(&l, version);
	o = go_binary_layout(l.bin);
	assert_int_equal(o->minor, atoi(version + 2));
	assert_int_equal(o->map_impl, o->minor < 24 || strstr(version, "noswiss") ? GO_MAP_CLASSIC
										  : GO_MAP_SWISS);
	hold_still(&l, o);
	check_goroutine(&l, o);
	check_maps(&l, o);
	check_types(&l);
	check_vars(&l);
	kill(l.pid, SIGCONT);
	live_close(&l);
}

static void test_running_programs(void **state)
{
	static const char *const others[] = {"1.24-noswiss", "1.25-noswiss", "1.27-pie"};

	(void)state;
	for (size_t i = 0; i < N_FIXTURE_VERSIONS; i++)
		check(fixture_versions[i]);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		check(others[i]);
}

/* The table covers what its text says, and nothing else. */
static void test_versions(void **state)
{
	static const bool known[] = {
		[19] = true, [21] = true, [22] = true, [23] = true, [24] = true,
		[25] = true, [26] = true, [27] = true, [40] = false};

	(void)state;
	assert_string_equal(go_layout_versions(), "1.19, 1.21 to 1.27");
	for (int minor = -1; minor < 40; minor++) {
		bool want = minor > 0 && known[minor];

		assert_int_equal(go_layout_find(minor, false) != NULL, want);
		assert_int_equal(go_layout_find(minor, true) != NULL, want);
		if (want)
			assert_int_equal(go_layout_find(minor, false)->minor, minor);
	}
	assert_int_equal(go_layout_find(24, true)->map_impl, GO_MAP_CLASSIC);
	assert_int_equal(go_layout_find(24, true)->map_size, 56);
	assert_int_equal(go_layout_find(23, false)->map_impl, GO_MAP_CLASSIC);
	assert_false(go_layout_find(25, true)->clone_is_method);
	assert_true(go_layout_find(25, false)->clone_is_method);
	assert_false(go_layout_find(19, false)->has_clone);
	assert_true(go_layout_find(27, false)->access1_wraps_access2);
	assert_false(go_layout_find(26, false)->access1_wraps_access2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_running_programs),
		cmocka_unit_test(test_versions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
