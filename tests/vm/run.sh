#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Runs the cases of cases.tsv inside each kernel of the matrix, in virtual machines without KVM. --shell [KERNEL]: see shell.sh.
#
# Environment:
#   KERNELS     "5.10 6.1 6.12 7.2"   which kernels
#   CASES       "*"                   which cases, as shell patterns
#   REPEAT      1                     how often each kernel is run
#   V           empty                 1: output of passing cases too
#   VM_DOCS     empty                 a file to write the table kernel x case to (docs/kernels.md)
#   VM_RUNS     empty                 a file to add a line per boot to (runs.tsv): what ten runs of each kernel gave
#   VM_MEMORY   1024                  MiB per guest;  VM_CPUS 2
#   VM_MANIFEST tests/vm/cases.tsv    the list of cases
#   VM_QEMU     chosen by lib/qemu.sh the qemu-system-x86_64 to use
#   VM_SLACK    120                   seconds a guest may take beyond its cases' own limits
# Status: 0 passed, 1 failed (also when everything was skipped).
set -euo pipefail
# shellcheck source=tests/vm/lib/common.sh
source "$(dirname "$0")/lib/common.sh"
# shellcheck source=tests/vm/lib/kernel.sh
source "$vm_dir/lib/kernel.sh"
# shellcheck source=tests/vm/lib/qemu.sh
source "$vm_dir/lib/qemu.sh"
# shellcheck source=tests/vm/lib/guest.sh
source "$vm_dir/lib/guest.sh"
# shellcheck source=tests/vm/lib/console.sh
source "$vm_dir/lib/console.sh"
# shellcheck source=tests/vm/lib/results.sh
source "$vm_dir/lib/results.sh"
# shellcheck source=tests/vm/lib/cases.sh
source "$vm_dir/lib/cases.sh"
# shellcheck source=tests/vm/lib/image.sh
source "$vm_dir/lib/image.sh"
# shellcheck source=tests/vm/lib/table.sh
source "$vm_dir/lib/table.sh"
# shellcheck source=tests/vm/lib/runs.sh
source "$vm_dir/lib/runs.sh"

passed=0 failed=0 skipped=0 broken=0
skip_reasons=()

# kernel_skip KERNEL CASES_FILE REASON
kernel_skip()
{
	local count
	count=$(wc -l <"$2")
	skipped=$((skipped + count))
	skip_reasons+=("kernel $1 ($count cases): $3")
	echo "skipped $1: $3"
}

# kernel_judge KERNEL PREFIX: adds up what a guest reported; what is wrong beside the cases counts as broken
kernel_judge()
{
	local kernel=$1 prefix=$2 problems counts
	results_print "$prefix.results" "$kernel"
	if ! problems=$(results_check "$prefix.results" "$prefix.cases"); then
		echo "BROKEN  $kernel results: "
		printf '    | %s\n' "${problems//$'\n'/$'\n'    | }"
		echo "    | the console's last lines:"
		tail -n 25 "$prefix.console" | tr -d '\r' | sed 's/^/    | /'
		broken=$((broken + 1))
	fi
	if ! problems=$(console_check "$prefix.console"); then
		echo "BROKEN  $kernel the kernel complained (case: message):"
		printf '    | %s\n' "${problems//$'\n'/$'\n'    | }"
		broken=$((broken + 1))
	fi
	counts=$(awk '{ sub(/\r$/, "") } { n[$3]++ } END { print n["pass"] + 0, n["fail"] + 0, n["skip"] + 0 }' "$prefix.results")
	read -r p f s <<<"$counts"
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	[[ $s == 0 ]] || while IFS= read -r line; do
		skip_reasons+=("$line")
	done < <(results_print "$prefix.results" "$kernel" | grep '^skipped')
}

