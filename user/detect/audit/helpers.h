/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_DETECT_AUDIT_HELPERS_H
#define MAPRACE_DETECT_AUDIT_HELPERS_H

#include <stdint.h>

/* What a call of the kernel does, as far as it matters here. */
enum audit_helper {
	AUDIT_CALL_UNKNOWN, /* which one is not known */
	AUDIT_CALL_PLAIN,   /* takes nothing from a map and changes nothing there */
	AUDIT_CALL_WRITES,  /* may write to the memory that its arguments point to */
	AUDIT_CALL_LOOKUP,  /* (map, key): the value's address */
	AUDIT_CALL_ELEM,    /* (map, key): the address of a hash's element, the value behind it */
	AUDIT_CALL_UPDATE,  /* (map, key, value, flags) */
	AUDIT_CALL_DELETE,
	AUDIT_CALL_STORAGE,  /* (map, owner, …): the value's address in local storage */
	AUDIT_CALL_CGROUP,   /* (map, flags): the value's address in cgroup storage */
	AUDIT_CALL_LOCK,     /* (lock in a value) */
	AUDIT_CALL_UNLOCK,   /* */
	AUDIT_CALL_THREAD,   /* gives the current thread's number */
	AUDIT_CALL_TASK,     /* gives the current thread's address */
	AUDIT_CALL_CPU,	     /* gives this CPU's number */
	AUDIT_CALL_LOOP,     /* (n, function, context) */
	AUDIT_CALL_FOR_EACH, /* (map, function, context) */
	AUDIT_CALL_TIMER,    /* (timer in a value, function): called later */
	AUDIT_CALL_DRAIN,    /* (map, function, context) */
	AUDIT_CALL_FIND_VMA, /* (task, address, function, context) */
	AUDIT_CALLS
};

/* By its number in the programs of an object file. */
enum audit_helper audit_helper_by_id(uint32_t id);
/* By the name of the kernel's function: a helper, what stands in its place after translation, or a
 * kfunc. */
enum audit_helper audit_helper_by_name(const char *name);

#endif
