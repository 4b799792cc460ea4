/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "go/go_layout.h"

#include <stddef.h>

/*
 * The one table of what depends on the Go version. Offsets are those in the DWARF of executables
 * that each version builds for amd64 (arm64 has the same); g and m change with a release's fields,
 * so a column is never guessed from its neighbour.
 *
 * struct g, struct m	src/runtime/runtime2.go: type g, type m, type p, type _panic
 * the pacer		src/runtime/mgcpacer.go: type gcControllerState
 * classic maps		src/runtime/map.go (1.19 to 1.23), map_noswiss.go (1.24, 1.25): type hmap,
 * type hiter Swiss maps		src/internal/runtime/maps/map.go: type Map; table.go: type
 * Iter moduledata		src/runtime/symtab.go: type moduledata magic
 * src/internal/abi/symtab.go: Go118PCLnTabMagic, Go120PCLnTabMagic
 * memory profile	src/runtime/mprof.go: type memRecordCycle, whose bytes went in 1.27
 */

/* type hmap: count, flags u8 at 8, B, noverflow, hash0 u32 at 12 … hashWriting is 4. */
/* clang-format off */
#define CLASSIC_MAP(size) \
	.map_impl = GO_MAP_CLASSIC, .map_size = (size), .map_seed = 12, .map_seed_size = 4, \
	.map_flags = 8, .map_writing_mask = 4, .map_old = 24, .iter_type = 16, .iter_map = 24

/* type Map: used, seed u64 at 8 … writing u8 at 34, toggled by a writer, so that any bit means one. */
#define SWISS_MAP \
	.map_impl = GO_MAP_SWISS, .map_size = 48, .map_seed = 8, .map_seed_size = 8, \
	.map_flags = 34, .map_writing_mask = 0xff, .table_capacity = 2, .iter_type = 16, .iter_map = 24

/* The same in every version: g.stack, g.m, m.g0. */
#define COMMON \
	.g_stack_lo = 0, .g_stack_hi = 8, .g_panic = 32, .g_m = 48, .m_g0 = 0, .g_sched_sp = 56, .g_sched_pc = 64

/* What moves with g.sched, whose ret went in 1.25, and with syscallbp, which came in 1.23. */
#define G_TO_1_22 \
	.g_sched_bp = 104, .g_syscallsp = 112, .g_syscallpc = 120, .g_status = 144, .g_waitsince = 168, \
	.g_waitreason = 176, .m_gsignal = 80, .panic_arg = 8, .hash_constants = true, .p_m = 56

/* Of runtime._panic, or of g: what recovery() goes by. */
#define RECOVER_1_19 .recover_in_g = true, .recover_sp = 272, .recover_pc = 280
#define RECOVER_1_21 .recover_in_g = true, .recover_sp = 248, .recover_pc = 256
#define RECOVER_FROM_1_22 .recover_sp = 48, .recover_pc = 72
#define RECOVER_1_26 .recover_sp = 40, .recover_pc = 64
#define RECOVER_1_27 .recover_sp = 48, .recover_pc = 64
#define G_1_23 \
	.g_sched_bp = 104, .g_syscallsp = 112, .g_syscallpc = 120, .g_status = 152, .g_waitsince = 176, \
	.g_waitreason = 184, .m_gsignal = 80, .panic_arg = 8, .p_m = 48, .m_alllink = 328
#define G_FROM_1_25 \
	.g_sched_bp = 96, .g_syscallsp = 104, .g_syscallpc = 112, .g_status = 144, .g_waitsince = 168, \
	.g_waitreason = 176, .m_gsignal = 72, .p_m = 48

#define MAGIC_118 .pclntab_magic = 0xfffffff0
#define MAGIC_120 .pclntab_magic = 0xfffffff1

#define GO_1_24 \
	.minor = 24, COMMON, G_1_23, RECOVER_FROM_1_22, .g_size = 440, .g_goid = 160, .g_gopc = 288, .g_startpc = 304, .g_parent_goid = 280, \
	.g_labels = 352, .labels_are_list = true, \
	.m_curg = 192, .m_procid = 72, .m_p = 208, .m_locks = 264, .m_preemptoff = 248, .pacer_goal = 72, .has_clone = true, \
	MAGIC_120, .md_types = 296, .md_etypes = 304, .md_gofunc = 320

