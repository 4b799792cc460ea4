/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* In ordinary C a structure's layout is the compiler's. */
#define preserve_access_index
#define bpf_core_field_offset(type, field) offsetof(type, field)
