# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # the scripts that source this share their variables with it
# Three stripped servers of Debian 12 on 127.0.0.1 with folders of their own, and a load for each. Sourced after lib.sh.
# server_start NAME sets server_pid, server_port, server_exe and load_plan (the last arguments of `load`).

server_backend=

server_free_port()
{
	"$real_build/serve" --port
}

server_ready() # URL
{
	curl -gsSf -o /dev/null --max-time 2 "$1"
}

server_run() # COMMAND...: in the background, in its own folder
{
	HOME=$server_dir XDG_DATA_HOME=$server_dir "$@" </dev/null >"$server_dir/log" 2>&1 &
	server_pid=$!
	real_pids+=("$server_pid")
}

server_start()
{
	server_dir=$real_tmp/$1
	mkdir -p "$server_dir"
	server_port=$(server_free_port)
	server_base=http://127.0.0.1:$server_port
	"server_start_$1"
	if ! real_await 20 server_ready "$server_base$server_probe"; then
		echo "$1 does not answer:"
		real_show "$server_dir/log"
		return 1
	fi
	"server_plan_$1"
}

# what a server says when it dies of itself
server_complaints()
{
	grep -E '^(panic|fatal error|SIG[A-Z]+|unexpected fault|runtime:)' "$server_dir/log"
}

server_end() # its status in real_status
{
	real_stop "$server_pid" TERM
	local status=$real_status
	if [[ -n $server_backend ]]; then
		real_stop "$server_backend" TERM
		server_backend=
	fi
	real_status=$status
}

# --- etcd: put, get, range, delete over the JSON gateway ----------------------------------------------------------------

server_start_etcd()
{
	local peer
	peer=http://127.0.0.1:$(server_free_port)
	server_exe=$(real_root bookworm etcd-server)/usr/bin/etcd
	server_probe=/health
	server_run "$server_exe" --data-dir "$server_dir/data" --log-level error \
		--listen-client-urls "$server_base" --advertise-client-urls "$server_base" \
		--listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" --initial-cluster "default=$peer"
}

server_plan_etcd()
{
	load_plan=(etcd)
}

# --- prometheus: it scrapes itself, and answers queries about a moment that is past ---------------------------------------

server_start_prometheus()
{
	server_exe=$(real_root bookworm prometheus)/usr/bin/prometheus
	server_probe=/-/ready
	cat >"$server_dir/prometheus.yml" <<-EOF
		global:
		  scrape_interval: 1s
		  evaluation_interval: 1s
		rule_files: ["$server_dir/rules.yml"]
		scrape_configs:
		  - job_name: self
		    static_configs: [{targets: ["127.0.0.1:$server_port"]}]
	EOF
	cat >"$server_dir/rules.yml" <<-EOF
		groups:
		  - name: recorded
		    rules:
		      - {record: "job:requests:rate", expr: "sum by (job, handler) (rate(prometheus_http_requests_total[5s]))"}
		      - {alert: "Never", expr: "up == 2"}
	EOF
	server_run "$server_exe" --config.file="$server_dir/prometheus.yml" --storage.tsdb.path="$server_dir/data" \
		--web.listen-address="127.0.0.1:$server_port" --log.level=warn
}

server_scraped() # at least N samples of itself
{
	local count
	count=$(curl -gsSf --max-time 2 "$server_base/api/v1/query?query=sum(count_over_time(up[1m]))" |
		jq -r '.data.result[0].value[1] // 0')
	((count >= $1))
}

server_plan_prometheus()
{
	local end start at i=0 query
	real_await 30 server_scraped 8 || echo "prometheus does not scrape itself" >&2
	end=$(($(date +%s) - 2))
	start=$((end - 5))
	at="start=$start&end=$end&step=1"
	: >"$server_dir/list"
	while read -r query; do
		# the answer before anybody watches; it is about the past, so it may never change
		curl -gsSf "$server_base$query" >"$server_dir/answer-$i"
		echo "$query $server_dir/answer-$i" >>"$server_dir/list"
		i=$((i + 1))
	done <<-EOF
		/api/v1/query?query=sort(up)&time=$end
		/api/v1/query?query=vector(42)&time=$end
		/api/v1/query?query=topk(5,prometheus_tsdb_head_chunks)&time=$end
		/api/v1/query?query=sort(count({__name__=~"go_.*"})by(__name__))&time=$end
		/api/v1/query?query=quantile_over_time(0.9,go_goroutines[5s])&time=$end
		/api/v1/query_range?query=rate(process_cpu_seconds_total[4s])&$at
		/api/v1/query_range?query=sum%20by(handler)(rate(prometheus_http_request_duration_seconds_bucket[4s]))&$at
		/api/v1/query_range?query=histogram_quantile(0.9,sum%20by(le)(prometheus_http_response_size_bytes_bucket))&$at
		/api/v1/query_range?query={__name__=~"prometheus_tsdb.*"}&$at
		/api/v1/query_range?query=label_replace(up,"x","\$1","job","(.*)")*on(job)group_left()up&$at
		/api/v1/series?match[]=up
		/api/v1/label/job/values
		/api/v1/status/buildinfo
		/-/healthy
	EOF
	load_plan=(list "$server_dir/list")
}

# --- caddy: files, and a reverse proxy to a small server of ours ----------------------------------------------------------

server_files() # DIR: 40 files of 100 bytes to 64 KiB, the same in every run
{
	local i
	mkdir -p "$1"
	for ((i = 0; i < 40; i++)); do
		awk -v seed="$i" 'BEGIN {
			size = 100 * 1.18 ^ seed
			for (n = seed; size > 0; n = (n * 1103515245 + 12345) % 2147483648) {
				line = sprintf("%d of %d\n", n, seed)
				printf "%s", line
				size -= length(line)
			}
		}' >"$1/f$i.txt"
	done
}

server_start_caddy()
{
	local fifo=$server_dir/backend.in port
	server_files "$server_dir/files"
	mkfifo "$fifo"
	"$real_build/serve" "$server_dir/files" <"$fifo" >"$server_dir/backend.out" &
	server_backend=$!
	real_pids+=("$server_backend")
	# the backend lives as long as somebody holds its standard input open: this script
	exec {server_backend_in}>"$fifo"
	real_await 5 test -s "$server_dir/backend.out"
	port=$(awk '{ print $2 }' "$server_dir/backend.out")
	server_exe=$(real_root bookworm caddy)/usr/bin/caddy
	server_probe=/f0.txt
	cat >"$server_dir/Caddyfile" <<-EOF
		{
			admin off
			auto_https off
			storage file_system $server_dir/storage
		}
		$server_base {
			bind 127.0.0.1
			header X-Served-By real
			handle /p/* {
				reverse_proxy 127.0.0.1:$port
			}
			handle {
				root * $server_dir/files
				file_server
			}
		}
	EOF
	server_run "$server_exe" run --adapter caddyfile --config "$server_dir/Caddyfile"
}

server_plan_caddy()
{
	local i
	for ((i = 0; i < 40; i++)); do
		echo "/f$i.txt $server_dir/files/f$i.txt"
		echo "/p/f$i.txt $server_dir/files/f$i.txt"
	done >"$server_dir/list"
	load_plan=(list "$server_dir/list")
}
