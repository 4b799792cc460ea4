#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# maprace top on a real terminal, that of tmux, and on none; of Go processes only such as run copies of ours are watched.
#
# usage: tests/e2e/top.sh [NAME]...      e.g. top.sh screen ends
set -euo pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=tests/e2e/follow.sh
. "$(dirname "${BASH_SOURCE[0]}")/follow.sh"

top_names='json usage screen keys ends hostile suspend slow_line'

# ---- a terminal ------------------------------------------------------------------------------------------------------

terms=0 # each has a server of its own: one that ends may take a moment

term()
{
	tmux -L "maprace-$$-$terms" -f /dev/null "$@"
}

term_end()
{
	term kill-server 2>/dev/null || true
}

# terminal COLUMNS LINES: a shell on it, which says what the terminal is like before and after what it is told to run
terminal()
{
	term_end
	terms=$((terms + 1))
	rm -f "$work"/stty.*
	term new-session -d -x "$1" -y "$2" env -u LINES -u COLUMNS PS1='$ ' bash --norc --noprofile -i
	wait_until 10 shows '^\$'
	enter "stty -g >'$work/stty.before'"
	wait_until 10 test -s "$work/stty.before"
}

enter() # COMMAND
{
	term send-keys -l "$1"
	term send-keys Enter
}

keys()
{
	term send-keys "$@"
}

shows() # PATTERN: on a line of the screen
{
	term capture-pane -p >"$work/pane" && grep -q -e "$1" "$work/pane"
}

shows_not()
{
	! shows "$1"
}

is() # FORMAT VALUE: of the terminal
{
	[[ $(term display-message -p "#{$1}") == "$2" ]]
}

top_on_terminal() # ARG...
{
	enter "'$maprace' top --match '$bin/*' $* 2>'$work/stderr'; echo \"status \$?\"; stty -g >'$work/stty.after'"
	must 'no screen' wait_until 20 is alternate_on 1 || return 1
	target=$(pgrep -f "^$maprace top --match $bin/" | head -n 1)
	must 'it is not there' test -n "$target"
}

# The terminal is what it was, whatever has ended it.
restored() # STATUS
{
	must 'it does not end' wait_until 20 gone "$target" || return 1
	target=
	must 'no exit status' wait_until 10 shows '^status ' || return 1
	must "not status $1" shows "^status $1$" || return 1
	must 'the screen is left' is alternate_on 0 && must 'the cursor is hidden' is cursor_flag 1 || return 1
	must 'no settings' wait_until 10 test -s "$work/stty.after" || return 1
	must 'the settings are not restored' cmp "$work/stty.before" "$work/stty.after"
}

runs() # PID: brief, and no shell any more
{
	must 'brief does not run' wait_until 10 test "/proc/$1/exe" -ef "$bin/brief"
}

# ---- cases -----------------------------------------------------------------------------------------------------------

# On no terminal: JSON Lines, so many.
top_json()
{
	"$bin/brief" 0 8000 &
	runs $! || return 1
	must 'it fails' timeout 30 "$maprace" top -p $! -n 2 -i 0.3 >"$work/stdout" 2>"$work/stderr" </dev/null || return 1
	must 'something is said' test ! -s "$work/stderr" || return 1
	must 'not two lines' test "$(wc -l <"$work/stdout")" = 2 || return 1
	must 'not this process' jq -es --argjson pid $! --arg args "$bin/brief 0 8000" \
		'all(.[]; .type == "top" and (.data.processes | length == 1 and .[0].pid == $pid and .[0].args == $args)) and
		 .[1].data.all.operations > .[0].data.all.operations and .[1].data.processes[0].operations_per_s > 0' "$work/stdout" >"$work/jq"
}

top_usage()
{
	local status=0
	"$maprace" top -p 1 --user nobody 2>"$work/stderr" || status=$?
	must "exit status $status" test "$status" = 2 && must 'not said' grep -q 'either -p, or --match' "$work/stderr" || return 1
	status=0
	"$maprace" top --sort nothing 2>"$work/stderr" || status=$?
	must "exit status $status" test "$status" = 2 && must 'not said' grep -q 'pid, operations, maps' "$work/stderr" || return 1
	terminal 80 24
	enter "TERM=nobody-has-this '$maprace' top 2>'$work/stderr'; echo \"status \$?\""
	must 'no status' wait_until 10 shows '^status 1$' && must 'not said' grep -q 'TERM=nobody-has-this' "$work/stderr"
}

