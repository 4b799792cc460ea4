/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "detect/audit/helpers.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Helpers have ended at 211: what is new comes as a kfunc. */
#define HELPERS_KNOWN 212

/* id: 0 where the kernel has it under this name only, or it is a kfunc */
static const struct {
	uint32_t id;
	const char *name;
	enum audit_helper helper;
} exact[] = {
	{0, "__htab_map_lookup_elem", AUDIT_CALL_ELEM},
	{1, "bpf_map_lookup_elem", AUDIT_CALL_LOOKUP},
	{2, "bpf_map_update_elem", AUDIT_CALL_UPDATE},
	{3, "bpf_map_delete_elem", AUDIT_CALL_DELETE},
	{195, "bpf_map_lookup_percpu_elem", AUDIT_CALL_PLAIN},
	{156, "bpf_task_storage_get", AUDIT_CALL_STORAGE},
	{0, "bpf_task_storage_get_recur", AUDIT_CALL_STORAGE},
	{107, "bpf_sk_storage_get", AUDIT_CALL_STORAGE},
	{0, "bpf_sk_storage_get_tracing", AUDIT_CALL_STORAGE},
	{0, "bpf_sk_storage_get_cg_sock", AUDIT_CALL_STORAGE},
	{145, "bpf_inode_storage_get", AUDIT_CALL_STORAGE},
	{210, "bpf_cgrp_storage_get", AUDIT_CALL_STORAGE},
	{81, "bpf_get_local_storage", AUDIT_CALL_CGROUP},
	{93, "bpf_spin_lock", AUDIT_CALL_LOCK},
	{94, "bpf_spin_unlock", AUDIT_CALL_UNLOCK},
	{0, "bpf_res_spin_lock", AUDIT_CALL_LOCK},
	{0, "bpf_res_spin_unlock", AUDIT_CALL_UNLOCK},
	{0, "bpf_res_spin_lock_irqsave", AUDIT_CALL_LOCK},
	{0, "bpf_res_spin_unlock_irqrestore", AUDIT_CALL_UNLOCK},
	{14, "bpf_get_current_pid_tgid", AUDIT_CALL_THREAD},
	{35, "bpf_get_current_task", AUDIT_CALL_TASK},
	{158, "bpf_get_current_task_btf", AUDIT_CALL_TASK},
	{8, "bpf_get_smp_processor_id", AUDIT_CALL_CPU},
	{0, "bpf_get_raw_cpu_id", AUDIT_CALL_CPU},
	{0, "bpf_get_raw_smp_processor_id", AUDIT_CALL_CPU},
	{181, "bpf_loop", AUDIT_CALL_LOOP},
	{164, "bpf_for_each_map_elem", AUDIT_CALL_FOR_EACH},
	{0, "bpf_for_each_hash_elem", AUDIT_CALL_FOR_EACH},
	{0, "bpf_for_each_array_elem", AUDIT_CALL_FOR_EACH},
	{170, "bpf_timer_set_callback", AUDIT_CALL_TIMER},
	{0, "bpf_wq_set_callback_impl", AUDIT_CALL_TIMER},
	{0, "bpf_wq_set_callback", AUDIT_CALL_TIMER},
	{209, "bpf_user_ringbuf_drain", AUDIT_CALL_DRAIN},
	{180, "bpf_find_vma", AUDIT_CALL_FIND_VMA},
	/* those of the others that write to no memory of the program's */
	{5, "bpf_ktime_get_ns", AUDIT_CALL_PLAIN},
	{125, "bpf_ktime_get_boot_ns", AUDIT_CALL_PLAIN},
	{160, "bpf_ktime_get_coarse_ns", AUDIT_CALL_PLAIN},
	{118, "bpf_jiffies64", AUDIT_CALL_PLAIN},
	{6, "bpf_trace_printk", AUDIT_CALL_PLAIN},
	{25, "bpf_perf_event_output", AUDIT_CALL_PLAIN},
	{0, "bpf_perf_event_output_tp", AUDIT_CALL_PLAIN},
	{0, "bpf_perf_event_output_raw_tp", AUDIT_CALL_PLAIN},
	{0, "bpf_event_output_data", AUDIT_CALL_PLAIN},
	{130, "bpf_ringbuf_output", AUDIT_CALL_PLAIN},
	{12, "bpf_tail_call", AUDIT_CALL_PLAIN},
	{23, "bpf_redirect", AUDIT_CALL_PLAIN},
	{51, "bpf_redirect_map", AUDIT_CALL_PLAIN},
	{87, "bpf_map_push_elem", AUDIT_CALL_PLAIN},
	{182, "bpf_strncmp", AUDIT_CALL_PLAIN},
	{9, "bpf_skb_store_bytes", AUDIT_CALL_PLAIN},
	{190, "bpf_xdp_store_bytes", AUDIT_CALL_PLAIN},
	{28, "bpf_csum_diff", AUDIT_CALL_PLAIN},
};

/* Each type of map has functions of its own, which translated programs call. */
static bool is_map_function(const char *name, const char *what)
{
	const char *found = strstr(name, what);

	return found && !found[strlen(what)] && strstr(name, "map");
}

static enum audit_helper by_pattern(const char *name)
{
	if (is_map_function(name, "_lookup_elem") || !strcmp(name, "trie_lookup_elem"))
		return AUDIT_CALL_LOOKUP;
	if (is_map_function(name, "_update_elem") || !strcmp(name, "trie_update_elem"))
		return AUDIT_CALL_UPDATE;
	if (is_map_function(name, "_delete_elem") || !strcmp(name, "trie_delete_elem"))
		return AUDIT_CALL_DELETE;
	return AUDIT_CALL_WRITES;
}

enum audit_helper audit_helper_by_name(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(exact) / sizeof(exact[0]); i++)
		if (!strcmp(exact[i].name, name))
			return exact[i].helper;
	return by_pattern(name);
}

enum audit_helper audit_helper_by_id(uint32_t id)
{
	size_t i;

	for (i = 0; i < sizeof(exact) / sizeof(exact[0]); i++)
		if (id && exact[i].id == id)
			return exact[i].helper;
	return id && id < HELPERS_KNOWN ? AUDIT_CALL_WRITES : AUDIT_CALL_UNKNOWN;
}
