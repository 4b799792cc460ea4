# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# shellcheck shell=bash disable=SC2154,SC2034
# Where a kernel comes from.

# kernel_field KERNEL COLUMN: a field of kernels.tsv
kernel_field()
{
	awk -F'\t' -v kernel="$1" -v column="$2" '$1 == kernel { print $column }' "$vm_dir/kernels.tsv"
}

# kernel_fetch KERNEL: prints the path of its vmlinuz. Status 1: not in the table, 77: could not be fetched.
kernel_fetch()
{
	local kernel=$1 suite package pattern root newest image
	suite=$(kernel_field "$kernel" 2)
	package=$(kernel_field "$kernel" 3)
	pattern=$(kernel_field "$kernel" 4)
	[[ -n $suite ]] || { vm_say "vm: no kernel $kernel in tests/vm/kernels.tsv (known: $vm_all_kernels)"; return 1; }
	if ! root=$("$vm_top/scripts/debs.sh" get "$suite" "$package" 2>"$vm_out/fetch-$kernel.log"); then
		newest=$("$vm_top/scripts/debs.sh" search "$suite" "$pattern" 2>>"$vm_out/fetch-$kernel.log" |
			sort -V | tail -1 | cut -d' ' -f1) || newest=
		[[ -n $newest ]] || return "$vm_skipped"
		vm_say "vm: $suite has no $package now, taking $newest"
		root=$("$vm_top/scripts/debs.sh" get "$suite" "$newest" 2>>"$vm_out/fetch-$kernel.log") ||
			return "$vm_skipped"
	fi
	# Older packages have the image in /boot, those since 7.x beside the modules.
	image=$(find "$root/boot" "$root/usr/lib/modules" -maxdepth 2 -name 'vmlinuz*' -type f 2>/dev/null | head -1)
	[[ -n $image ]] || { vm_say "vm: no vmlinuz in the package of kernel $kernel"; return 1; }
	echo "$image"
}
