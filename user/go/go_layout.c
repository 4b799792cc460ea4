/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "go/go_layout.h"

#include <stddef.h>

/*
 * The one table of what depends on the Go version. Offsets are those in the DWARF of executables
 * that each version builds for amd64 (arm64 has the same); g and m change with a release's fields,
 * so a column is never guessed from its neighbour.
 *
 * struct g, struct m	src/runtime/runtime2.go: type g, type m
 * classic maps		src/runtime/map.go (1.19 to 1.23), map_noswiss.go (1.24, 1.25): type hmap,
 * type hiter Swiss maps		src/internal/runtime/maps/map.go: type Map; table.go: type
 * Iter moduledata		src/runtime/symtab.go: type moduledata magic
 * src/internal/abi/symtab.go: Go118PCLnTabMagic, Go120PCLnTabMagic
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
	.g_stack_lo = 0, .g_stack_hi = 8, .g_m = 48, .m_g0 = 0

#define MAGIC_118 .pclntab_magic = 0xfffffff0
#define MAGIC_120 .pclntab_magic = 0xfffffff1

#define GO_1_24 \
	.minor = 24, COMMON, .g_goid = 160, .g_gopc = 288, .g_startpc = 304, .g_parent_goid = 280, \
	.g_labels = 352, .labels_are_list = true, \
	.m_curg = 192, .m_procid = 72, .m_p = 208, .m_locks = 264, .m_preemptoff = 248, .has_clone = true, \
	MAGIC_120, .md_types = 296, .md_etypes = 304, .md_gofunc = 320

#define GO_1_25 \
	.minor = 25, COMMON, .g_goid = 152, .g_gopc = 280, .g_startpc = 296, .g_parent_goid = 272, \
	.g_labels = 344, .labels_are_list = true, \
	.m_curg = 184, .m_procid = 64, .m_p = 200, .m_locks = 256, .m_preemptoff = 240, .has_clone = true, \
	MAGIC_120, .md_types = 296, .md_etypes = 304, .md_gofunc = 320
/* clang-format on */

static const struct go_layout layouts[] = {
	{
		.minor = 19,
		COMMON,
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
		CLASSIC_MAP(48),
		MAGIC_118,
		.md_types = 280,
		.md_etypes = 288,
		.md_gofunc = 304,
	},
	{
		.minor = 21,
		COMMON,
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
		SWISS_MAP,
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

const char *go_layout_versions(void)
{
	return "1.19, 1.21 to 1.27";
}
