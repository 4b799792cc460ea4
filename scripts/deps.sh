#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Install the Debian packages of one or more groups, only what is missing. Says nothing when all is there.
# usage: scripts/deps.sh [build|test|reports|top|core|kubernetes|deb|lint]...    (build, test and lint without an argument)
set -euo pipefail

# make: the compilers, bpftool for the skeletons, and the libraries that are linked statically.
# libbpf is not among them: scripts/debs.sh fetches a newer one.
build=(gcc libc6-dev clang bpftool git ca-certificates
	libelf-dev zlib1g-dev libjansson-dev libyaml-dev libevent-dev libncurses-dev)
# make test: cmocka, the sanitizers' run time, what the scripts of tests/ call
test=(libcmocka-dev libclang-rt-14-dev llvm jq curl procps iproute2 busybox-static cpio qemu-system-x86)
# make reports; npm, where it is there, fetches the schema of SARIF
reports=(chromium fonts-dejavu-core libxml2-utils)
# tests/e2e/top.sh
top=(tmux)
# tests/e2e/core.sh
core=(gdb delve)
# tests/real/kubernetes.sh
kubernetes=(runc umoci skopeo)
# make lint
lint=(clang-format clang-tidy cppcheck shellcheck)

missing()
{
	local package
	for package in "$@"; do
		[[ $(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null) == ii* ]] || echo "$package"
	done
}

(($#)) || set -- build test lint
wanted=()
for group in "$@"; do
	case $group in
	build) wanted+=("${build[@]}") ;;
	test) wanted+=("${test[@]}") ;;
	top) wanted+=("${top[@]}") ;;
	kubernetes) wanted+=("${kubernetes[@]}") ;;
	core) wanted+=("${core[@]}") ;;
	deb) wanted+=(lintian) ;;
	reports) wanted+=("${reports[@]}") ;;
	lint) wanted+=("${lint[@]}") ;;
	*)
		echo "deps.sh: no group $group (build, test, reports, top, core, kubernetes, deb, lint)" >&2
		exit 2
		;;
	esac
done

# one question for all packages; the answer names those that are not wholly installed
if [[ $(dpkg-query -W -f '${db:Status-Abbrev}\n' "${wanted[@]}" 2>/dev/null | grep -c '^ii') -eq ${#wanted[@]} ]]; then
	exit 0
fi
# several makes at once, also of other clones: one installs, the others find it done
exec {lock}</var/lib/dpkg
flock "$lock"
mapfile -t absent < <(missing "${wanted[@]}")
if ((!${#absent[@]})); then
	exit 0
fi
if ((EUID)); then
	echo "deps.sh: as root, please: apt-get install ${absent[*]}" >&2
	exit 1
fi

echo "  DEPS  ${absent[*]}"
export DEBIAN_FRONTEND=noninteractive
apt=(apt-get -q=2 -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3)
install=("${apt[@]}" -o Dpkg::Use-Pty=0 install -y --no-install-recommends "${absent[@]}")
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# the lists may be missing or old: update only if it does not work with those that are there
if ! "${install[@]}" >"$log" 2>&1; then
	if ! { "${apt[@]}" update && "${install[@]}"; } >"$log" 2>&1; then
		cat "$log" >&2
		echo "deps.sh: could not install: ${absent[*]}" >&2
		exit 1
	fi
fi
