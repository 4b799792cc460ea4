#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# The pages of docs/examples, as they are written: the lines that begin with "# " in a page's blocks are run in order by one shell ("> " goes
# on with the one before), where the Debian packages that the page installs are there as if they were, and the network, the processes and
# the mounts are its own. All that the page's "expects" comments say has to be in what they print, or in the files that they name.
# usage: examples.sh [PAGE...]      e.g. examples.sh hugo
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

pages=$real_top/docs/examples

# page_commands FILE: installing is for us to do
page_commands()
{
	sed -n 's/^    [#>] //p' "$1" | grep -v '^apt-get install'
}

# page_packages FILE: as overlay's lower folders
page_packages()
{
	local package
	while read -r package; do
		command -v "$package" >/dev/null && continue
		echo -n "$(real_root bookworm "$package")/usr:"
	done < <(sed -n 's,^    # apt-get install ,,p; s,^<!-- and: \(.*\) -->$,\1,p' "$1" | tr ' ' '\n')
}

# page_run NAME: its transcript is $real_tmp/NAME/transcript
page_run()
{
	local dir=$real_tmp/$1 lower
	mkdir -p "$dir"
	lower=$(page_packages "$pages/$1.md")/usr
	{
		# shellcheck disable=SC2016
		printf '%s\n' 'set -e' "mount -t overlay overlay -o 'lowerdir=$lower' /usr" 'ip link set lo up' "cd '$dir'" \
			"export HOME='$dir' PATH='$real_build/bin:$PATH' TERM=dumb" "ln -sfn '$real_top/tests' tests" 'set +e'
		page_commands "$pages/$1.md"
	} >"$dir/commands"
	mkdir -p "$real_build/bin"
	ln -sfn "$maprace" "$real_build/bin/maprace"
	timeout -k 5 300 unshare --mount --net --pid --fork --kill-child --mount-proc bash "$dir/commands" >"$dir/transcript" 2>&1 </dev/null || true
}

# page_test NAME
page_test()
{
	local expected file failed=$real_failed
	[[ -e $pages/$1.md ]] || { real_fail "there is no page $1" && return 0; }
	page_run "$1"
	while read -r file expected; do
		real_check "$1: $expected" grep -Eq -e "$expected" "$real_tmp/$1/$file"
	done < <(sed -nE 's/^<!-- expects(, in ([^:]+))?: (.*) -->$/\2 \3/p' "$pages/$1.md" | sed 's/^ /transcript /')
	((real_failed == failed)) || real_show "$real_tmp/$1/transcript"
	[[ -z ${EXAMPLES_KEEP:-} ]] || cp -r "$real_tmp/$1" "$EXAMPLES_KEEP"
}

names=("$@")
(($#)) || mapfile -t names < <(basename -s .md -- "$pages"/*.md)
real_begin
for name in "${names[@]}"; do
	page_test "$name"
done
real_close
