#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Beside a runner: a case that takes longer than any may is told with what hung, and what it has started is killed: it fails, and
# the next one begins.
#
# usage: tests/e2e/watchdog.sh RUNNER FILE SECONDS      FILE has the running case's name, is empty between two, and as old as the case
set -uo pipefail
runner=$1 file=$2 seconds=$3
exec 3>&2 2>/dev/null

# descendants: of the runner, as "PID COMMAND"
descendants()
{
	ps -e -o pid=,ppid=,comm= | awk -v root="$runner" '
		{ parent[$1] = $2; name[$1] = $3 }
		END {
			for (pid in parent) {
				for (at = pid; at > 1 && at != root; at = parent[at])
					;
				if (at == root && pid != root) print pid, name[pid]
			}
		}'
}

# show PID COMMAND: where each of its threads is
show()
{
	local task
	echo "# $1 $2: $(tr '\0' ' ' <"/proc/$1/cmdline" | head -c 300)"
	for task in /proc/"$1"/task/*; do
		echo "#   ${task##*/} $(sed -n 's/^State:[[:blank:]]*//p' "$task/status") $(cat "$task/wchan") $(cat "$task/syscall")"
		sed 's/^/#     /' "$task/stack"
	done
}

while kill -0 "$runner"; do
	sleep 2
	[[ -s $file ]] || continue
	age=$((EPOCHSECONDS - $(stat -c %Y "$file")))
	((age >= seconds)) || continue
	{
		echo "# $(<"$file") has not ended for $age s:"
		descendants | while read -r pid name; do
			show "$pid" "$name"
		done
	} >&3
	descendants | while read -r pid name; do
		[[ $name == bash ]] || kill -KILL "$pid"
	done
	touch "$file" # and again, should that not do
done
