# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# shellcheck shell=dash
# Kernel BPF maps.

# bpfmaps_visibility TYPE: measures from where operations on such a map can be seen, writes it down, and holds it against what
# docs/bpf-maps.md says of every kernel
bpfmaps_visibility()
{
	expect_status 0 visibility "$1"
	[ "$(wc -l <out)" -gt 200 ] || {
		show out
		die "too few lines"
	}
	awk -f /vm/guest/visibility.awk out >verdict || {
		cat verdict out
		die "not what docs/bpf-maps.md says"
	}
	grep '^fact ' verdict | while read -r _ name value; do
		fact "$name" "$value"
	done
	cat verdict out
}
