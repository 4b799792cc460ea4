#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# A site for hugo whose pages race: hugo renders pages in parallel, Scratch.SetInMap writes a map under a lock, and
# Scratch.GetSortedMapValues reads and iterates the same map after it has let go of the lock. The work between the calls
# (md5) sets them so far apart that hugo's own check hardly ever sees two at once: it nearly always ends with status 0.
# usage: site.sh DIR [PAGES [ROUNDS [WORK]]]    ROUNDS calls of each a page, WORK digests between them
set -euo pipefail

site=$1
pages=${2:-300}
rounds=${3:-2}
work=${4:-500}

mkdir -p "$site/content/posts" "$site/layouts/_default"
cat >"$site/config.toml" <<EOF
baseURL = "http://127.0.0.1/"
title = "race"
disableKinds = ["taxonomy", "term", "RSS", "sitemap", "robotsTXT", "404"]
EOF
cat >"$site/layouts/_default/single.html" <<EOF
{{ \$scratch := site.Home.Scratch }}
{{ \$title := .Title }}
{{ range seq $rounds }}
{{ \$scratch.SetInMap "k" (printf "%d" .) 1 }}
{{ range seq $work }}{{ \$digest := md5 \$title }}{{ end }}
{{ len (\$scratch.GetSortedMapValues "k") }}
{{ range seq $work }}{{ \$digest := md5 \$title }}{{ end }}
{{ end }}
{{ .Title }}
EOF
echo '{{ .Title }}' >"$site/layouts/_default/list.html"
for ((i = 1; i <= pages; i++)); do
	printf -- '---\ntitle: page %d\n---\nPage %d\n' "$i" "$i" >"$site/content/posts/p$i.md"
done
