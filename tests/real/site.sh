#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# A site for hugo whose pages race: hugo renders pages in parallel, Scratch.SetInMap writes a map under a lock, and
# Scratch.GetSortedMapValues reads and iterates the same map after it has let go of the lock. The work between the calls
# (a digest of some text, which uses no map) sets them so far apart that hugo's own check seldom sees two at once: it mostly
# ends with status 0.
# usage: site.sh DIR [PAGES [ROUNDS [KILOBYTES]]]    ROUNDS calls of each a page, a digest of KILOBYTES between two
set -euo pipefail

site=$1
pages=${2:-300}
rounds=${3:-20}
kilobytes=${4:-200}

mkdir -p "$site/content/posts" "$site/layouts/_default"
cat >"$site/config.toml" <<EOF
baseURL = "http://127.0.0.1/"
title = "race"
disableKinds = ["taxonomy", "term", "RSS", "sitemap", "robotsTXT", "404"]
EOF
cat >"$site/layouts/_default/single.html" <<EOF
{{ \$scratch := site.Home.Scratch }}
{{ \$text := strings.Repeat $((kilobytes * 64)) "sixteen letters." }}
{{ range seq $rounds }}
{{ \$scratch.SetInMap "k" "key" 1 }}
{{ \$digest := md5 \$text }}
{{ len (\$scratch.GetSortedMapValues "k") }}
{{ \$digest = md5 \$text }}
{{ end }}
{{ .Title }}
EOF
echo '{{ .Title }}' >"$site/layouts/_default/list.html"
for ((i = 1; i <= pages; i++)); do
	printf -- '---\ntitle: page %d\n---\nPage %d\n' "$i" "$i" >"$site/content/posts/p$i.md"
done
