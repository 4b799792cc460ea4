#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Two races its own people have mended: stripped influxd 1.6.7 (bookworm, Go 1.19). The index tsi1 keeps the tags of a measurement in
# maps (tsdb/index/tsi1/log_file.go). Whoever writes them holds LogFile.mu: new series (AddSeriesList, execSeriesEntry) and dropped
# ones (DeleteTagValue, execDeleteTagValueEntry). Two readers do not, and a lock that one side alone holds orders nothing.
#  stats    SHOW STATS FOR 'indexes' adds up the size of the index: Index.Bytes holds Index.mu, which these writers do not take before
#           they are through, and LogFile.bytes ranges over the maps. From the source: 2.x takes LogFile.mu there. Driven by that
#           statement while new series are written.
#  deletes  influxdata/influxdb#14362 ("several delete queries at once") and #19664, mended by #20008. Partition.DropMeasurement ranges
#           over the values of each tag, in logTagKey.TagValueIterator, on a map that LogFile.TagKeyIterator handed out before it let
#           go of the lock, while a second delete tombstones values in it. Driven by rounds of one batch of points, then four
#           DELETEs of their measurement at once.
# Go gets eight threads, as it would on eight CPUs: one that stands in a hold keeps its own.
# usage: influxdb.sh [RUNS]
# Environment: REAL_LIMIT (60) seconds a run may last
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/server.sh"
. "$(dirname "${BASH_SOURCE[0]}")/known.sh"

influxdb_version=1.6.7
influxdb_stats_reader='tsi1\.\(\*LogFile\)\.bytes'
influxdb_stats_writer='tsi1\.\(\*LogFile\)\.execSeriesEntry'

server_start_influxdb()
{
	local other
	other=$(server_free_port)
	server_exe=$(real_root bookworm influxdb)/usr/bin/influxd
	server_probe=/ping
	cat >"$server_dir/influxdb.conf" <<-END
		reporting-disabled = true
		bind-address = "127.0.0.1:$other"
		[meta]
		  dir = "$server_dir/meta"
		[data]
		  dir = "$server_dir/data"
		  wal-dir = "$server_dir/wal"
		  index-version = "tsi1"
		  query-log-enabled = false
		[http]
		  bind-address = "127.0.0.1:$server_port"
		  log-enabled = false
		[monitor]
		  store-enabled = false
		[logging]
		  level = "error"
	END
	GOMAXPROCS=8 server_run "$server_exe" run -config "$server_dir/influxdb.conf"
}

server_plan_influxdb()
{
	curl -gsSf -o /dev/null --max-time 5 -XPOST "$server_base/query?q=CREATE+DATABASE+d"
}

# influxdb_write SEED COUNT: one batch of that many series with tags of their own
influxdb_write()
{
	awk -v seed="$1" -v count="$2" 'BEGIN {
		for (i = 0; i < count; i++)
			printf "m,a=%d,b=%d v=1\n", seed * count + i, seed * 10 + i % 10
	}' | curl -gs --data-binary @- "$server_base/write?db=d"
}

# influxdb_ask STATEMENT [TIMES]: at once
influxdb_ask()
{
	local query="$server_base/query?db=d&q=$1" queries=() i
	for ((i = 0; i < ${2:-1}; i++)); do
		queries+=("$query")
	done
	curl -gsZ --parallel-immediate -XPOST "${queries[@]}"
}

# The loops go on until they are killed or the server is gone.
influxdb_drive_deletes()
{
	while real_alive "$server_pid"; do
		influxdb_write 0 100 || true
		influxdb_ask DELETE+FROM+m 4 || true
	done
}

influxdb_drive_stats()
{
	local seed=0 ask="SHOW+STATS+FOR+'indexes'"
	while real_alive "$server_pid"; do
		influxdb_ask "$ask%3B$ask%3B$ask%3B$ask" 2 || true
	done &
	while real_alive "$server_pid"; do
		influxdb_write "$seed" 100 || true
		seed=$((seed + 1))
	done
}

# influxdb_run COMMAND...: with a server of its own
influxdb_run()
{
	if ! server_start influxdb; then
		real_fail "influxdb starts"
		return 0
	fi
	"$@"
	server_end
	rm -rf "$server_dir"
}

influxdb_unwatched() # DRIVER
{
	known_unwatched "$server_pid" "$server_dir/log" "$1"
}

influxdb_watched() # NAME READER WRITER DRIVER
{
	known_watch "$1" "$2" "$3" "$server_pid" "$4"
	echo "        influxd itself: $(known_end "$server_dir/log")"
}

influxdb_race() # NAME READER WRITER
{
	local i
	echo "# $1"
	influxdb_run influxdb_unwatched "influxdb_drive_$1"
	for ((i = 1; i <= influxdb_runs; i++)); do
		influxdb_run influxdb_watched "influxdb-$influxdb_version-$1-$i" "$2" "$3" "influxdb_drive_$1"
	done
}

influxdb_is_known()
{
	[[ $("$(real_root bookworm influxdb)/usr/bin/influxd" version) == *"v$influxdb_version"* ]]
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
	influxdb_runs=${1:-3}
	real_begin
	real_tools
	if influxdb_is_known; then
		influxdb_race stats "$influxdb_stats_reader" "$influxdb_stats_writer"
		influxdb_race deletes 'tsi1\.\(\*logTagKey\)\.TagValueIterator' 'tsi1\.\(\*LogFile\)\.exec(DeleteTagValue|Series)Entry'
	else
		real_skip "influxdb of bookworm is not $influxdb_version any more"
	fi
	real_close
fi