# kernel_run KERNEL PREFIX: one boot
kernel_run()
{
	local kernel=$1 prefix=$2 limit verbose='' began=$EPOCHREALTIME broken_before=$broken
	[[ ${V:-0} != 1 ]] || verbose=vm.verbose=1
	limit=$(($(cases_time "$prefix.cases") + ${VM_SLACK:-120}))
	guest_command "$image" "$prefix.initrd" "${VM_MEMORY:-1024}" "$verbose ${VM_APPEND:-}"
	guest_start "$prefix.console" "$prefix.results"
	if ! guest_wait "$limit"; then
		echo "BROKEN  $kernel the guest was still running after $limit s and was ended"
		broken=$((broken + 1))
	fi
	awk -v a="$began" -v b="$EPOCHREALTIME" -v boot="${guest_began:-0}" \
		'BEGIN { printf "wall %.1f\nboot %.1f\n", b - a, boot ? boot - a : 0 }' >"$prefix.times"
	kernel_judge "$kernel" "$prefix"
	[[ -z ${VM_RUNS:-} ]] || runs_add "$VM_RUNS" "$kernel" "$prefix" $((broken - broken_before)) "$version"
}

vm_missing_tools()
{
	local tool missing=()
	for tool in busybox cpio gzip readelf clang bpftool; do
		command -v "$tool" >/dev/null || [[ -x /usr/sbin/$tool ]] || missing+=("$tool")
	done
	((${#missing[@]} == 0)) || echo "${missing[*]}"
}

main()
{
	if [[ ${1:-} == --shell ]]; then
		KERNEL=${2:-${KERNEL:-6.12}} exec "$vm_dir/shell.sh"
	fi
	local kernel turn status missing image version prefix cases
	PATH=$PATH:/usr/sbin:/sbin
	read -ra cases <<<"${CASES:-*}"
	mkdir -p "$vm_out/results"
	trap guest_end EXIT
	trap 'exit 1' INT TERM
	missing=$(vm_missing_tools)
	qemu_find || missing+=" qemu-system-x86_64"
	for kernel in ${KERNELS:-$vm_all_kernels}; do
		prefix=$vm_out/results/$kernel
		# one run of a kernel at a time in a build folder, and one that builds
		exec 9>"$vm_out/lock-$kernel" 8>"$vm_out/lock"
		flock -n 9 || { vm_say "vm: waiting for another run of $kernel in $vm_out"; flock 9; }
		flock 8
		rm -f "$prefix".*
		cases_select "$kernel" "${cases[@]}" >"$prefix.cases"
		[[ -s $prefix.cases ]] || vm_die "no case matches '${cases[*]}' on kernel $kernel"
		if [[ -n $missing ]]; then
			kernel_skip "$kernel" "$prefix.cases" "not installed: $missing"
			continue
		fi
		status=0
		image=$(kernel_fetch "$kernel") || status=$?
		if ((status == vm_skipped)); then
			kernel_skip "$kernel" "$prefix.cases" "cannot be fetched: $(tail -n 1 "$vm_out/fetch-$kernel.log")"
			continue
		fi
		((status == 0)) || exit 1
		vm_e2e_wanted=$(cases_programs "$prefix.cases")
		e2e_build || vm_die "cannot build the programs to watch"
		image_build "$prefix.initrd" "$prefix.cases"
		version=$("$vm_maprace" --version)
		exec 8>&-
		for ((turn = 1; turn <= ${REPEAT:-1}; turn++)); do
			kernel_run "$kernel" "$prefix"
		done
	done
	[[ -z ${VM_DOCS:-} ]] || table_write "$vm_out/results" "${KERNELS:-$vm_all_kernels}" >"$VM_DOCS"
	((${#skip_reasons[@]} == 0)) || printf 'skipped: %s\n' "${skip_reasons[@]}"
	((broken == 0)) || echo "guests that broke (counted as failed): $broken"
	echo "$passed passed, $((failed + broken)) failed, $skipped skipped"
	((failed == 0 && broken == 0 && passed > 0))
}

main "$@"
exit
