# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# shellcheck shell=dash
# Kernel BPF maps.

# bpfmaps_visibility TYPE: measures from where operations on such a map can be seen; docs/bpf-maps.md has the outcome
bpfmaps_visibility()
{
	expect_status 0 visibility "$1"
	cat out
}
