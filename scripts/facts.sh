#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Holds the table of functions in user/go/layout_check.c against the sources of each Go: a function must be in those of the versions
# that the table names, and in no other's, whatever packages a program has. To be run when a version is added.
#
# usage: scripts/facts.sh
set -euo pipefail
# shellcheck source=scripts/debs.sh
source "$(dirname "${BASH_SOURCE[0]}")/debs.sh"

versions=(19 21 22 23 24 25 26 27)
failures=0

# defined PACKAGE FUNCTION GOROOT: as a function, as assembly, or under another package's name
defined()
{
	local package=$1 name=$2 folder
	folder=$(realpath "$3/src")
	if [[ $name =~ ^\(\*([A-Za-z_]+)\)\.([A-Za-z0-9_]+)$ ]]; then
		grep -rqE "^func \\(\\w* ?\\*?${BASH_REMATCH[1]}\\) ${BASH_REMATCH[2]}\\(" "$folder/$package" \
			--include='*.go' --exclude='*_test.go' 2>/dev/null
		return
	fi
	grep -rqE "^func ${name}[([]|^TEXT[[:blank:]]+(runtime)?·${name}\\b" "$folder/$package" \
		--include='*.go' --include='*.s' --exclude='*_test.go' 2>/dev/null ||
		grep -rqE "^//go:linkname \\w+ ${package//./\\.}\\.$name\$" "$folder" --include='*.go' --exclude='*_test.go'
}

while IFS=$'\t' read -r function since until; do
	package=${function%.*} name=${function##*.}
	if [[ $function == *'.('* ]]; then
		package=${function%%.(*} name=${function#"$package".}
	fi
	for version in "${versions[@]}"; do
		expected=yes found=no
		((since == 0 || version >= since)) || expected=no
		((until == 0 || version <= until)) || expected=no
		! defined "$package" "$name" "$(debs_go "1.$version")" || found=yes
		[[ $expected == "$found" ]] && continue
		echo "$function in Go 1.$version: the table says $expected, its sources say $found"
		failures=$((failures + 1))
	done
done < <(sed -n 's/^\t{"\([^"]*\)", \([0-9]*\), \([0-9]*\), \(ANY\|CLASSIC\|SWISS\)},$/\1\t\2\t\3/p' "$debs_top/user/go/layout_check.c")
echo "$failures contradictions"
((failures == 0))
