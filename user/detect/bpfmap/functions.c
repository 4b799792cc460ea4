/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "detect/bpfmap/functions.h"

#include <linux/bpf.h>

#include <maprace/bpfmap.h>

#define TYPE(name) (1ull << BPF_MAP_TYPE_##name)

/* kernel/bpf/hashtab.c, arraymap.c, lpm_trie.c, queue_stack_maps.c: whose struct bpf_map_ops name
 * the functions */
#define HASHES (TYPE(HASH) | TYPE(PERCPU_HASH) | TYPE(HASH_OF_MAPS))
#define LRU_HASHES (TYPE(LRU_HASH) | TYPE(LRU_PERCPU_HASH))
#define ARRAYS (TYPE(ARRAY) | TYPE(PERCPU_ARRAY) | TYPE(ARRAY_OF_MAPS))
#define TRIES TYPE(LPM_TRIE)
#define QUEUES (TYPE(QUEUE) | TYPE(STACK))
#define ALL_TYPES (~0ull)

#define WRITER(function)                               \
#function,                                     \
	{                                              \
		"enter_" #function, "leave_" #function \
	}

#define COUNTED(function, types)                                           \
	{                                                                  \
#function, {"count_" #function, NULL }, types, false, NULL \
	}
#define UNSEEN(function, types)                                             \
	{                                                                   \
#function, {"unseen_" #function, NULL }, types, false, NULL \
	}

/* Those in whose callers' stacks we look for programs come first, see KERNEL_FUNCTIONS. */
const struct map_function map_functions[] = {
	[MR_BPF_HTAB_LOOKUP] =
		{"htab_map_lookup_elem",
		 {"read_htab_map_lookup_elem", NULL},
		 HASHES,
		 false,
		 "look-ups in hash maps by programs that do not know their map in advance"},
	[MR_BPF_LRU_LOOKUP] =
		{"htab_lru_map_lookup_elem",
		 {"read_htab_lru_map_lookup_elem", NULL},
		 LRU_HASHES,
		 false,
		 "look-ups in LRU hash maps by programs that do not know their map in advance"},
	{WRITER(htab_map_update_elem), HASHES, true, "updates of hash maps"},
	{WRITER(htab_map_delete_elem), HASHES, false, "deletions from hash maps"},
	{"__htab_map_lookup_elem",
	 {"read___htab_map_lookup_elem", NULL},
	 HASHES | LRU_HASHES,
	 false,
	 "look-ups in hash maps by programs"},
	{"bpf_map_copy_value",
	 {"enter_bpf_map_copy_value", "read_bpf_map_copy_value"},
	 ALL_TYPES,
	 true,
	 "look-ups by bpf(2)"},
	{WRITER(htab_lru_map_update_elem), LRU_HASHES, false, "updates of LRU hash maps"},
	{WRITER(htab_lru_map_delete_elem), LRU_HASHES, false, "deletions from LRU hash maps"},
	{WRITER(array_map_update_elem), ARRAYS, false, "updates of arrays"},
	{WRITER(trie_update_elem), TRIES, false, "updates of LPM tries"},
	{WRITER(trie_delete_elem), TRIES, false, "deletions from LPM tries"},
	{"trie_lookup_elem",
	 {"read_trie_lookup_elem", NULL},
	 TRIES,
	 false,
	 "look-ups in LPM tries by programs"},
	/* since 5.14 */
	{WRITER(htab_map_lookup_and_delete_elem), HASHES, false, NULL},
	{WRITER(htab_lru_map_lookup_and_delete_elem), LRU_HASHES, false, NULL},
	UNSEEN(__htab_map_lookup_and_delete_batch, HASHES | LRU_HASHES),
	UNSEEN(bpf_for_each_hash_elem, HASHES | LRU_HASHES), /* since 5.13 */
	/* per-CPU maps: one or the other, as the kernel is */
	COUNTED(htab_percpu_map_lookup_elem, HASHES),
	COUNTED(htab_percpu_map_update_elem, HASHES),
	COUNTED(bpf_percpu_hash_update, HASHES | LRU_HASHES),
	COUNTED(htab_lru_percpu_map_lookup_elem, LRU_HASHES),
	COUNTED(htab_lru_percpu_map_update_elem, LRU_HASHES),
	COUNTED(bpf_percpu_array_update, ARRAYS),
	COUNTED(queue_stack_map_push_elem, QUEUES),
	COUNTED(queue_map_pop_elem, QUEUES),
	COUNTED(stack_map_pop_elem, QUEUES),
	COUNTED(queue_map_peek_elem, QUEUES),
	COUNTED(stack_map_peek_elem, QUEUES),
};
const size_t map_functions_n = sizeof(map_functions) / sizeof(map_functions[0]);
