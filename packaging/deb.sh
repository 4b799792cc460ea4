#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# A Debian package of what is built: build/maprace_VERSION_ARCH.deb. `make deb` calls it, and then lintian.
# usage: packaging/deb.sh VERSION
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
version=${1:?usage: deb.sh VERSION}
version=${version#v}
[[ $version =~ ^[0-9]+\.[0-9] ]] || version=0.1+git$version # no tag: a commit
version=${version//[^0-9A-Za-z.+~]/.}
arch=$(dpkg --print-architecture)
root=$top/build/deb
doc=$root/usr/share/doc/maprace
maintainer='maprace developers <maprace@users.noreply.github.com>'
when=$(git -C "$top" log -1 --format=%cd --date=rfc2822 2>/dev/null || date -R)

rm -rf "$root"
umask 022
make -C "$top" --no-print-directory install DESTDIR="$root" PREFIX=/usr >/dev/null
gzip -9n "$root/usr/share/man/man1/maprace.1"
mkdir -p "$doc" "$root/DEBIAN" "$root/usr/share/lintian/overrides"
# it is linked statically on purpose: docs/building.md says why
printf 'maprace: %s [usr/sbin/maprace]\n' statically-linked-binary 'embedded-library zlib' >"$root/usr/share/lintian/overrides/maprace"
printf 'maprace (%s) unstable; urgency=medium\n\n  * Built from the sources.\n\n -- %s  %s\n' \
	"$version" "$maintainer" "$when" | gzip -9n >"$doc/changelog.gz"
cat >"$doc/copyright" <<END
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: maprace

Files: *
Copyright: $(date -d "$when" +%Y) the maprace developers
License: BSD-2-Clause or GPL-2

License: BSD-2-Clause
$(sed 's/^$/./; s/^/ /' "$top/LICENSES/BSD-2-Clause.txt")

License: GPL-2
 This program is free software; you can redistribute it and/or modify it under the terms of version 2 of the GNU
 General Public License as published by the Free Software Foundation.
 .
 On Debian systems its text is in /usr/share/common-licenses/GPL-2.
END
cat >"$root/DEBIAN/control" <<END
Package: maprace
Version: $version
Architecture: $arch
Maintainer: $maintainer
Installed-Size: $(du -sk --exclude=DEBIAN "$root" | cut -f1)
Section: devel
Priority: optional
Description: prove concurrent map access in live Go processes
 maprace attaches with eBPF to running, unmodified Go processes and proves
 which of their maps are used by two goroutines at once without a lock, with
 both stacks. No rebuild, no restart and no symbols are needed.
 .
 It also watches kernel BPF maps for lost updates.
END
(cd "$root" && find usr -type f -printf '%P\0' | sort -z | (cd usr && xargs -0 md5sum) | sed 's,  ,  usr/,') >"$root/DEBIAN/md5sums"
dpkg-deb --root-owner-group --build "$root" "$top/build/maprace_${version}_$arch.deb" >/dev/null
rm -rf "$root"
echo "build/maprace_${version}_$arch.deb"
