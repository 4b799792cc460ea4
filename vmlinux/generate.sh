#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Make vmlinux/ARCH/vmlinux.h anew from a kernel's BTF: of the running one, or of a file (vmlinux, btf).
# usage: vmlinux/generate.sh [BTF-FILE]
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
btf=${1:-/sys/kernel/btf/vmlinux}
arch=$(uname -m)
bpftool=${BPFTOOL:-$(command -v bpftool || echo /usr/sbin/bpftool)}
out=$here/$arch/vmlinux.h

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"$bpftool" btf dump file "$btf" format c >"$tmp/full.h"
LC_ALL=C awk -f "$here/trim.awk" "$here/types.txt" "$tmp/full.h" >"$tmp/body.h"
mkdir -p "$here/$arch"
{
	cat <<EOF
/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Kernel types for BPF programs, made by vmlinux/generate.sh from vmlinux/types.txt: do not edit.
 * Structures are cut to the fields that we read; CO-RE finds where they really are.
 */
#ifndef __VMLINUX_H__
#define __VMLINUX_H__

#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
#endif

EOF
	cat "$tmp/body.h"
	cat <<EOF
#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute pop
#endif

#endif /* __VMLINUX_H__ */
EOF
} >"$tmp/vmlinux.h"
mv "$tmp/vmlinux.h" "$out"
echo "$out: $(wc -l <"$out") lines"
