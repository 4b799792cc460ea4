/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_GO_GO_LAYOUT_H
#define MAPRACE_GO_GO_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Every fact that depends on the Go version, in one table (go_layout.c), each field with the source
 * file of Go that it comes from. Offsets are bytes. The table covers 1.19 and 1.21 to 1.27; others
 * are refused by name.
 */
enum go_map_impl { GO_MAP_CLASSIC, GO_MAP_SWISS };

#define GO_NO_OFFSET 0xffffffffu

struct go_layout {
	int minor; /* 24 for Go 1.24 */
	enum go_map_impl map_impl;
	/* runtime.g (src/runtime/runtime2.go) */
	uint32_t g_stack_lo, g_stack_hi, g_m, g_goid, g_gopc, g_startpc;
	uint32_t g_parent_goid; /* GO_NO_OFFSET before 1.21 */
	uint32_t g_labels;
	bool labels_are_list; /* src/runtime/pprof/label.go: a slice since 1.24, before a map */
	/* what a goroutine that does not run goes on with: type gobuf inside g, its bp is elsewhere
	 * from 1.25 on */
	uint32_t g_sched_sp, g_sched_pc, g_sched_bp;
	uint32_t g_syscallsp, g_syscallpc;
	uint32_t g_status, g_waitsince, g_waitreason; /* u32, i64 of nanotime(), u8 */
	uint32_t g_size;
	uint32_t m_g0, m_curg, m_procid, m_p, m_locks, m_preemptoff, m_gsignal;
	uint32_t m_alllink; /* the next of runtime.allm */
	uint32_t p_m;	    /* which m runs what a P has; p.id and p.status are at 0 and 4 */
	/* runtime.gcController (src/runtime/mgcpacer.go): gcPercentHeapGoal; what is asked for
	 * behind it is as far from it in all versions */
	uint32_t pacer_goal;
	uint32_t panic_arg; /* what panic() was called with, in a _panic: an interface */
	/* a goroutine's innermost _panic; and where a recovered one has its frame's stack pointer
	 * and where that goes on: in that _panic since 1.22, before in g (src/runtime/panic.go:
	 * recovery()) */
	uint32_t g_panic, recover_sp, recover_pc;
	bool recover_in_g;
	/* the map header: runtime.hmap (src/runtime/map.go) or maps.Map
	 * (src/internal/runtime/maps/map.go) */
	uint32_t map_size;		  /* bytes of header worth reading, at most 64 */
	uint32_t map_seed, map_seed_size; /* hash0 u32 or seed u64 */
	uint32_t map_flags;		  /* offset of the byte that holds the writing flag */
	uint8_t map_writing_mask; /* 4 (hashWriting) classic; 0xff Swiss (any bit: toggled) */
	uint32_t map_old; /* classic: offset of hmap.oldbuckets; Swiss: 0, tables grow in one go */
	uint32_t table_capacity; /* Swiss: offset of maps.table.capacity, u16 (table.go) */
	bool map_type_strides;	 /* 1.27: MapType has KeysOff, KeyStride, ElemsOff, ElemStride */
	bool hash_constants;	 /* to 1.22 the hash without AES has constants for keys 1 to 3 */
	/* iterator: runtime.hiter or maps.Iter */
	uint32_t iter_type, iter_map;
	bool access1_wraps_access2; /* 1.27: mapaccess1* only call mapaccess2* */
	bool clone_is_method;	    /* 1.25+: (*Map).Clone */
	bool has_clone;		    /* 1.21+ */
	/* src/runtime/mprof.go: memRecordCycle has {allocs, frees} only, no bytes */
	bool mem_record_counts_only;
	/* the function table (src/internal/abi/symtab.go, src/runtime/symtab.go) and
	 * runtime.moduledata */
	uint32_t pclntab_magic;
	uint32_t md_types, md_etypes, md_gofunc;
};

/* noswiss: the modinfo or version string says X:noswissmap (1.24, 1.25). NULL when the version is
 * outside the table. */
const struct go_layout *go_layout_find(int minor, bool noswiss);
/* Why a goroutine waits, as the runtime's own traceback says it ("chan receive"); "" for none, NULL
 * for a number that this version does not have. */
const char *go_layout_wait_reason(const struct go_layout *layout, unsigned int reason);
/* "1.19, 1.21 to 1.27" for messages. */
const char *go_layout_versions(void);

#endif
