# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2154 # the scripts that source this share their variables with it
# A closed-loop client that checks every answer of the server that server_start has started, in windows of measurement. load_limit:
# seconds after which it ends by itself, whatever happens to the script.

load_start()
{
	local fifo=$server_dir/load.in
	mkfifo "$fifo"
	: >"$server_dir/load.out"
	"$real_build/load" -c "${REAL_CONNS:-16}" -d "$load_limit" -p "$server_port" "${load_plan[@]}" \
		<"$fifo" >"$server_dir/load.out" 2>"$server_dir/load.err" &
	load_pid=$!
	real_pids+=("$load_pid")
	exec {load_in}>"$fifo"
}

# load_cut NAME: ends a window of measurement under that name
load_cut()
{
	real_alive "$load_pid" || return 0 # a write would end this script
	echo "cut $1" >&"$load_in"
	real_await 5 grep -q "\"name\": \"$1\"" "$server_dir/load.out" || true
}

load_end()
{
	exec {load_in}>&-
	real_await 5 real_gone "$load_pid" || true
	real_stop "$load_pid" TERM
}

# load_value NAME FIELD
load_value()
{
	jq -r "select(.name == \"$1\") | .$2" "$server_dir/load.out"
}
