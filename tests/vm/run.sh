#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Runs the cases of cases.tsv inside each kernel of the matrix, in virtual machines without KVM. --shell [KERNEL]: see shell.sh.
# --table FILE: runs nothing, writes the table kernel x case from what the last run of each kernel left.
#
# Environment:
#   KERNELS     "5.10 6.1 6.12 7.2"   which kernels
#   CASES       "*"                   which cases, as shell patterns; PATTERN@5.10,6.1: on these kernels alone
#   REPEAT      1                     how often each kernel is run
#   V           empty                 1: output of passing cases too
#   VM_JOBS     2, or 1 on one CPU    guests side by side
#   VM_RUNS     empty                 a file to add a line per boot to (runs.tsv): what ten runs of each kernel gave
#   VM_MEMORY   1024                  MiB per guest;  VM_CPUS 2
#   VM_MANIFEST tests/vm/cases.tsv    the list of cases
#   VM_QEMU     chosen by lib/qemu.sh the qemu-system-x86_64 to use
#   VM_BOOT     90                    seconds in which a guest has to begin; it is started three times
#   VM_SLACK    120                   seconds a guest may take beyond its cases' own limits, and say nothing beyond the longest of them
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
	done < <(results_print "$prefix.results" "$kernel" | sed -n 's/^skipped *//p')
}

