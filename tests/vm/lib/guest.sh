# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# shellcheck shell=bash disable=SC2154,SC2034
# One virtual machine: start it, wait for its end or its time limit, end it by its process id.

guest_pid=
guest_results=
guest_began= # when the first line of its results came
guest_why=

# guest_command KERNEL_IMAGE INITRD MEMORY_MB KERNEL_ARGUMENTS: the part of the command line all guests share
guest_command()
{
	# -cpu max: kernels since 6.12 do not start on qemu64. No network, no disk: nothing to wait for.
	# panic=-1 with -no-reboot: a panic ends qemu at once. no_timer_check: early in its boot the kernel counts ticks against a
	# delay loop, and panics where the host took the CPU away meanwhile ("IO-APIC + timer doesn't work").
	guest_argv=("$qemu_binary" "${qemu_options[@]}" -accel "tcg,thread=multi" -cpu max -smp "${VM_CPUS:-2}" -m "$3"
		-nodefaults -no-user-config -no-reboot -display none -monitor none
		-kernel "$1" -initrd "$2"
		-append "console=ttyS0 panic=-1 oops=panic loglevel=7 no_timer_check random.trust_cpu=on $4")
}

# guest_start CONSOLE RESULTS: first serial port (kernel) and second (framed results) into files; sets guest_pid.
# The two are apart so that no kernel message can tear a result line.
guest_start()
{
	: >"$1"
	: >"$2"
	guest_results=$2
	guest_began=
	"${guest_argv[@]}" -serial "file:$1" -serial "file:$2" </dev/null >"$1.qemu" 2>&1 9>&- &
	guest_pid=$!
}

# guest_wait SECONDS SILENCE: 0 when it ended by itself. 1 when its time was over, or its results had not grown for SILENCE seconds, 2 when
# it has not even begun in a minute and a half (a boot takes 5 s): it is gone then, too, and guest_why says which.
guest_wait()
{
	local deadline=$((SECONDS + $1)) silent=$((SECONDS + $2)) boot=$((SECONDS + ${VM_BOOT:-90})) size=0 now
	while kill -0 "$guest_pid" 2>/dev/null; do
		[[ -n $guest_began || ! -s $guest_results ]] || guest_began=$EPOCHREALTIME
		now=$(stat -c %s "$guest_results")
		((now == size)) || silent=$((SECONDS + $2))
		size=$now guest_why=
		((SECONDS < silent)) || guest_why="had said nothing for $2 s"
		((SECONDS < deadline)) || guest_why="was still running after $1 s"
		if [[ -z $guest_began ]] && ((SECONDS >= boot)); then
			guest_why="did not begin in ${VM_BOOT:-90} s"
			guest_end
			return 2
		fi
		if [[ -n $guest_why ]]; then
			guest_end
			return 1
		fi
		sleep 0.2
	done
	wait "$guest_pid" 2>/dev/null || true
	guest_pid=
	return 0
}

guest_end()
{
	[[ -n $guest_pid ]] || return 0
	kill -KILL "$guest_pid" 2>/dev/null || true
	wait "$guest_pid" 2>/dev/null || true
	guest_pid=
}