# Processes come, race and go; one is looked at.
top_screen()
{
	local pid
	"$bin/brief" 0 60000 &
	terminal 100 30 && top_on_terminal || return 1
	must 'what was there is not shown' wait_until 15 shows ' brief 0 60000' || return 1
	"$bin/racer" 60 2>"$work/target.racer" &
	pid=$!
	must 'what came is not shown' wait_until 15 shows "^ *$pid .* racer 60" || return 1
	must 'its race is not shown' wait_until 30 shows "^ *$pid  *[0-9]*  *[0-9]*  *1  *1  *0  *0 .* racer 60" || return 1
	must 'it is not told' wait_until 5 shows "a race was proved in process $pid: $bin/racer" || return 1
	keys R # most races first, and it is that which is selected
	must 'not sorted' wait_until 5 eval "shows . && sed -n 3p '$work/pane' | grep -q racer" || return 1
	keys g Enter
	must 'its race is not shown' wait_until 10 shows '^  collision ' && must 'its map is not shown' shows '^  racy .*map\[string\]int' || return 1
	keys G
	must 'no stack' wait_until 5 shows '^ *Goroutine .* created at:' || return 1
	kill -TERM "$pid"
	must 'its end is not told' wait_until 15 eval 'keys g; shows "^Process  *[0-9]*, which has ended"' || return 1
	keys Escape
	must 'no way back' wait_until 5 shows "^ *$pid  *ended .* racer 60" || return 1
	keys q
	restored 0
}

# Filter, order, help, another size.
top_keys()
{
	local name
	for name in alpha beta gamma; do
		cp "$bin/brief" "$bin/$name"
		"$bin/$name" 0 60000 &
	done
	terminal 120 20 && top_on_terminal --sort pid || return 1
	for name in alpha beta gamma; do must "no $name" wait_until 15 shows " $name 0 60000" || return 1; done
	keys N r
	must 'not in reverse order' wait_until 5 eval "shows . && sed -n 3p '$work/pane' | grep -q gamma && sed -n 5p '$work/pane' | grep -q alpha" || return 1
	keys / B E T
	must 'the filter is not shown' wait_until 5 shows '^Filter: BET_' && must 'not filtered' shows_not ' alpha 0' && must 'too much is filtered' shows ' beta 0' || return 1
	keys Enter
	must 'it does not last' wait_until 5 shows '^Filter: BET (Esc' || return 1
	term resize-window -x 60 -y 8
	must 'not on a small screen' wait_until 5 eval "shows ' beta 0' && test \$(wc -l <'$work/pane') -le 8 && ! shows UNPROVEN" || return 1
	keys Escape
	must 'the filter stays' wait_until 5 shows ' alpha 0' || return 1
	term resize-window -x 20 -y 3
	sleep 0.5
	keys j Enter k Escape
	term resize-window -x 160 -y 50
	must 'not on a large screen' wait_until 5 shows 'WHERE  *COMMAND' || return 1
	keys '?'
	must 'no help' wait_until 5 shows '^maprace top: keys' || return 1
	keys x
	must 'the help stays' wait_until 5 shows ' alpha 0' || return 1
	keys q
	restored 0
}

# However it ends.
top_ends()
{
	local signal
	"$bin/brief" 0 60000 &
	for signal in TERM INT HUP QUIT; do
		terminal 80 24 && top_on_terminal && must 'not shown' wait_until 15 shows ' brief 0' || return 1
		kill -"$signal" "$target"
		restored 0 || { why+=" after SIG$signal" && return 1; }
	done
	terminal 80 24 && top_on_terminal || return 1
	keys C-c
	restored 0 || { why+=' after ^C' && return 1; }
	terminal 80 24 && top_on_terminal && must 'not shown' wait_until 15 shows ' brief 0' || return 1
	kill -KILL "$(pgrep -P "$target" -x mr-attacher)"
	restored 1 || { why+=' when the attacher was killed' && return 1; }
	must 'not said' grep -q 'what held its probes was killed' "$work/stderr" || return 1
	terminal 80 24 && top_on_terminal -n 3 || return 1
	restored 0 || { why+=' after three tables' && return 1; }
	# those that were named have ended
	terminal 80 24
	"$bin/brief" 0 4000 &
	runs $! || return 1
	enter "clear; '$maprace' top -p $!; echo \"status \$?\"; stty -g >'$work/stty.after'"
	must 'no screen' wait_until 20 is alternate_on 1 && target=$(pgrep -f "^$maprace top -p $!") && restored 0 || return 1
	must 'not said' shows '^maprace: warning: what was watched has ended' || return 1
	# its standard error is the terminal: what is said is on the screen, and below it in the end
	terminal 80 24
	enter "clear; '$maprace' top --match '$bin/*'; echo \"status \$?\"; stty -g >'$work/stty.after'"
	must 'no screen' wait_until 20 is alternate_on 1 && must 'not shown' wait_until 15 shows ' brief 0' || return 1
	target=$(pgrep -f "^$maprace top --match $bin/" | head -n 1)
	kill -KILL "$(pgrep -P "$target" -x mr-attacher)"
	restored 1 && must 'not said' shows '^maprace: error: .*what held its probes was'
}

