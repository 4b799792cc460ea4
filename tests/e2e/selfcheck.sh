#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Checks the end-to-end programs themselves, without maprace: what their names say is confirmed by Go's race detector, and
# racy ones run on for a while unwatched, that is, Go's own check does not see them.
#
# usage: tests/e2e/selfcheck.sh [--go VERSION] [--case PATTERN] [--survive SECONDS]
set -euo pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

version=1.24 pattern='*' survive=0

# with the race detector: racy programs are reported, clean ones are not
check_verdict()
{
	local name=$1 status=0
	if ! build_case "$version-race" "$name" 2>"$work/build"; then
		fail "$version -race $name" "it does not compile"
		return
	fi
	GORACE='halt_on_error=0 exitcode=66' timeout -k 5 30 "$e2e_build/$version-race/$name" 3 >"$work/out" 2>&1 || status=$?
	if [[ $name == race_* && ($status == 66 || $status == 2) ]] && grep -q 'WARNING: DATA RACE' "$work/out"; then
		pass "$version -race $name: reported"
	elif [[ $name == clean_* && $status == 0 ]] && unharmed "$work/out"; then
		pass "$version -race $name: silent"
	else
		fail "$version -race $name" "exit status $status"
	fi
}

# unwatched: four at a time
check_survival()
{
	local name=$1
	(
		status=0
		"${calm[@]}" "$e2e_build/$version-stripped/$name" "$survive" >"$work/$name.out" 2>&1 || status=$?
		echo "$status" >"$work/$name.status"
	) &
}

while (($#)); do
	case $1 in
	--go) version=${2:?} ;;
	--case) pattern=${2:?} ;;
	--survive) survive=${2:?} ;;
	*) e2e_die "unknown option $1 (see the top of the file)" ;;
	esac
	shift 2
done

names=()
for file in "$e2e_dir"/cases/{race,clean}_*.go; do
	name=$(basename "$file" .go)
	minimum=$(sed -n 's,^// MIN-GO ,,p' "$file")
	# shellcheck disable=SC2053 # a pattern
	[[ $name == $pattern ]] || continue
	if [[ -n $minimum ]] && ((${version#1.} < ${minimum#1.})); then
		skip "$version $name" "needs Go $minimum"
		continue
	fi
	names+=("$name")
done

for name in "${names[@]}"; do
	((survive == 0)) || break
	fresh_work selfcheck
	check_verdict "$name"
done
if ((survive)); then
	fresh_work selfcheck
	for name in "${names[@]}"; do
		[[ $name == race_* ]] || continue
		build_case "$version-stripped" "$name"
		while (($(jobs -rp | wc -l) >= 4)); do
			wait -n || true
		done
		check_survival "$name"
	done
	wait
	for name in "${names[@]}"; do
		[[ $name == race_* ]] || continue
		if (($(<"$work/$name.status") == 0)); then
			pass "$version $name survived ${survive} s unwatched: $(tail -1 "$work/$name.out")"
		else
			failed=$((failed + 1))
			echo "not ok - $version $name died: $(grep -m1 fatal "$work/$name.out")"
		fi
	done
fi
finish
