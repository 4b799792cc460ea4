# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# shellcheck shell=bash disable=SC2154,SC2034
# The initramfs: busybox, our helpers, maprace, programs to watch, BPF victims. The same image serves all kernels.

image_cc=${VM_CC:-gcc}
image_cflags=(-std=gnu17 -O2 -g0 -Wall -Wextra -Werror -static)

# newer_than FILE SOURCE...: is FILE there and newer than all the others
newer_than()
{
	local file=$1 source
	shift
	[[ -e $file ]] || return 1
	for source in "$@"; do
		[[ $file -nt $source ]] || return 1
	done
}

image_tools()
{
	local source target
	mkdir -p "$vm_out/tools"
	for source in "$vm_dir"/tools/*.c; do
		target=$vm_out/tools/$(basename "$source" .c)
		newer_than "$target" "$source" || "$image_cc" "${image_cflags[@]}" -o "$target" "$source"
	done
}

# Every victims/NAME.c becomes /vm/victims/NAME, linked with static libbpf. For each victims/OBJECT.bpf.c there is
# OBJECT.skel.h (bpftool gen skeleton) that any of them may include.
image_victims()
{
	local libbpf source name include objects=()
	mkdir -p "$vm_out/victims"
	libbpf=$("$vm_top/scripts/debs.sh" libbpf)
	include=$libbpf/usr/include
	for source in "$vm_dir"/victims/*.bpf.c; do
		[[ -e $source ]] || continue
		name=$(basename "$source" .bpf.c)
		objects+=("$vm_out/victims/$name.skel.h")
		newer_than "$vm_out/victims/$name.skel.h" "$source" "$vm_dir"/victims/*.h "$vm_top"/tests/e2e/bpf/* && continue
		# -mcpu=v2: the oldest kernel of the matrix knows no newer instructions
		clang -target bpf -mcpu=v2 -O2 -g -Wall -Wextra -Werror -D__TARGET_ARCH_x86 -D_GNU_SOURCE -I"$include" \
			-I"$vm_top/vmlinux/x86_64" -I"$vm_dir/victims" \
			-idirafter /usr/include/x86_64-linux-gnu -c -o "$vm_out/victims/$name.bpf.o" "$source"
		bpftool gen skeleton "$vm_out/victims/$name.bpf.o" name "${name//[^a-zA-Z0-9_]/_}_bpf" \
			>"$vm_out/victims/$name.skel.h.new"
		mv "$vm_out/victims/$name.skel.h.new" "$vm_out/victims/$name.skel.h"
	done
	for source in "$vm_dir"/victims/*.c; do
		[[ $source != *.bpf.c && -e $source ]] || continue
		name=$(basename "$source" .c)
		newer_than "$vm_out/victims/$name" "$source" "$vm_dir"/victims/*.h "${objects[@]}" && continue
		"$image_cc" "${image_cflags[@]}" -pthread -I"$include" -I"$vm_out/victims" -I"$vm_dir/victims" -o "$vm_out/victims/$name" \
			"$source" "$libbpf/usr/lib/x86_64-linux-gnu/libbpf.a" -lelf -lz
	done
}

# image_e2e ROOT: the watched programs, VERSION/NAME, and what their sources say of them
image_e2e()
{
	local root=$1 program source
	for program in $vm_e2e_wanted; do
		[[ -x $vm_e2e/$program ]] || vm_die "$vm_e2e/$program is not built"
		mkdir -p "$root/e2e/${program%/*}"
		cp "$vm_e2e/$program" "$root/e2e/$program"
		# what must, may and must never be reported, for guest/cases/watch.sh
		source=$(e2e_sources "${program#*/}") || exit 1
		sed -n 's#^// \(EXPECT\|ALLOW\|NEVER\) #\1 #p' "${source%% *}" >"$root/e2e/$program.expect"
	done
}

# image_debs ROOT CASES_FILE: programs of Debian packages, deb:PACKAGE/PATH, as /deb/bin/NAME, with their libraries
image_debs()
{
	local root=$1 word package file library
	for word in $(cases_debs "$2"); do
		word=${word#deb:}
		package=$("$vm_top/scripts/debs.sh" get bookworm "${word%%/*}") || vm_die "no package ${word%%/*}"
		file=$package/${word#*/}
		[[ -x $file ]] || vm_die "no $file"
		mkdir -p "$root/deb/bin"
		cp "$file" "$root/deb/bin/"
		while read -r library; do
			mkdir -p "$root${library%/*}"
			cp -L "$library" "$root$library"
		done < <(ldd "$file" | grep -oE '/[^ ]+\.so[^ ]*')
	done
}

# image_build FILE CASES_FILE: packs everything. CASES_FILE becomes the guest's manifest.
image_build()
{
	local initrd=$1 cases=$2 root=$vm_out/root busybox
	busybox=$(command -v busybox) || vm_die "no busybox (package busybox-static)"
	file_is_static "$busybox" || vm_die "$busybox is not static (package busybox-static)"
	image_tools
	image_victims
	rm -rf "$root"
	mkdir -p "$root"/{bin,dev,proc,sys,tmp,run,e2e,etc,vm/tools,vm/victims}
	cp "$busybox" "$root/bin/busybox"
	cp -r "$vm_dir/guest" "$root/vm/guest"
	cp "$vm_dir/guest/init" "$root/init"
	ln -s /vm/guest/vmcase "$root/bin/vmcase"
	cp "$cases" "$root/vm/cases.tsv"
	# on which lines something is to be found
	mkdir "$root/vm/sources"
	cp "$vm_top/tests/e2e/bpf/audit_cases.bpf.c" "$vm_dir/victims/inplace.bpf.c" "$root/vm/sources/"
	find "$vm_out/tools" -type f -perm -u+x -exec cp -t "$root/vm/tools" {} +
	find "$vm_out/victims" -type f -perm -u+x -exec cp -t "$root/vm/victims" {} +
	if [[ -x $vm_maprace ]]; then
		file_is_static "$vm_maprace" || vm_die "$vm_maprace is not a static executable"
		cp "$vm_maprace" "$root/bin/maprace"
	fi
	image_e2e "$root"
	image_debs "$root" "$cases"
	printf 'root:x:0:0::/tmp:/bin/sh\nnobody:x:65534:65534::/tmp:/bin/sh\n' >"$root/etc/passwd"
	(cd "$root" && find . -mindepth 1 -printf '%P\n' | LC_ALL=C sort |
		cpio --quiet -o -H newc -R 0:0) | gzip -1 >"$initrd.new"
	mv "$initrd.new" "$initrd"
}

# no program interpreter
file_is_static()
{
	! readelf -lW "$1" 2>/dev/null | grep -q INTERP
}