# kernel_run KERNEL PREFIX: one boot
kernel_run()
{
	local kernel=$1 prefix=$2 limit silence verbose='' status tries began=$EPOCHREALTIME broken_before=$broken
	[[ ${V:-0} != 1 ]] || verbose=vm.verbose=1
	limit=$(($(cases_time "$prefix.cases") + ${VM_SLACK:-120}))
	silence=$(($(cases_longest "$prefix.cases") + ${VM_SLACK:-120}))
	guest_command "$image" "$prefix.initrd" "${VM_MEMORY:-1024}" "$verbose ${VM_APPEND:-}"
	# a kernel that hangs at its very start, in emulated hardware, has seen nothing of ours yet
	for tries in 1 2 3; do
		status=0
		guest_start "$prefix.console" "$prefix.results"
		guest_wait "$limit" "$silence" || status=$?
		((status == 2 && tries < 3)) || break
		echo "again   $kernel the guest $guest_why: $(tail -n 1 "$prefix.console" | tr -d '\r')"
	done
	if ((status)); then
		echo "BROKEN  $kernel the guest $guest_why and was ended"
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

# kernel_whole KERNEL: all its boots; leaves what they gave in KERNEL.counts: four numbers, then the reasons of what was skipped
kernel_whole()
{
	local kernel=$1 turn status=0 image version prefix=$vm_out/results/$1
	passed=0 failed=0 skipped=0 broken=0 skip_reasons=() # its own
	trap guest_end EXIT
	trap 'exit 1' INT TERM
	# one run of a kernel at a time in a build folder, and one that builds
	exec 9>"$vm_out/lock-$kernel" 8>"$vm_out/lock"
	flock -n 9 || { vm_say "vm: waiting for another run of $kernel in $vm_out"; flock 9; }
	flock 8
	rm -f "$prefix".*
	exec >"$prefix.told" # printed when it is over: two kernels do not mix
	cases_select "$kernel" "${cases[@]}" >"$prefix.cases"
	[[ -s $prefix.cases ]] || vm_die "no case matches '${cases[*]}' on kernel $kernel"
	# shellcheck disable=SC2128 # main's, which is none
	[[ -n $missing ]] || image=$(kernel_fetch "$kernel") || status=$?
	if [[ -n $missing ]]; then
		kernel_skip "$kernel" "$prefix.cases" "not installed: $missing"
	elif ((status == vm_skipped)); then
		kernel_skip "$kernel" "$prefix.cases" "cannot be fetched: $(tail -n 1 "$vm_out/fetch-$kernel.log")"
	else
		((status == 0)) || exit 1
		vm_e2e_wanted=$(cases_programs "$prefix.cases")
		e2e_build
		image_build "$prefix.initrd" "$prefix.cases"
		version=$("$vm_maprace" --version)
		exec 8>&-
		for ((turn = 1; turn <= ${REPEAT:-1}; turn++)); do
			kernel_run "$kernel" "$prefix"
		done
	fi
	{
		echo "$passed $failed $skipped $broken"
		((${#skip_reasons[@]} == 0)) || printf '%s\n' "${skip_reasons[@]}"
	} >"$prefix.counts"
}

declare -A running=() # process id -> kernel

# kernel_ended: waits for one of those that run, prints it and adds it up
kernel_ended()
{
	local pid status=0 kernel prefix p f s b reason
	wait -n -p pid "${!running[@]}" || status=$?
	kernel=${running[$pid]} prefix=$vm_out/results/${running[$pid]}
	unset "running[$pid]"
	[[ ! -e $prefix.told ]] || cat "$prefix.told"
	if ((status != 0)); then # before it got to them, what lies there is of another run
		echo "BROKEN  $kernel was given up (status $status)"
		broken=$((broken + 1))
		return 0
	fi
	{
		read -r p f s b
		while IFS= read -r reason; do
			skip_reasons+=("$reason")
		done
	} <"$prefix.counts"
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s)) broken=$((broken + b))
}

# kernels_end: those that still run are told to end, and do so before we do
# shellcheck disable=SC2317 # the trap calls it
kernels_end()
{
	((${#running[@]} == 0)) || kill -TERM "${!running[@]}" 2>/dev/null || true
	wait
}

# table_from_last FILE: only from runs that were whole, in which nothing failed and nothing was wrong beside the cases
table_from_last()
{
	local kernel prefix failed broken
	for kernel in $vm_all_kernels; do
		prefix=$vm_out/results/$kernel
		[[ -s $prefix.results && -s $prefix.cases ]] || vm_die "kernel $kernel has not been run (make vmtest)"
		cases_select "$kernel" '*' | cmp -s - "$prefix.cases" || vm_die "the last run of kernel $kernel was not of all cases (make vmtest)"
		results_check "$prefix.results" "$prefix.cases" || vm_die "the last run of kernel $kernel was not whole"
		! grep -Eq '^@vm [0-9]+ fail ' "$prefix.results" || vm_die "the last run of kernel $kernel has failed"
		console_check "$prefix.console" || vm_die "kernel $kernel complained in its last run"
		# all its boots
		[[ -s $prefix.counts ]] || vm_die "the last run of kernel $kernel was given up"
		read -r _ failed _ broken <"$prefix.counts"
		[[ $failed == 0 && $broken == 0 ]] || vm_die "in the last run of kernel $kernel $failed cases failed and $broken guests broke"
	done
	table_write "$vm_out/results" "$vm_all_kernels" >"$1.new"
	mv "$1.new" "$1"
}

main()
{
	case ${1:-} in
	--shell) KERNEL=${2:-${KERNEL:-6.12}} exec "$vm_dir/shell.sh" ;;
	--table)
		table_from_last "$2" # not before ||, && or in an if: what fails inside would not end it
		return
		;;
	esac
	local kernel missing cases jobs=${VM_JOBS:-$(($(nproc) > 1 ? 2 : 1))}
	PATH=$PATH:/usr/sbin:/sbin
	read -ra cases <<<"${CASES:-*}"
	mkdir -p "$vm_out/results"
	trap kernels_end EXIT
	trap 'exit 1' INT TERM
	missing=$(vm_missing_tools)
	qemu_find || missing+=" qemu-system-x86_64"
	for kernel in ${KERNELS:-$vm_all_kernels}; do
		((${#running[@]} < jobs)) || kernel_ended
		kernel_whole "$kernel" &
		running[$!]=$kernel
	done
	while ((${#running[@]} > 0)); do
		kernel_ended
	done
	((${#skip_reasons[@]} == 0)) || printf 'skipped: %s\n' "${skip_reasons[@]}"
	((broken == 0)) || echo "guests that broke (counted as failed): $broken"
	echo "$passed passed, $((failed + broken)) failed, $skipped skipped"
	((failed == 0 && broken == 0 && passed > 0))
}

main "$@"
exit
