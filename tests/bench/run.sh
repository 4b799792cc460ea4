#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# What watching costs. Ratios within one run: every round measures each variant once, in an order that shifts from round to
# round; medians over the rounds are printed as tables and written as JSON (build/bench/*.json).
# usage: run.sh [hot|attach|proof|growth|many|busy|servers|signals]...     (hot attach proof growth many)
#   hot      operations/s of a hot map loop: unwatched, an empty BPF program at our sites, maprace without holds, maprace, bpftrace
#            at function entry, and the program built with -race
#   attach   time to attach to a live 50 MB stripped binary, and the tool's memory, with the file cached and not
#   proof    time to the first proof of a race whose accesses are 10 us, 1 ms and 100 ms apart
#   growth   cost of an operation, memory and losses with up to 100,000 live maps and 10,000 goroutines
#   many     time to attach to 1, 20 and 200 processes and to let go, and memory (BENCH_OLD: another maprace, measured beside it)
#   busy     time to the first proof in services that use hundreds of maps a million times a second (BENCH_OLD: the same by another maprace; BENCH_NEW: by that one, not build/maprace)
#   servers  tests/real/servers.sh with a budget of 1, 5 and 100 percent
#   signals  requests/s of etcd and prometheus with --panics --goroutines --memory in parts of those of the watch of maps alone
# Environment: BENCH_GO (1.19 1.23 1.24 1.27), BENCH_ROUNDS (5), BENCH_SECONDS (1) a window, BENCH_LONG (5) one at the default
# budget, BENCH_OPS (read write iterate), BENCH_VARIANTS (the columns; old-no-holds: BENCH_OLD),
# BENCH_SERVERS (etcd prometheus) of signals, BENCH_SERVICES (requests cache index) of busy,
# BENCH_MODES (private shared), BENCH_SIZES ("MAPS GOROUTINES,...") and BENCH_GROWTH (BENCH_SECONDS) for how long of growth, MAPRACE (build/maprace).
set -euo pipefail

bench_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$bench_dir/../real/lib.sh"
. "$bench_dir/hot.sh"
. "$bench_dir/attach.sh"
. "$bench_dir/proof.sh"
. "$bench_dir/growth.sh"
. "$bench_dir/many.sh"
. "$bench_dir/busy.sh"
. "$bench_dir/signals.sh"

bench_build=$real_top/build/bench
read -ra versions <<<"${BENCH_GO:-1.19 1.23 1.24 1.27}"
read -ra hot_ops <<<"${BENCH_OPS:-read write iterate}"
read -ra hot_modes <<<"${BENCH_MODES:-private shared}"
rounds=${BENCH_ROUNDS:-5}
seconds=${BENCH_SECONDS:-1}
long=${BENCH_LONG:-5}
targets=${BENCH_TARGETS:-1}

# bench_go_build VERSION NAME [FLAG...]: tests/bench/NAME.go into build/bench/NAME-VERSION[FLAG]
bench_go_build()
{
	local version=$1 name=$2 goroot
	shift 2
	goroot=$("$real_top/scripts/debs.sh" go "$version")
	GOROOT=$goroot GOTOOLCHAIN=local GOPROXY=off GOFLAGS=-mod=mod GO111MODULE=off GOENV=off GOTELEMETRY=off \
		GOCACHE=$real_top/build/gocache GOPATH=$bench_build/gopath \
		"$goroot/bin/go" build "$@" -o "$bench_build/${name##*/}-$version$*" "$bench_dir/$name.go"
}

# the loader of the empty program chooses its sites with maprace's own code
bench_tools()
{
	local libbpf=$real_top/build/libbpf
	(
		cd "$real_top" || exit 1
		clang -target bpf -mcpu=v2 -O2 -g -Wall -Werror -Wno-unused-parameter -D__TARGET_ARCH_x86 -Ivmlinux/x86_64 \
			-isystem "$libbpf/include" -c tests/bench/empty.bpf.c -o "$bench_build/empty.bpf.o"
		gcc -D_GNU_SOURCE -std=gnu17 -O2 -Wall -Wextra -Werror -Iinclude -Iuser -isystem "$libbpf/include" \
			-o "$bench_build/empty" tests/bench/empty.c user/arch/*.c user/base/*.c user/model/*.c user/process/*.c user/go/*.c \
			user/probe/hooks.c user/probe/paths.c user/probe/site.c "$libbpf"/lib/*/libbpf.a -lelf -lz
	)
}

# numbers, one a line -> their median
bench_median()
{
	sort -g | awk '{ v[NR] = $1 } END { if (NR) print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

bench_servers()
{
	local budget status=0
	for budget in 1 5 100; do
		echo "# servers, --budget $budget"
		REAL_WATCH="--budget $budget" REAL_MIN_RATIO=0 "$real_src/servers.sh" | grep -vE '^(ok|#)' || status=1
		cp "$real_build/servers.jsonl" "$bench_build/servers-$budget.jsonl"
	done
	return "$status"
}

(($#)) || set -- hot attach proof growth many
if ((EUID)); then
	echo "run.sh: attaching to processes needs root" >&2
	exit 1
fi
real_begin
mkdir -p "$bench_build"
real_tools
bench_tools
echo "$(nproc) CPUs, Linux $(uname -r), load before $(cut -d' ' -f1 /proc/loadavg)"
for bench in "$@"; do
	case $bench in
	hot | attach | proof | growth | many | busy | servers | signals) "bench_$bench" ;;
	*)
		echo "run.sh: no benchmark $bench (hot, attach, proof, growth, many, busy, servers, signals)" >&2
		exit 2
		;;
	esac
done
