# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# shellcheck shell=bash disable=SC2034
# What run.sh, shell.sh and selftest.sh share: names and places.

vm_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
vm_top=$(cd "$vm_dir/../.." && pwd)
vm_out=${VM_BUILD:-$vm_top/build/vm}
vm_all_kernels=$(awk -F'\t' '!/^#/ { printf "%s%s", s, $1; s = " " }' "$vm_dir/kernels.tsv")

vm_say()
{
	echo "$*" >&2
}

vm_die()
{
	vm_say "vm: $*"
	exit 1
}

# Exit status of a run in which nothing could be run: not a pass, and told apart from a failure.
vm_skipped=77
