#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Packages of other Debian suites, unpacked into a cache: compilers, libraries, kernels and real programs.
# The machine's own apt configuration stays as it is. The mirror and its keys are those the machine already trusts;
# signatures are checked by apt.
#
# usage: scripts/debs.sh get SUITE PACKAGE[=VERSION]...   print the directory the packages are unpacked in
#        scripts/debs.sh go VERSION                       print the GOROOT of that Go (1.15, 1.19, 1.21 ... 1.27)
#        scripts/debs.sh libbpf                           print the root of the libbpf we build with
#        scripts/debs.sh search SUITE REGEX               print the packages of a suite, with versions
# A script may also source this file and call debs_get, debs_go, debs_libbpf.
#
# Environment: MAPRACE_CACHE (build/cache)   where all of it is kept
set -euo pipefail

debs_top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
debs_cache=${MAPRACE_CACHE:-$debs_top/build/cache}
debs_list_age=360 # minutes after which a suite's package lists are fetched again
debs_keyring=/usr/share/keyrings/debian-archive-keyring.gpg # else the keys that apt trusts anyway

debs_die()
{
	echo "debs.sh: $*" >&2
	exit 1
}

# where this machine gets Debian from
debs_mirror()
{
	local suite=$1 release
	# shellcheck disable=SC1091
	release=$(. /etc/os-release && echo "${VERSION_CODENAME:-bookworm}")
	[[ $suite == *-security ]] && release+=-security
	apt-get indextargets --format '$(REPO_URI)|$(RELEASE)' 'Created-By: Packages' |
		awk -F'|' -v release="$release" '$2 == release { print $1; exit }'
}

debs_apt()
{
	local suite=$1 state=$debs_cache/apt/$1
	shift
	apt-get -q=2 \
		-o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts=/dev/null \
		-o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
		-o Dir::State="$state" -o Dir::State::lists="$state/lists" -o Dir::State::status="$state/status" \
		-o Dir::Cache="$state/cache" -o APT::Sandbox::User=root -o APT::Default-Release= \
		-o APT::Architecture=amd64 -o APT::Architectures=amd64 -o Acquire::Languages=none \
		-o Acquire::Retries=3 "$@"
}

# fetch a suite's lists unless they are fresh; $2 = force
debs_update()
{
	local suite=$1 force=${2:-} state=$debs_cache/apt/$1 uri options=
	if [[ -z $force && -n $(find "$state/stamp" -mmin "-$debs_list_age" 2>/dev/null) ]]; then
		return 0
	fi
	uri=$(debs_mirror "$suite")
	[[ -n $uri ]] || debs_die "no Debian mirror in this machine's apt sources to fetch $suite from"
	[[ ! -e $debs_keyring ]] || options="[signed-by=$debs_keyring] "
	mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
	: >"$state/status"
	echo "deb $options$uri $suite main" >"$state/sources.list"
	echo "  FETCH package lists of $suite" >&2
	debs_apt "$suite" update >&2 || debs_die "cannot update the package lists of $suite"
	touch "$state/stamp"
}

# the version we know to work, where one is pinned
debs_pin()
{
	awk -v suite="$1" -v package="$2" '$1 == suite && $2 == package { print $3; exit }' \
		"$debs_top/scripts/debs.pins"
}

# one package into the current directory: asked for or pinned version first, then the current one
debs_download()
{
	local suite=$1 package=${2%%=*} version="" current
	case $2 in
	*=*) version=${2#*=} ;;
	*) version=$(debs_pin "$suite" "$package") ;;
	esac
	if [[ -n $version ]] && debs_apt "$suite" download "$package=$version" >&2 2>/dev/null; then
		return 0
	fi
	current=$(debs_apt "$suite" --print-uris download "$package" 2>/dev/null | awk '{ print $2 }')
	[[ -n $current ]] || return 1
	[[ -z $version ]] || echo "debs.sh: $suite has no $package $version now, taking $current" >&2
	debs_apt "$suite" download "$package" >&2
}

# is this root unpacked, of the packages and pins asked for?
debs_have()
{
	[[ -e $1/.complete && $(<"$1/.complete") == "$2" ]]
}

debs_get()
{
	(($# >= 2)) || debs_die "usage: debs.sh get SUITE PACKAGE[=VERSION]..."
	local suite=$1 root package tmp lock key asked=
	shift
	key=$(printf "%s+" "$@")
	root=$debs_cache/root/$suite/${key%+}
	for package in "$@"; do
		asked+="$package $(debs_pin "$suite" "${package%%=*}");"
	done
	if debs_have "$root" "$asked"; then
		echo "$root"
		return 0
	fi
	[[ $suite =~ ^[a-z][a-z-]*$ ]] || debs_die "not a suite: $suite"
	mkdir -p "$debs_cache/apt/$suite" "$debs_cache/root/$suite"
	exec {lock}>"$debs_cache/apt/$suite/lock"
	flock "$lock"
	if ! debs_have "$root" "$asked"; then
		debs_update "$suite"
		tmp=$root.new
		rm -rf "$tmp" "$root"
		mkdir -p "$tmp"
		for package in "$@"; do
			echo "  FETCH $package ($suite)" >&2
			(cd "$tmp" && debs_download "$suite" "$package") ||
				{ debs_update "$suite" force && (cd "$tmp" && debs_download "$suite" "$package"); } ||
				debs_die "cannot fetch $package from $suite"
		done
		for package in "$tmp"/*.deb; do
			dpkg -x "$package" "$tmp" || debs_die "cannot unpack $package"
			rm "$package"
		done
		# dpkg -x gives the top folder the modes of the package's
		chmod 755 "$tmp"
		echo "$asked" >"$tmp/.complete"
		mv "$tmp" "$root"
	fi
	exec {lock}>&-
	echo "$root"
}

# which suite has a Go version
debs_go_suite()
{
	case $1 in
	1.15) echo bullseye ;;
	1.19) echo bookworm ;;
	1.21 | 1.22 | 1.23) echo bookworm-backports ;;
	1.24) echo trixie ;;
	1.25 | 1.26 | 1.27) echo trixie-backports sid ;;
	*) debs_die "no suite known for Go $1" ;;
	esac
}

debs_go()
{
	local version=${1:?debs.sh go VERSION} suites suite root
	suites=$(debs_go_suite "$version")
	for suite in $suites; do
		if root=$(debs_get "$suite" "golang-$version-go" "golang-$version-src"); then
			echo "$root/usr/lib/go-$version"
			return 0
		fi
	done
	debs_die "Go $version is in none of: $suites"
}

debs_libbpf()
{
	debs_get bookworm-backports libbpf-dev libbpf1
}

debs_search()
{
	local suite=$1 regex=$2
	mkdir -p "$debs_cache/apt/$suite"
	debs_update "$suite"
	find "$debs_cache/apt/$suite/lists" -name '*_Packages*' -print0 |
		xargs -0 /usr/lib/apt/apt-helper cat-file |
		awk -v regex="$regex" '/^Package: / { p = $2 } /^Version: / { if (p ~ regex) print p, $2 }'
}

[[ ${BASH_SOURCE[0]} == "$0" ]] || return 0

case ${1:-} in
get | go | libbpf | search) "debs_$1" "${@:2}" ;;
*)
	sed -n 's/^# \{0,1\}//; 3,13p' "$0" >&2
	exit 2
	;;
esac
