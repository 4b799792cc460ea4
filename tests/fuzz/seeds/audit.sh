#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Seeds for fuzz_audit: small real objects, and their code alone. usage: audit.sh DIRECTORY
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
out=$1
source=tests/e2e/bpf/audit_cases.bpf.c
for options in "-O2 -mcpu=v3 -g" "-O1 -mcpu=v1" "-O2 -mcpu=v2 -g0"; do
	name=$out/cases${options//[ =]/}.o
	[[ ! $name -nt $source ]] || continue
	# shellcheck disable=SC2086
	clang -target bpf $options -std=gnu17 -Wno-unused-function -isystem build/libbpf/include \
		-idirafter "/usr/include/$(uname -m)-linux-gnu" -c "$source" -o "$name"
	llvm-objcopy --dump-section=tc="$name.code" "$name" /dev/null 2>/dev/null || continue
	{ printf x && cat "$name.code"; } >"$name.insns" && rm "$name.code"
done
