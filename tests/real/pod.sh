# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # some are for the callers, some are of lib.sh
# Pods as kubelet and a container runtime make them, by runc: a "pause" that holds the namespaces, and containers that are configured by what
# a manifest says. Control groups lie below one of our own. Sourced after lib.sh; the caller has $real_tmp.

pod_top=/maprace-test-$$ # of all control groups
pod_containers=()
pod_seccomp=             # a profile in place of RuntimeDefault's

pod_runc()
{
	runc --root "$real_tmp/runc" "$@"
}

# pod_id NAME: 64 hex digits, as runtimes give them
pod_id()
{
	sha256sum <<<"$$ $1" | cut -d' ' -f1
}

# pod_uid NAME: as the API server gives them
pod_uid()
{
	sha256sum <<<"$$ pod $1" | sed -E 's/^(.{8})(.{4})(.{4})(.{4})(.{12}).*/\1-\2-\3-\4-\5/'
}

# pod_config POD CONTAINER ROOTFS CONTAINER_JSON POD_JSON: a bundle for runc, of what the manifest says
pod_config()
{
	local dir=$real_tmp/bundles/$1-$2 uid profile=${pod_seccomp:-$pod_default_seccomp} pause=${pod_pause[$1]:-}
	uid=$(pod_uid "$1")
	mkdir -p "$dir"
	(cd "$dir" && rm -f config.json && runc spec)
	jq --arg root "$3" --arg hostname "$1" --arg pause "$pause" --argjson c "$4" --argjson pod "$5" --slurpfile profile "$profile" \
		--arg tmp "$real_tmp" --argjson files "$(ulimit -Hn)" --arg group "$pod_top/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${uid//-/_}.slice/cri-containerd-$(pod_id "$1-$2").scope" '
		($c.securityContext // {}) as $s
		| ($s.capabilities.add // [] | map("CAP_" + .)) as $caps
		| (if $pause == "" or $pod.shareProcessNamespace then "pause" else "own" end) as $pids
		| .process.terminal = false
		| .process.args = ($c.command // ["/maprace"]) + ($c.args // [])
		| .process.user = {uid: ($s.runAsUser // 0), gid: ($s.runAsGroup // 0)}
		| .process.noNewPrivileges = ($s.allowPrivilegeEscalation == false)
		| .process.capabilities = {bounding: $caps, permitted: $caps, effective: $caps}
		| .process.rlimits = [{type: "RLIMIT_NOFILE", hard: $files, soft: $files}]
		| .root = {path: $root, readonly: ($s.readOnlyRootFilesystem == true)}
		| .hostname = $hostname
		| .mounts += ($c.volumeMounts // [] | map({destination: .mountPath, type: "bind", source: ($tmp + "/volumes/" + $hostname + "-" + .name),
			options: (["rbind"] + if .readOnly then ["ro"] else ["rw"] end)}))
		| .linux.cgroupsPath = $group
		| .linux.resources = if $c.resources.limits.memory
			then {memory: {limit: ($c.resources.limits.memory | if endswith("Gi") then (rtrimstr("Gi") | tonumber * 1073741824)
				else (rtrimstr("Mi") | tonumber * 1048576) end)}} else {} end
		| .linux.namespaces = [{type: "mount"}, {type: "cgroup"}]
			+ (["network", "ipc", "uts"] | map({type: .} + if $pause == "" then {}
				else {path: ("/proc/" + $pause + "/ns/" + {network: "net", ipc: "ipc", uts: "uts"}[.])} end))
			+ if $pod.hostPID then [] elif $pause != "" and $pod.shareProcessNamespace then [{type: "pid", path: ("/proc/" + $pause + "/ns/pid")}]
				else [{type: "pid"}] end
		| if $pause == "" then . else del(.hostname) end
		| if $s.seccompProfile.type == "RuntimeDefault" then .linux.seccomp = (
			($profile[0]) as $p
			| {defaultAction: $p.defaultAction, architectures: ["SCMP_ARCH_X86_64"],
			   syscalls: [$p.syscalls[]
				| select(((.includes.caps // []) - $caps) == [] and ((.includes.arches // ["amd64"]) | index("amd64")))
				| select([(.excludes.caps // [])[] | select(. as $x | $caps | index($x))] == [] and (((.excludes.arches // []) | index("amd64")) | not))
				| {names: (.names // [.name]), action} + (if .args then {args} else {} end) + (if .errnoRet then {errnoRet} else {} end)]})
		  else . end' "$dir/config.json" >"$dir/new" && mv "$dir/new" "$dir/config.json"
}

declare -A pod_pause=()

# pod_container POD CONTAINER ROOTFS CONTAINER_JSON POD_JSON: in the background; its output in $real_tmp/POD-CONTAINER.out and .err
pod_container()
{
	local name=$1-$2
	pod_config "$@" || return 1
	# what it prints goes to files of ours: its standard streams are not its own in a container that is detached
	pod_runc run --bundle "$real_tmp/bundles/$name" --detach --pid-file "$real_tmp/$name.pid" "$(pod_id "$name")" \
		</dev/null >"$real_tmp/$name.out" 2>"$real_tmp/$name.err" || return 1
	pod_containers+=("$(pod_id "$name")")
}

# pod_begin POD [POD_JSON]: its pause
pod_begin()
{
	[[ -e $real_tmp/pause/bin/busybox ]] || { mkdir -p "$real_tmp/pause/bin" && cp "$(command -v busybox)" "$real_tmp/pause/bin/"; }
	pod_pause[$1]=
	pod_container "$1" pause "$real_tmp/pause" '{"command": ["/bin/busybox", "sleep", "600"], "securityContext": {"readOnlyRootFilesystem": true}}' \
		'{}' || return 1
	pod_pause[$1]=$(<"$real_tmp/$1-pause.pid")
}

# pod_end_container POD CONTAINER: as kubelet ends one: SIGTERM, and its exit within 20 s
pod_end_container()
{
	local pid
	pid=$(<"$real_tmp/$1-$2.pid")
	pod_runc kill "$(pod_id "$1-$2")" TERM && real_await 20 real_gone "$pid"
}

pod_cleanup()
{
	local id group
	for id in "${pod_containers[@]}"; do
		pod_runc delete --force "$id" >/dev/null 2>&1 || true
	done
	for group in /sys/fs/cgroup/*"$pod_top" "/sys/fs/cgroup$pod_top"; do
		[[ ! -d $group ]] || find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || true
	done
}
