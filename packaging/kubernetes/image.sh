#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# An image for containers of what is built: build/maprace, which is static, its licences, and nothing else. A tar of an OCI layout and
# of a Docker archive in one; tar, gzip, jq, readelf and sha256sum are all that it needs. The same executable gives the same bytes.
#
# usage: packaging/kubernetes/image.sh [FILE]      (build/maprace-image.tar)
# Environment: MAPRACE (build/maprace) the executable; SOURCE_DATE_EPOCH (0) the time in it
set -euo pipefail
export LC_ALL=C

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
maprace=${MAPRACE:-$top/build/maprace}
file=${1:-$top/build/maprace-image.tar}
epoch=${SOURCE_DATE_EPOCH:-0}
version=$("$maprace" --version | awk '{ print $2 }')
declare -A arches=([x86_64]=amd64 [aarch64]=arm64)
arch=${arches[$(uname -m)]}

if readelf -l "$maprace" | grep -q INTERP; then
	echo "image.sh: $maprace is not static" >&2
	exit 1
fi
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# pack FOLDER: a tar of it on standard output
pack()
{
	tar -C "$1" --format=ustar --sort=name --mtime="@$epoch" --owner=0 --group=0 --numeric-owner -cf - --transform='s,^\./,,' .
}

# store: what comes becomes a blob; sets `digest` and `size`
store()
{
	local new=$tmp/new
	cat >"$new"
	digest=$(sha256sum "$new" | cut -d' ' -f1)
	size=$(stat -c %s "$new")
	mv "$new" "$tmp/image/blobs/sha256/$digest"
}

mkdir -p "$tmp/root/licenses" "$tmp/image/blobs/sha256"
install -m 755 "$maprace" "$tmp/root/maprace"
install -m 644 "$top/LICENSE" "$top"/LICENSES/* "$tmp/root/licenses/"
chmod 755 "$tmp/root" "$tmp/root/licenses"
pack "$tmp/root" >"$tmp/layer.tar"
diff_id=$(sha256sum "$tmp/layer.tar" | cut -d' ' -f1)
store < <(gzip -9n <"$tmp/layer.tar")
layer=$digest layer_size=$size

created=$(date -u -d "@$epoch" +%Y-%m-%dT%H:%M:%SZ)
store < <(jq -cn --arg arch "$arch" --arg created "$created" --arg version "$version" --arg diff_id "sha256:$diff_id" '{
	architecture: $arch, os: "linux", created: $created,
	config: {User: "0:0", Entrypoint: ["/maprace"], Cmd: ["--help"], WorkingDir: "/", Labels: {
		"org.opencontainers.image.title": "maprace", "org.opencontainers.image.version": $version,
		"org.opencontainers.image.licenses": "BSD-2-Clause OR GPL-2.0-only"}},
	rootfs: {type: "layers", diff_ids: [$diff_id]},
	history: [{created: $created, created_by: "packaging/kubernetes/image.sh"}]}')
config=$digest config_size=$size

media=application/vnd.oci.image
store < <(jq -cn --arg media "$media" --arg config "sha256:$config" --argjson config_size "$config_size" \
	--arg layer "sha256:$layer" --argjson layer_size "$layer_size" '{
	schemaVersion: 2, mediaType: ($media + ".manifest.v1+json"),
	config: {mediaType: ($media + ".config.v1+json"), digest: $config, size: $config_size},
	layers: [{mediaType: ($media + ".layer.v1.tar+gzip"), digest: $layer, size: $layer_size}]}')
manifest=$digest manifest_size=$size

tag=${version//[^0-9A-Za-z_.-]/.}
jq -cn --arg media "$media" --arg digest "sha256:$manifest" --argjson size "$manifest_size" --arg tag "$tag" --arg arch "$arch" '{
	schemaVersion: 2, mediaType: ($media + ".index.v1+json"),
	manifests: [{mediaType: ($media + ".manifest.v1+json"), digest: $digest, size: $size, platform: {architecture: $arch, os: "linux"},
		annotations: {"io.containerd.image.name": ("docker.io/library/maprace:" + $tag), "org.opencontainers.image.ref.name": $tag}}]}' \
	>"$tmp/image/index.json"
echo '{"imageLayoutVersion":"1.0.0"}' >"$tmp/image/oci-layout"
# what `docker load` of before version 25 looks for
jq -cn --arg config "$config" --arg layer "$layer" --arg tag "maprace:$tag" \
	'[{Config: ("blobs/sha256/" + $config), RepoTags: [$tag], Layers: ["blobs/sha256/" + $layer]}]' >"$tmp/image/manifest.json"
chmod -R u=rwX,go=rX "$tmp/image"
pack "$tmp/image" >"$tmp/image.tar"
mv "$tmp/image.tar" "$file"
echo "$file: maprace:$tag, $(stat -c %s "$file") bytes, manifest sha256:$manifest"
