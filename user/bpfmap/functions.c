/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "bpfmap/functions.h"

#define WRITER(function)                               \
#function,                                     \
	{                                              \
		"enter_" #function, "leave_" #function \
	}

const struct map_function map_functions[] = {
	{WRITER(htab_map_update_elem), true, "updates of hash maps"},
	{WRITER(htab_map_delete_elem), false, "deletions from hash maps"},
	{"__htab_map_lookup_elem",
	 {"read___htab_map_lookup_elem", NULL},
	 false,
	 "look-ups in hash maps by programs"},
	{"bpf_map_copy_value", {"read_bpf_map_copy_value", NULL}, true, "look-ups by bpf(2)"},
	{WRITER(htab_lru_map_update_elem), false, "updates of LRU hash maps"},
	{WRITER(htab_lru_map_delete_elem), false, "deletions from LRU hash maps"},
	{WRITER(array_map_update_elem), false, "updates of arrays"},
	{WRITER(trie_update_elem), false, "updates of LPM tries"},
	{WRITER(trie_delete_elem), false, "deletions from LPM tries"},
	{"trie_lookup_elem",
	 {"read_trie_lookup_elem", NULL},
	 false,
	 "look-ups in LPM tries by programs"},
};
const size_t map_functions_n = sizeof(map_functions) / sizeof(map_functions[0]);