#define GO_1_25 \
	.minor = 25, COMMON, G_FROM_1_25, RECOVER_FROM_1_22, .g_size = 440, .g_goid = 152, .g_gopc = 280, .g_startpc = 296, .g_parent_goid = 272, \
	.g_labels = 344, .labels_are_list = true, .panic_arg = 8, \
	.m_curg = 184, .m_procid = 64, .m_p = 200, .m_locks = 256, .m_preemptoff = 240, .m_alllink = 344, .pacer_goal = 72, .has_clone = true, \
	MAGIC_120, .md_types = 296, .md_etypes = 304, .md_gofunc = 320
/* clang-format on */

static const struct go_layout layouts[] = {
	{
		.minor = 19,
		COMMON,
		G_TO_1_22,
		RECOVER_1_19,
		.g_size = 392,
		.g_goid = 152,
		.g_gopc = 296,
		.g_startpc = 312,
		.g_parent_goid = GO_NO_OFFSET,
		.g_labels = 360,
		.m_curg = 192,
		.m_procid = 72,
		.m_p = 208,
		.m_locks = 264,
		.m_preemptoff = 248,
		.m_alllink = 336,
		.pacer_goal = 104,
		CLASSIC_MAP(48),
		MAGIC_118,
		.md_types = 280,
		.md_etypes = 288,
		.md_gofunc = 304,
	},
	{
		.minor = 21,
		COMMON,
		G_TO_1_22,
		RECOVER_1_21,
		.g_size = 408,
		.g_goid = 152,
		.g_gopc = 280,
		.g_startpc = 296,
		.g_parent_goid = 272,
		.g_labels = 344,
		.m_curg = 192,
		.m_procid = 72,
		.m_p = 208,
		.m_locks = 264,
		.m_preemptoff = 248,
		.m_alllink = 336,
		.pacer_goal = 72,
		CLASSIC_MAP(48),
		.has_clone = true,
		MAGIC_120,
		.md_types = 296,
		.md_etypes = 304,
		.md_gofunc = 320,
	},
	{
		.minor = 22,
		COMMON,
		G_TO_1_22,
		RECOVER_FROM_1_22,
		.g_size = 424,
		.g_goid = 152,
		.g_gopc = 280,
		.g_startpc = 296,
		.g_parent_goid = 272,
		.g_labels = 344,
		.m_curg = 192,
		.m_procid = 72,
		.m_p = 208,
		.m_locks = 264,
		.m_preemptoff = 248,
		.m_alllink = 328,
		.pacer_goal = 72,
		CLASSIC_MAP(48),
		.has_clone = true,
		MAGIC_120,
		.md_types = 296,
		.md_etypes = 304,
		.md_gofunc = 320,
	},
	{
		.minor = 23,
		COMMON,
		G_1_23,
		RECOVER_FROM_1_22,
		.g_size = 432,
		.g_goid = 160,
		.g_gopc = 288,
		.g_startpc = 304,
		.g_parent_goid = 280,
		.g_labels = 352,
		.m_curg = 192,
		.m_procid = 72,
		.m_p = 208,
		.m_locks = 264,
		.m_preemptoff = 248,
		.pacer_goal = 72,
		CLASSIC_MAP(48),
		.has_clone = true,
		MAGIC_120,
		.md_types = 296,
		.md_etypes = 304,
		.md_gofunc = 320,
	},
	{GO_1_24, SWISS_MAP},
	{GO_1_25, SWISS_MAP, .clone_is_method = true},
	{
		.minor = 26,
		COMMON,
		G_FROM_1_25,
		RECOVER_1_26,
		.g_size = 456,
		.g_goid = 152,
		.g_gopc = 288,
		.g_startpc = 304,
		.g_parent_goid = 280,
		.g_labels = 352,
		.labels_are_list = true,
		.m_curg = 184,
		.m_procid = 64,
		.m_p = 208,
		.m_locks = 264,
		.m_preemptoff = 248,
		.m_alllink = 352,
		.pacer_goal = 72,
		SWISS_MAP,
		.clone_is_method = true,
		.has_clone = true,
		MAGIC_120,
		.md_types = 296,
		.md_etypes = 304,
		.md_gofunc = 320,
	},
	{
		.minor = 27,
		COMMON,
		.mem_record_counts_only = true,
		G_FROM_1_25,
		RECOVER_1_27,
		.g_size = 456,
		.g_goid = 152,
		.g_gopc = 288,
		.g_startpc = 304,
		.g_parent_goid = 280,
		.g_labels = 352,
		.labels_are_list = true,
		.m_curg = 184,
		.m_procid = 64,
		.m_p = 208,
		.m_locks = 264,
		.m_preemptoff = 248,
		.m_alllink = 352,
		.pacer_goal = 72,
		SWISS_MAP,
		.map_type_strides = true,
		.access1_wraps_access2 = true,
		.clone_is_method = true,
		.has_clone = true,
		MAGIC_120,
		.md_types = 296,
		.md_etypes = 312,
		.md_gofunc = 344,
	},
};

