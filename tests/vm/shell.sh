#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# A shell inside one of the kernels of the matrix, with maprace, the end-to-end programs and the cases in place.
# Ends with "exit" in the guest, or Ctrl-A X. usage: shell.sh [KERNEL]
#
# Environment: KERNEL (6.12), VM_MEMORY (1024), VM_CPUS (2), VM_APPEND (more kernel arguments)
set -euo pipefail
# shellcheck source=tests/vm/lib/common.sh
source "$(dirname "$0")/lib/common.sh"
# shellcheck source=tests/vm/lib/kernel.sh
source "$vm_dir/lib/kernel.sh"
# shellcheck source=tests/vm/lib/qemu.sh
source "$vm_dir/lib/qemu.sh"
# shellcheck source=tests/vm/lib/guest.sh
source "$vm_dir/lib/guest.sh"
# shellcheck source=tests/vm/lib/image.sh
source "$vm_dir/lib/image.sh"
# shellcheck source=tests/vm/lib/cases.sh
source "$vm_dir/lib/cases.sh"

kernel=${1:-${KERNEL:-6.12}}
mkdir -p "$vm_out"
qemu_find || vm_die "no qemu-system-x86_64 (package qemu-system-x86)"
image=$(kernel_fetch "$kernel") || vm_die "no kernel $kernel"
cases_select "$kernel" "*" >"$vm_out/cases-shell.tsv"
vm_e2e_wanted=$(cases_programs "$vm_out/cases-shell.tsv")
e2e_build
image_build "$vm_out/initrd-shell.gz" "$vm_out/cases-shell.tsv"
guest_command "$image" "$vm_out/initrd-shell.gz" "${VM_MEMORY:-1024}" "vm.mode=shell ${VM_APPEND:-}"
exec "${guest_argv[@]}" -chardev stdio,id=con,mux=on,signal=off -serial chardev:con -serial "file:$vm_out/shell.results"