# A program whose name would say something to the terminal.
top_hostile()
{
	local name=$'evil\033]0;stolen\a\033[31mred\033[2J\n\xe2\x80\xaex'
	cp "$bin/brief" "$bin/$name"
	"$bin/$name" 0 60000 $'\033]0;stolen\a' &
	terminal 180 24 || return 1
	term pipe-pane -O "cat >'$work/sent'"
	top_on_terminal || return 1
	must 'not shown' wait_until 15 shows 'evil\\x1b]0;stolen\\x07\\x1b\[31mred\\x1b\[2J\\x0a\\u{202e}x 0 60000' || return 1
	keys Enter
	must 'not shown' wait_until 10 shows '^Program .*evil\\x1b' || return 1
	keys Escape q
	restored 0 && must 'the title is stolen' eval '! is pane_title stolen' && must 'it was sent' eval "! grep -aq -e $'\033]0;stolen' '$work/sent'"
}

# As a shell's job.
top_suspend()
{
	"$bin/brief" 0 60000 &
	terminal 80 24 && top_on_terminal && must 'not shown' wait_until 15 shows ' brief 0' || return 1
	keys C-z
	must 'it is not stopped' wait_until 10 shows 'Stopped' && must 'the screen is left' is alternate_on 0 || return 1
	enter fg
	must 'it does not go on' wait_until 10 is alternate_on 1 && must 'not drawn again' wait_until 10 shows ' brief 0' || return 1
	keys q
	must 'it does not end' wait_until 10 is alternate_on 0 && must 'it is there still' wait_until 10 gone "$target" && target=
}

# Of a table in which next to nothing changes next to nothing is sent.
top_slow_line()
{
	local before after name
	for name in one two three four five six seven eight; do
		cp "$e2e_build/1.24-stripped/idle" "$bin/$name"
		"$bin/$name" 2>/dev/null &
	done
	terminal 100 30 || return 1
	term pipe-pane -O "cat >'$work/sent'"
	top_on_terminal || return 1
	must 'not shown' wait_until 15 shows ' eight' && must 'not shown' wait_until 15 shows ' one' || return 1
	sleep 3 # for it to have said all
	before=$(stat -c %s "$work/sent")
	sleep 5
	after=$(stat -c %s "$work/sent")
	must "$((after - before)) bytes in 5 s, for 8 idle processes" test $((after - before)) -le 600 || return 1
	echo "# $((after - before)) bytes in 5 s, the first screen and all before: $before"
	keys q
	restored 0
}

top_all()
{
	local name why
	[[ ${top_only[*]} == json ]] || "$e2e_top/scripts/deps.sh" top # tmux
	follow_build
	build_program 1.24-stripped "$e2e_dir/programs/idle.go"
	for name in $top_names; do
		((${#top_only[@]} == 0)) || [[ " ${top_only[*]} " == *" $name "* ]] || continue
		for _ in 1 2 3; do
			fresh_work "top-$name"
			why='' target=''
			"top_$name" || why=${why:-failed}
			if [[ -z $why ]] || ! died_of_its_race; then break; fi
			term_end
			end_copies
			cleanup
		done
		if [[ -z $why ]]; then
			pass "top: $name"
		else
			fail "top: $name" "$why"
		fi
		term_end
		end_copies
		cleanup
	done
	rm -rf "$bin"
}
top_only=()

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
	top_only=("$@")
	top_all
	finish
fi
