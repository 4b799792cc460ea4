# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# shellcheck shell=dash
# For tests/vm/selftest.sh: the judges of the other cases, before whom what they must not let pass is brought.

# dying_program NAME SECONDS: /e2e/self/NAME, which Go's own check seems to end so long after its start
dying_program()
{
	mkdir -p /e2e/self
	printf '#!/bin/sh\necho ready\nsleep %s\necho "fatal error: concurrent map writes" >&2\nexit 2\n' "$2" >"/e2e/self/$1"
	chmod +x "/e2e/self/$1"
}

# death_judged WANTED STATUS DIES SAYS: a program that dies after DIES seconds under a maprace that says after SAYS seconds (or never) that
# it watches, finds nothing and ends, when the program is dead, with STATUS; this is "accepted", so that the case begins anew, or "refused"
death_judged()
{
	local words='instead of 66, and not for a death before the watch'
	[ "$1" = refused ] || words="before maprace had its proof (status $2)"
	dying_program race_none "$3"
	# shellcheck disable=SC2034,SC2317 # for watch_race
	(
		maprace()
		{
			[ "$says" = never ] || {
				sleep "$says"
				echo 'maprace: watching process 1' >&2
			}
			wait_for 20 go_died target
			sleep 1
			return "$ends"
		}
		ends=$2 says=$4 starts=1
		watch_race self/race_none
	) >said 2>&1
	grep -qF -- "$words" said || {
		show said
		die "status $2 of a maprace that watched after $4 s a program that died after $3 s: not $1"
	}
}

# unwatched_deaths: what may end a racy program's watch without proof, and what may not
unwatched_deaths()
{
	local status
	for status in 0 1 134 139; do
		death_judged refused "$status" 4 0
	done
	death_judged accepted 0 2 4
	death_judged refused 139 2 4
	death_judged accepted 1 2 never
	death_judged refused 0 2 never
	death_judged refused 139 2 never
}

# clean_death: no watch is to end a program without a race so
clean_death()
{
	dying_program clean_none 1
	go_start target self/clean_none
	wait_for 20 go_died target
	go_stop target
}

# late_death: a racy program may die after it was asked whether it has, and is told to stop
late_death()
{
	mkdir -p /e2e/self
	cat >/e2e/self/race_late <<-'EOT'
		#!/bin/sh
		trap 'echo "fatal error: concurrent map writes" >&2; exit 2' TERM
		echo ready
		while :; do usleep 50000; done
	EOT
	chmod +x /e2e/self/race_late
	go_start target self/race_late
	go_stop target
}

# tool_missing: of two tools one is at work
tool_missing()
{
	mkdir -p /deb/bin
	printf '#!/bin/sh\necho at work\nexec sleep 8\n' >/deb/bin/works
	printf '#!/bin/sh\necho not on this kernel\nexit 1\n' >/deb/bin/fails
	chmod +x /deb/bin/works /deb/bin/fails
	# shellcheck disable=SC2317 # bpf_tools calls it
	maprace()
	{
		sleep 3
	}
	bpf_tools 1 /deb/bin/works /deb/bin/fails
}
