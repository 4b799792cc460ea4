#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# A package of npm's registry, of the version and with the contents in npm.pins, unpacked into a cache; nothing of it is run.
#
# usage: scripts/npm.sh get PACKAGE      print the directory it is unpacked in
#
# Environment: MAPRACE_CACHE (build/cache)   where it is kept
set -euo pipefail

npm_top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
npm_cache=${MAPRACE_CACHE:-$npm_top/build/cache}

npm_die()
{
	echo "npm.sh: $*" >&2
	exit 1
}

npm_get()
{
	local package=$1 version integrity root tmp file
	read -r version integrity < <(awk -v package="$package" '$1 == package { print $2, $3; exit }' "$npm_top/scripts/npm.pins") ||
		npm_die "no version of $package is pinned"
	root=$npm_cache/root/npm/$package-$version
	if [[ ! -e $root/.complete ]]; then
		mkdir -p "${root%/*}"
		tmp=$(mktemp -d "${root%/*}/new.XXXXXX")
		echo "  FETCH $package $version" >&2
		(cd "$tmp" && npm pack --silent --ignore-scripts "$package@$version" >/dev/null) || npm_die "cannot fetch $package $version"
		file=$(echo "$tmp"/*.tgz)
		[[ sha512-$(openssl dgst -sha512 -binary "$file" | base64 -w0) == "$integrity" ]] ||
			npm_die "$package $version is not what was pinned"
		tar -xzf "$file" -C "$tmp"
		rm "$file"
		touch "$tmp/.complete"
		rm -rf "$root"
		mv "$tmp" "$root"
	fi
	echo "$root"
}

[[ $# == 2 && $1 == get ]] || npm_die "usage: npm.sh get PACKAGE"
npm_get "$2"
