#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# packaging/kubernetes, as far as it can be tried without a cluster. The manifests are held against the published schemas; the image is read
# by skopeo and unpacked by umoci; and runc, which container runtimes call, runs it with what the manifests say: the users, capabilities,
# namespaces, mounts, limits and control groups of a sidecar and of a DaemonSet's pod, under the seccomp profiles that Docker and Podman
# have as a default, and under our own. Each race has to be proved; with one capability fewer maprace doctor names it.
# usage: kubernetes.sh
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/pod.sh"

packaging=$real_top/packaging/kubernetes

# ---- manifests -------------------------------------------------------------------------------------------------------

schemas_get()
{
	modules=$real_build/manifests/node_modules
	[[ ! -d $modules/kubernetes-models || ! -d $modules/yaml || ! -d $modules/@kubernetes-models/prometheus-operator ]] || return 0
	mkdir -p "$real_build/manifests"
	(cd "$real_build/manifests" && timeout 300 npm install --ignore-scripts --no-audit --no-fund --silent kubernetes-models@4.5.1 \
		@kubernetes-models/prometheus-operator@6.0.0 yaml@2)
}

manifests_check() # FILE...
{
	node "$real_src/manifests.js" "$modules" "$@" >"$real_tmp/manifests.json" 2>"$real_tmp/manifests.err" || {
		real_show "$real_tmp/manifests.err"
		return 1
	}
}

# refused PATTERN REPLACEMENT FILE: the schemas do not take everything
refused()
{
	sed "s/$1/$2/" "$packaging/$3" >"$real_tmp/bad.yaml"
	! cmp -s "$real_tmp/bad.yaml" "$packaging/$3" && ! node "$real_src/manifests.js" "$modules" "$real_tmp/bad.yaml" >/dev/null 2>&1
}

# taken KIND FILTER: of the one manifest of that kind
taken()
{
	jq -c --arg kind "$1" ".[] | select(.kind == \$kind) | $2" "$real_tmp/manifests.json"
}

agree()
{
	jq -e '(map({key: .kind, value: .}) | from_entries) as $all
		| ($all.DaemonSet.spec.template) as $host | ($all.Deployment.spec.template.spec.containers[] | select(.name == "maprace")) as $side
		| $all.Service.spec.selector == $host.metadata.labels and $all.NetworkPolicy.spec.podSelector.matchLabels == $host.metadata.labels
		and $all.ServiceMonitor.spec.selector.matchLabels == $all.Service.metadata.labels
		and $all.ServiceMonitor.spec.endpoints[0].port == $all.Service.spec.ports[0].name
		and $all.Service.spec.ports[0].targetPort == $host.spec.containers[0].ports[0].name
		and ($all.ConfigMap.data["daemon.yaml"] | test("\nlisten: 0[.]0[.]0[.]0:\($host.spec.containers[0].ports[0].containerPort)\n"))
		and $host.spec.containers[0].securityContext.capabilities == $side.securityContext.capabilities' "$real_tmp/manifests.json" >/dev/null
}

# ---- the image -------------------------------------------------------------------------------------------------------

image_make()
{
	MAPRACE=$maprace "$packaging/image.sh" "$real_tmp/image.tar" >"$real_tmp/image.told" &&
		MAPRACE=$maprace "$packaging/image.sh" "$real_tmp/again.tar" >/dev/null && cmp "$real_tmp/image.tar" "$real_tmp/again.tar"
}

image_read()
{
	skopeo inspect --config "oci-archive:$real_tmp/image.tar" >"$real_tmp/inspected" &&
		jq -e '.config.Entrypoint == ["/maprace"] and .os == "linux" and .architecture == "amd64"' "$real_tmp/inspected" >/dev/null &&
		skopeo copy --quiet --insecure-policy "docker-archive:$real_tmp/image.tar" "dir:$real_tmp/copied" >/dev/null
}

image_unpack()
{
	local tag
	mkdir -p "$real_tmp/layout"
	tar -xf "$real_tmp/image.tar" -C "$real_tmp/layout"
	tag=$(jq -r '.manifests[0].annotations["org.opencontainers.image.ref.name"]' "$real_tmp/layout/index.json")
	umoci --log error unpack --image "$real_tmp/layout:$tag" "$real_tmp/unpacked" &&
		[[ $(cd "$real_tmp/unpacked/rootfs" && find . -type f | sort | tr '\n' ' ') == './licenses/BSD-2-Clause.txt ./licenses/GPL-2.0.txt ./licenses/LICENSE ./maprace ' ]] &&
		cmp "$real_tmp/unpacked/rootfs/maprace" "$maprace"
}

# ---- pods ------------------------------------------------------------------------------------------------------------

