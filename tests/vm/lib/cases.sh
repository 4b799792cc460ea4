# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# shellcheck shell=bash disable=SC2154,SC2034
# The manifest cases.tsv (see there for its columns), and the programs its cases watch.

vm_manifest=${VM_MANIFEST:-$vm_dir/cases.tsv}
vm_e2e=${VM_E2E:-$vm_top/build/vm/e2e}
vm_maprace=${VM_MAPRACE:-$vm_top/build/maprace}
vm_e2e_wanted=

# cases_select KERNEL GLOB...: the guest's manifest: name, limit, command; in the file's order
cases_select()
{
	local kernel=$1 name limit kernels command glob
	shift
	while IFS=$'\t' read -r name limit kernels command; do
		[[ $name != \#* && -n $name ]] || continue
		[[ $kernels == all || ,$kernels, == *,$kernel,* ]] || continue
		for glob in "$@"; do
			[[ $glob != *@* || ,${glob#*@}, == *,$kernel,* ]] || continue
			# shellcheck disable=SC2053 # a pattern on purpose
			if [[ $name == ${glob%%@*} ]]; then
				printf '%s\t%s\t%s\n' "$name" "$limit" "$command"
				break
			fi
		done
	done <"$vm_manifest"
}

# cases_time FILE...: the sum of their time limits
cases_time()
{
	awk -F'\t' '{ sum += $2 } END { print sum + 0 }' "$@"
}

# cases_longest FILE: the greatest of them
cases_longest()
{
	awk -F'\t' '$2 > longest { longest = $2 } END { print longest + 0 }' "$1"
}

# cases_programs FILE: the words VERSION/PROGRAM in its commands
cases_programs()
{
	cut -f3 "$1" | grep -oE '\b1[.][0-9]+(-[a-z]+)?/[a-z][a-z0-9_]*' | sort -u || true
}

# cases_debs FILE: the words deb:PACKAGE/PATH in its commands
cases_debs()
{
	cut -f3 "$1" | grep -oE '\bdeb:[a-z0-9.+-]+/[a-zA-Z0-9/_.-]+' | sort -u || true
}

# e2e_sources NAME: the files that make a program, a case's or another one's
e2e_sources()
{
	local dir=$vm_top/tests/e2e file
	if [[ -e $dir/cases/$1.go ]]; then
		echo "$dir/cases/$1.go $dir/cases/harness.go"
		return
	fi
	[[ -e $dir/programs/$1.go ]] || vm_die "no $1.go below $dir (wanted by cases.tsv)"
	echo -n "$dir/programs/$1.go"
	while read -r file; do
		echo -n " $dir/programs/$file"
	done < <(sed -n 's,^// WITH ,,p' "$dir/programs/$1.go")
}

# e2e_build: compiles the wanted programs that are missing or old, or dies: static, so that they run in the bare guest. VERSION-stripped
# has neither symbol table nor DWARF.
e2e_build()
{
	local program version name goroot flags sources
	for program in $vm_e2e_wanted; do
		version=${program%%/*}
		name=${program#*/}
		sources=$(e2e_sources "$name") || exit 1
		# shellcheck disable=SC2086 # words
		newer_than "$vm_e2e/$program" $sources && continue
		vm_say "  GO     $program"
		flags=
		[[ $version != *-stripped ]] || flags='-s -w'
		goroot=$("$vm_top/scripts/debs.sh" go "${version%%-*}") || vm_die "no Go ${version%%-*} to build $program with"
		mkdir -p "$vm_e2e/$version"
		# shellcheck disable=SC2086 # words
		env -u GOROOT CGO_ENABLED=0 GOTOOLCHAIN=local GOPROXY=off GOFLAGS=-mod=mod GO111MODULE=off GOCACHE="${MAPRACE_CACHE:-$vm_top/build/cache}/gocache" \
			"$goroot/bin/go" build -ldflags="$flags" -o "$vm_e2e/$program" $sources ||
			vm_die "cannot build $program"
	done
}
