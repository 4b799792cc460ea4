/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "bpfmap/functions.h"

#include <maprace/bpfmap.h>

#define WRITER(function)                               \
#function,                                     \
	{                                              \
		"enter_" #function, "leave_" #function \
	}

#define COUNTED(function)                                           \
	{                                                           \
#function, {"count_" #function, NULL }, false, NULL \
	}
#define UNSEEN(function)                                             \
	{                                                            \
#function, {"unseen_" #function, NULL }, false, NULL \
	}

/* Those in whose callers' stacks we look for programs come first, see KERNEL_FUNCTIONS. */
const struct map_function map_functions[] = {
	[MR_BPF_HTAB_LOOKUP] =
		{"htab_map_lookup_elem",
		 {"read_htab_map_lookup_elem", NULL},
		 false,
		 "look-ups in hash maps by programs that do not know their map in advance"},
	[MR_BPF_LRU_LOOKUP] =
		{"htab_lru_map_lookup_elem",
		 {"read_htab_lru_map_lookup_elem", NULL},
		 false,
		 "look-ups in LRU hash maps by programs that do not know their map in advance"},
	{WRITER(htab_map_update_elem), true, "updates of hash maps"},
	{WRITER(htab_map_delete_elem), false, "deletions from hash maps"},
	{"__htab_map_lookup_elem",
	 {"read___htab_map_lookup_elem", NULL},
	 false,
	 "look-ups in hash maps by programs"},
	{"bpf_map_copy_value",
	 {"enter_bpf_map_copy_value", "read_bpf_map_copy_value"},
	 true,
	 "look-ups by bpf(2)"},
	{WRITER(htab_lru_map_update_elem), false, "updates of LRU hash maps"},
	{WRITER(htab_lru_map_delete_elem), false, "deletions from LRU hash maps"},
	{WRITER(array_map_update_elem), false, "updates of arrays"},
	{WRITER(trie_update_elem), false, "updates of LPM tries"},
	{WRITER(trie_delete_elem), false, "deletions from LPM tries"},
	{"trie_lookup_elem",
	 {"read_trie_lookup_elem", NULL},
	 false,
	 "look-ups in LPM tries by programs"},
	/* since 5.14 */
	{WRITER(htab_map_lookup_and_delete_elem), false, NULL},
	{WRITER(htab_lru_map_lookup_and_delete_elem), false, NULL},
	UNSEEN(__htab_map_lookup_and_delete_batch),
	UNSEEN(bpf_for_each_hash_elem), /* since 5.13 */
	/* per-CPU maps: one or the other, as the kernel is */
	COUNTED(htab_percpu_map_lookup_elem),
	COUNTED(htab_percpu_map_update_elem),
	COUNTED(bpf_percpu_hash_update),
	COUNTED(htab_lru_percpu_map_lookup_elem),
	COUNTED(htab_lru_percpu_map_update_elem),
	COUNTED(bpf_percpu_array_update),
	COUNTED(queue_stack_map_push_elem),
	COUNTED(queue_map_pop_elem),
	COUNTED(stack_map_pop_elem),
	COUNTED(queue_map_peek_elem),
	COUNTED(stack_map_peek_elem),
};
const size_t map_functions_n = sizeof(map_functions) / sizeof(map_functions[0]);
