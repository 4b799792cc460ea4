#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Real programs nobody here wrote, from Debian and npm. The closing line adds up the parts.
# usage: run.sh [hugo|crowdsec|influxdb|servers|prometheus|kubernetes|examples|esbuild|deaths|all]
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
case ${1:-all} in
hugo | crowdsec | influxdb | servers | prometheus | kubernetes | examples | esbuild | deaths) parts=("$1") ;;
all) parts=(hugo crowdsec influxdb servers prometheus kubernetes examples esbuild deaths) ;;
*)
	echo "usage: run.sh [hugo|crowdsec|influxdb|servers|prometheus|kubernetes|examples|esbuild|deaths|all]" >&2
	exit 2
	;;
esac

if ((EUID)); then
	echo "run.sh: attaching to processes needs root" >&2
	exit 1
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
passed=0
failed=0
skipped=0
for part in "${parts[@]}"; do
	echo "== $part"
	"$here/$part.sh" 2>&1 | tee "$log" | { grep -vE '^[0-9]+ passed, [0-9]+ failed' || true; } || true
	closing=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$log" || echo "0 passed, 1 failed, 0 skipped")
	read -r p f s < <(awk '{ print $1, $3, $5 }' <<<"$closing")
	passed=$((passed + p))
	failed=$((failed + f))
	skipped=$((skipped + s))
done
echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0 && passed > 0))
