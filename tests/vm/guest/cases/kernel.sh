# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# shellcheck shell=dash
# What the kernel has, told without maprace.

# feature NAME: this kernel must have it
feature()
{
	kfeatures "$1" || die "this kernel has no $1"
}

# features_tell: writes down which of the code paths are open on this kernel
features_tell()
{
	local name answer
	kfeatures all >features || die "kfeatures"
	[ "$(wc -l <features)" -ge 7 ] || die "too few answers: $(cat features)"
	while read -r name answer; do
		fact "$name" "$answer"
	done <features
}