build_app()
{
	local root
	root=$("$real_top/scripts/debs.sh" go 1.24)
	mkdir -p "$real_tmp/app/bin"
	GOROOT=$root GOTOOLCHAIN=local GOPROXY=off GO111MODULE=off GOFLAGS='' GOCACHE=${MAPRACE_CACHE:-$real_top/build/cache}/gocache \
		CGO_ENABLED=0 "$root/bin/go" build -ldflags='-s -w' -o "$real_tmp/app/bin/app" "$real_top/tests/e2e/programs/racer.go"
	cp "$(command -v busybox)" "$real_tmp/app/bin/"
	chmod -R go+rX "$real_tmp" "$real_tmp/app"
}

volumes() # POD NAME...
{
	local name
	for name in "${@:2}"; do
		mkdir -p "$real_tmp/volumes/$1-$name"
	done
}

# app_begin POD [POD_JSON]: a service in a pod of its own, or in that one; as it may die of its race, it is started again and again
app_begin()
{
	local c='{"command": ["/bin/busybox", "sh", "-c", "while :; do /bin/app 120; done"]}'
	pod_container "$1" app "$real_tmp/app" "$(jq -c --argjson c "$c" '$c + {securityContext}' <<<"$app_json")" "${2:-{\}}"
}

# logged POD CONTAINER FILTER: what maprace in that container has logged, in one line
logged()
{
	jq -se --arg a "$(pod_id "one-app")" --arg b "$(pod_id "two-app")" --arg one "$(pod_uid one)" --arg two "$(pod_uid two)" \
		"map(select(.type == \"race\") | .data) | $3" "$real_tmp/$1-$2.out" >/dev/null 2>&1
}

# documented POD FILTER: so says the document
documented()
{
	from_elsewhere "$1" races && jq -e --arg a "$(pod_id "one-app")" --arg one "$(pod_uid one)" --arg two "$(pod_uid two)" "$2" "$real_tmp/page" >/dev/null
}

# from_elsewhere POD PAGE: asked at the pod's own address, from another network namespace
from_elsewhere()
{
	nsenter -t "$elsewhere" --net curl -sf -m 5 -o "$real_tmp/page" "http://10.244.0.7:9464/$2"
}

# address_of POD: it gets one, and somebody who is elsewhere
address_of()
{
	unshare --net sleep 600 &
	elsewhere=$!
	real_pids+=("$elsewhere")
	real_await 5 test ! /proc/self/ns/net -ef "/proc/$elsewhere/ns/net" &&
		nsenter -t "$elsewhere" --net ip link add eth0 type veth peer name eth0 netns "${pod_pause[$1]}" &&
		nsenter -t "$elsewhere" --net ip addr add 10.244.0.8/24 dev eth0 && nsenter -t "$elsewhere" --net ip link set eth0 up &&
		nsenter -t "${pod_pause[$1]}" --net ip addr add 10.244.0.7/24 dev eth0 && nsenter -t "${pod_pause[$1]}" --net ip link set eth0 up
}

# sidecar [FILTER]: the second container of sidecar.yaml beside a service, in pod "one"; "two" is somebody else's
sidecar()
{
	local pod
	pod=$(taken Deployment .spec.template.spec)
	maprace_json=$(jq -c ".containers[] | select(.name == \"maprace\") ${1:-}" <<<"$pod")
	app_json=$(jq -c '.containers[] | select(.name == "app")' <<<"$pod")
	volumes one maprace
	pod_begin one && address_of one && pod_begin two && app_begin one "$pod" && app_begin two && pod_container one maprace "$real_tmp/unpacked/rootfs" "$maprace_json" "$pod"
}

# daemonset: the DaemonSet's pod, on a node with two others
daemonset()
{
	local pod
	pod=$(taken DaemonSet .spec.template.spec)
	maprace_json=$(jq -c ".containers[0]" <<<"$pod")
	app_json=$(taken Deployment '.spec.template.spec.containers[] | select(.name == "app")')
	volumes host config state
	# on this machine there may be other Go programs
	{ taken ConfigMap '.data["daemon.yaml"]' | jq -r . && echo "match: '/bin/app*'"; } >"$real_tmp/volumes/host-config/daemon.yaml"
	pod_begin host && address_of host && pod_begin one && pod_begin two && app_begin one && app_begin two &&
		pod_container host maprace "$real_tmp/unpacked/rootfs" "$maprace_json" "$pod"
}

pods_end()
{
	pod_cleanup
	pod_containers=()
	pod_pause=()
	[[ -z ${elsewhere:-} ]] || kill "$elsewhere" 2>/dev/null || true
}

