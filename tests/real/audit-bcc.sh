#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# `maprace bpf audit` on the tools of Debian's bpfcc-tools, whose programs are C text that bcc compiles when a tool is started: each
# loads its programs, attaches none, and they are audited. By hand, as root: 10 s for each tool. What was found has to be read; the
# table is in docs/bpf-maps.md.
#
# usage: tests/real/audit-bcc.sh [TOOL...]    biotop ...; all without it
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
bcc=$("$top/scripts/debs.sh" get bookworm bpfcc-tools python3-bpfcc libbpfcc)
headers=$("$top/scripts/debs.sh" get bookworm linux-headers-6.1.0-50-cloud-amd64 linux-headers-6.1.0-50-common)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# arguments that tools need to begin
declare -A arguments=([argdist]="-C p::vfs_read()" [trace]=do_sys_openat2 [funccount]=vfs_read [funclatency]=vfs_read
	[funcinterval]=vfs_read [funcslower]=vfs_read [stackcount]=vfs_read [biolatpcts]=8:0 [tcpsubnet]=10.0.0.0/8
	[ttysnoop]=/dev/null [dirtop]="-d /tmp" [bashreadline]="-s /bin/bash")

# Debian has a kernel's headers in two packages; bcc wants one tree
mkdir "$work/kernel"
for part in common cloud-amd64; do
	cp -rsf "$headers/usr/src/linux-headers-6.1.0-50-$part/." "$work/kernel/"
done
export LD_LIBRARY_PATH=$bcc/usr/lib/x86_64-linux-gnu PYTHONPATH=$bcc/usr/lib/python3/dist-packages BCC_KERNEL_SOURCE=$work/kernel
export MAPRACE=${MAPRACE:-$top/build/maprace}
(($#)) || mapfile -t tools < <(grep -lE '^#!.*python' "$bcc"/usr/sbin/*-bpfcc | sed 's#.*/##; s/-bpfcc$//')
for tool in "${@:-"${tools[@]}"}"; do
	export OUT=$work/$tool.json
	read -ra words <<<"${arguments[$tool]:-}"
	told=$(timeout 90 python3 "$top/tests/real/audit_bcc.py" "$bcc/usr/sbin/$tool-bpfcc" "${words[@]}" 2>&1 >/dev/null </dev/null |
		grep -aoE '[0-9]+ programs, [0-9]+ refused.*' | tail -n 1 || true)
	echo "$tool: ${told:-nothing was loaded in time}"
	[[ ! -e $OUT ]] || jq -r '.suspects[] | "    \(.kind) of \(.bpf.audit.field) of \(.bpf.map_name) by \(.bpf.actors[0].prog_name), line \(.accesses[0].stack[0].line)"' "$OUT"
done