/* GOEXPERIMENT=noswissmap: the classic maps, with clearSeq u64 at 40 added to hmap. Only these two
 * releases have it. */
static const struct go_layout noswiss_layouts[] = {
	{GO_1_24, CLASSIC_MAP(56)},
	{GO_1_25, CLASSIC_MAP(56)},
};

static const struct go_layout *find(const struct go_layout *table, size_t n, int minor)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (table[i].minor == minor)
			return &table[i];
	}
	return NULL;
}

const struct go_layout *go_layout_find(int minor, bool noswiss)
{
	const struct go_layout *layout = NULL;

	if (noswiss)
		layout = find(noswiss_layouts, sizeof(noswiss_layouts) / sizeof(noswiss_layouts[0]),
			      minor);
	return layout ? layout : find(layouts, sizeof(layouts) / sizeof(layouts[0]), minor);
}

/*
 * waitReason and waitReasonStrings (src/runtime/runtime2.go): the number is the place in the list,
 * of those that the version has.
 */
static const struct wait_reason {
	const char *text;
	int since, until; /* Go minor version, inclusive; 0: no bound */
} wait_reasons[] = {
	{"", 0, 0},
	{"GC assist marking", 0, 0},
	{"IO wait", 0, 0},
	{"chan receive (nil chan)", 0, 25},
	{"chan send (nil chan)", 0, 25},
	{"dumping heap", 0, 0},
	{"garbage collection", 0, 0},
	{"garbage collection scan", 0, 0},
	{"panicwait", 0, 0},
	{"select", 0, 25},
	{"select (no cases)", 0, 25},
	{"GC assist wait", 0, 0},
	{"GC sweep wait", 0, 0},
	{"GC scavenge wait", 0, 0},
	{"chan receive", 0, 25},
	{"chan send", 0, 25},
	{"finalizer wait", 0, 0},
	{"force gc (idle)", 0, 0},
	{"GOMAXPROCS updater (idle)", 25, 0},
	{"semacquire", 0, 0},
	{"sleep", 0, 0},
	{"chan receive (nil chan)", 26, 0},
	{"chan send (nil chan)", 26, 0},
	{"select (no cases)", 26, 0},
	{"select", 26, 0},
	{"chan receive", 26, 0},
	{"chan send", 26, 0},
	{"sync.Cond.Wait", 0, 0},
	{"timer goroutine (idle)", 0, 20},
	{"sync.Mutex.Lock", 21, 0},
	{"sync.RWMutex.RLock", 21, 0},
	{"sync.RWMutex.Lock", 21, 0},
	{"sync.WaitGroup.Wait", 24, 0},
	{"trace reader (blocked)", 0, 0},
	{"wait for GC cycle", 0, 0},
	{"GC worker (idle)", 0, 0},
	{"GC worker (active)", 21, 0},
	{"preempted", 0, 0},
	{"debug call", 0, 0},
	{"GC mark termination", 21, 0},
	{"stopping the world", 21, 0},
	{"flushing proc caches", 22, 0},
	{"trace goroutine status", 22, 0},
	{"trace proc status", 22, 0},
	{"page trace flush", 22, 0},
	{"coroutine", 22, 0},
	{"GC weak to strong wait", 23, 0},
	{"synctest.Run", 24, 0},
	{"synctest.Wait", 24, 0},
	{"chan receive (synctest)", 24, 24},
	{"chan send (synctest)", 24, 24},
	{"select (synctest)", 24, 24},
	{"chan receive (durable)", 25, 0},
	{"chan send (durable)", 25, 0},
	{"select (durable)", 25, 0},
	{"sync.WaitGroup.Wait (durable)", 25, 0},
	{"cleanup wait", 25, 0},
};

const char *go_layout_wait_reason(const struct go_layout *layout, unsigned int reason)
{
	size_t i;

	for (i = 0; i < sizeof(wait_reasons) / sizeof(wait_reasons[0]); i++) {
		const struct wait_reason *w = &wait_reasons[i];

		if ((w->since && layout->minor < w->since) ||
		    (w->until && layout->minor > w->until))
			continue;
		if (!reason--)
			return w->text;
	}
	return NULL;
}

const char *go_layout_versions(void)
{
	return "1.19, 1.21 to 1.27";
}
