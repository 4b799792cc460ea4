# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# shellcheck shell=bash disable=SC2154,SC2034
# The manifest cases.tsv (see there for its columns), and the programs its cases watch.

vm_manifest=${VM_MANIFEST:-$vm_dir/cases.tsv}
vm_e2e=${VM_E2E:-$vm_top/build/e2e}
vm_maprace=${VM_MAPRACE:-$vm_top/build/maprace}
vm_e2e_wanted=

# cases_select KERNEL GLOB...: the guest's manifest: name, limit, command; in the file's order
cases_select()
{
	local kernel=$1 name limit kernels command glob
	shift
	while IFS=$'\t' read -r name limit kernels command; do
		[[ $name != \#* && -n $name ]] || continue
		[[ $kernels == all || ,$kernels, == *,$kernel,* ]] || continue
		for glob in "$@"; do
			# shellcheck disable=SC2053 # a pattern on purpose
			if [[ $name == $glob ]]; then
				printf '%s\t%s\t%s\n' "$name" "$limit" "$command"
				break
			fi
		done
	done <"$vm_manifest"
}

# cases_time FILE...: the sum of their time limits
cases_time()
{
	awk -F'\t' '{ sum += $2 } END { print sum + 0 }' "$@"
}

# cases_programs FILE: the words VERSION/PROGRAM in its commands
cases_programs()
{
	cut -f3 "$1" | grep -oE '\b1[.][0-9]+(-[a-z]+)?/[a-z][a-z0-9_]*' | sort -u || true
}

# e2e_build: makes sure that the wanted programs are there
e2e_build()
{
	local program missing=()
	for program in $vm_e2e_wanted; do
		[[ -x $vm_e2e/$program ]] || missing+=("$program")
	done
	((${#missing[@]} == 0)) && return 0
	vm_say "vm: building ${#missing[@]} programs to watch"
	"$vm_top/tests/e2e/run.sh" --build-only "${missing[@]}" >"$vm_out/e2e-build.log" 2>&1 ||
		{ cat "$vm_out/e2e-build.log" >&2; vm_die "cannot build: ${missing[*]}"; }
}
