# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# shellcheck shell=bash disable=SC2154,SC2034
# Which QEMU. Before 8.1 its multi-threaded emulation may go on running code that another CPU has just patched (it read the
# bytes before it began to watch the page for writes): a kernel that switches a static key then dies now and then of a
# breakpoint nobody set. See README.md for how often. Debian 12 has 7.2; its backports have a good one.

qemu_oldest=8.1
qemu_binary=
qemu_options=()

# qemu_version BINARY
qemu_version()
{
	"$1" --version 2>/dev/null | sed -n 's/^QEMU emulator version \([0-9.]*\).*/\1/p'
}

qemu_is_good()
{
	local version
	version=$(qemu_version "$1")
	[[ -n $version && $(printf '%s\n' "$qemu_oldest" "$version" | sort -V | head -1) == "$qemu_oldest" ]]
}

# qemu_find: sets qemu_binary and qemu_options; status 1 when there is none
qemu_find()
{
	local root
	qemu_binary=${VM_QEMU:-$(command -v qemu-system-x86_64 || true)}
	qemu_options=()
	[[ -z ${VM_QEMU:-} ]] || return 0
	[[ -z $qemu_binary ]] || ! qemu_is_good "$qemu_binary" || return 0
	# Unpacked beside the installed one, whose libraries it uses.
	root=$("$vm_top/scripts/debs.sh" get bookworm-backports qemu-system-x86 qemu-system-data qemu-system-common seabios \
		2>"$vm_out/fetch-qemu.log") || root=
	if [[ -n $root ]] && qemu_is_good "$root/usr/bin/qemu-system-x86_64"; then
		qemu_binary=$root/usr/bin/qemu-system-x86_64
		qemu_options=(-L "$root/usr/share/seabios" -L "$root/usr/share/qemu")
		return 0
	fi
	[[ -n $qemu_binary ]] || return 1
	vm_say "vm: only QEMU $(qemu_version "$qemu_binary") is to be had: guests may crash now and then without a fault of ours"
}