told() # POD-CONTAINER: what all have said, when something is wrong
{
	local file
	for file in "$real_tmp"/*-*.err; do real_show "$file"; done
	head -c 2000 "$real_tmp/$1.out" 2>/dev/null | sed "s/^/        /"
}

sidecar_test() # WHAT
{
	if ! sidecar; then
		real_fail "$1: the sidecar is started"
		told one-maprace
		pods_end
		return 0
	fi
	real_check "$1: a probe at the pod's own address is answered" real_await 30 from_elsewhere one healthz
	real_check "$1: the service's race is proved and logged, with its container" real_await 120 logged one maprace \
		'length >= 1 and all(.process.container == $a and .process.exe == "/bin/app")'
	real_check "$1: metrics are to be had from elsewhere" from_elsewhere one metrics
	real_check "$1: of other pods nothing is seen" documented one '(.processes | length) >= 1 and all(.processes[]; .container == $a)'
	real_check "$1: what is known is kept in its volume" test -s "$real_tmp/volumes/one-maprace/known"
	real_check "$1: it ends when it is told to" pod_end_container one maprace
	real_check "$1: the service has not noticed" real_alive "$(<"$real_tmp/one-app.pid")"
	((real_failed == 0)) || told one-maprace
	pods_end
	rm -rf "$real_tmp/volumes"
}

host_test() # WHAT
{
	if ! daemonset; then
		real_fail "$1: the pod is started"
		told host-maprace
		pods_end
		return 0
	fi
	real_check "$1: a probe at the pod's own address is answered" real_await 30 from_elsewhere host healthz
	real_check "$1: a race is proved in a service of another pod, and its pod and container are named" real_await 120 logged host maprace \
		'length >= 1 and all((.process.container == $a and .process.pod == $one) or (.process.container == $b and .process.pod == $two))'
	real_check "$1: metrics are to be had from elsewhere" from_elsewhere host metrics
	real_check "$1: both services are watched" documented host '(.processes | map(.pod) | unique) == ([$one, $two] | sort)'
	real_check "$1: it ends when it is told to" pod_end_container host maprace
	((real_failed == 0)) || told host-maprace
	pods_end
	rm -rf "$real_tmp/volumes"
}

# doctor_says PATTERN [FILTER]: maprace doctor in a sidecar
doctor_says()
{
	local status=0
	sidecar ' | .args = ["doctor"]'" ${2:-}" && real_await 20 real_gone "$(<"$real_tmp/one-maprace.pid")" || status=1
	grep -Eq "$1" "$real_tmp/one-maprace.out" || status=1
	((status == 0)) || told one-maprace
	pods_end
	rm -rf "$real_tmp/volumes"
	return "$status"
}

# ---- all -------------------------------------------------------------------------------------------------------------

if ! command -v npm >/dev/null || ! command -v node >/dev/null; then
	real_skip 'no node and npm to fetch the schemas with'
	real_close
	exit
fi
"$real_top/scripts/deps.sh" kubernetes
real_begin
trap 'pod_cleanup; real_cleanup' EXIT
if ! schemas_get >"$real_tmp/npm" 2>&1; then
	real_fail 'the schemas are fetched'
	real_show "$real_tmp/npm"
	real_close
	exit
fi
real_check 'the manifests are of the published schemas, and have no member that these do not know' manifests_check "$packaging"/*.yaml
real_check 'a member that there is not is refused' refused hostPID hostPid daemonset.yaml
real_check 'so is a value of another type' refused 'hostPID: true' 'hostPID: 1' daemonset.yaml
real_check 'so is one of the operator'"'"'s' refused 'interval:' 'intervall:' servicemonitor.yaml
real_check 'they agree on labels, ports and capabilities' agree
real_check 'the image is made, twice the same bytes' image_make
real_show "$real_tmp/image.told"
real_check 'skopeo reads it, as an OCI archive and as one of Docker' image_read
real_check 'umoci unpacks it: maprace and its licences, and nothing else' image_unpack
build_app
podman_profile=$(real_root trixie golang-github-containers-common)/usr/share/containers/seccomp.json
docker_profile=$(real_root trixie golang-github-docker-docker-dev)/usr/share/gocode/src/github.com/docker/docker/profiles/seccomp/default.json
pod_default_seccomp=$docker_profile
sidecar_test "sidecar, seccomp of Docker"
host_test "DaemonSet, seccomp of Docker"
pod_seccomp=$podman_profile
sidecar_test "sidecar, seccomp of Podman"
pod_seccomp=$packaging/seccomp.json
sidecar_test "sidecar, our seccomp"
host_test "DaemonSet, our seccomp"
pod_seccomp=
real_check 'doctor in a sidecar says that watching works' doctor_says '^maprace watch works here'
for capability in $(taken DaemonSet '.spec.template.spec.containers[0].securityContext.capabilities.add[]' | tr -d '"'); do
	real_check "doctor asks for CAP_$capability where it is missing" doctor_says "fix:.*CAP_$capability" "| .securityContext.capabilities.add -= [\"$capability\"]"
done
real_close
