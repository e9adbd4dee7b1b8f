#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Makes a kernel ready for tools/vmtest.sh, installing nothing, and prints the folder
# that holds it:
#
#   tools/vm/kernel.sh [--refresh] KERNEL
#
#   6.1      Debian 12's
#   6.12     of Debian 12's backports
#   latest   of Debian 13's backports, with Debian 13's compiler in a folder of its own
#   debug    built from Debian 12's sources with debug-kernel.config: 8 minutes on two
#            cores, and 1.5 GB of disk meanwhile
#
# What has been made ready once is taken as it is, without asking the network;
# --refresh makes it anew.  The folder is $XDG_CACHE_HOME/mk/kernels/KERNEL, and holds
#
#   release     the kernel's release
#   vmlinuz     the kernel
#   initramfs   busybox, and the modules that a guest needs before it has a root
#   busybox     the same, for use here
#   build       what modules are built against
#   toolchain   for 'latest' only: a root with the compiler; 'build' is a path in it
#
# shellcheck disable=SC2016 # formats in single quotes are dpkg's and apt's
set -eu

here=$(cd "$(dirname "$0")" && pwd)

# What a guest loads, where the kernel does not have it built in; what these need in
# turn is found out.
wanted_modules='virtio_pci virtio_console 9pnet_virtio 9p overlay
	udmabuf system_heap vgem loop ext4'

# Nothing is configured in the toolchain's root, so nothing comes by itself, not even
# what is essential.
toolchain_packages='gcc make libc6-dev sparse pahole
	base-files bash coreutils dash diffutils findutils gawk grep gzip sed tar
	perl python3-minimal libpython3-stdlib libelf1t64 libssl3t64 zlib1g'

usage() {
	sed -n '4,25s/^# \{0,1\}//p' "$0"
}

say() {
	printf 'kernel: %s\n' "$*" >&2
}

die() {
	say "$@"
	exit 1
}

refresh=
if [ "${1-}" = --refresh ]; then
	refresh=1
	shift
fi
case ${1-} in
6.1 | 6.12 | latest | debug) kernel=$1 ;;
-h | --help)
	usage
	exit 0
	;;
*)
	usage >&2
	exit 2
	;;
esac

[ "$(dpkg --print-architecture 2>/dev/null)" = amd64 ] ||
	die "kernels are fetched from Debian for amd64 only"

# A configuration and a compiler make a debug kernel what it is.
name=$kernel
if [ "$kernel" = debug ]; then
	command -v gcc >/dev/null || die "there is no gcc; run tools/setup.sh --test"
	name=debug-$({
		gcc --version
		cat "$here/debug-kernel.config"
	} | sha256sum | cut -c 1-12)
fi

cache=${XDG_CACHE_HOME:-${HOME:?}/.cache}/mk/kernels
mkdir -p "$cache"
final=$cache/$name

# The folder is moved into place whole, so its presence says that all is there.
if [ -d "$final" ] && [ -z "$refresh" ]; then
	printf '%s\n' "$final"
	exit 0
fi

# One at a time; who waited finds the work done.
exec 9>"$cache/$name.lock"
if ! flock -n 9; then
	say "waiting for another run that makes $kernel ready"
	flock 9
fi
if [ -d "$final" ] && [ -z "$refresh" ]; then
	printf '%s\n' "$final"
	exit 0
fi

work=$(mktemp -d "$cache/$name.XXXXXX")
chmod 755 "$work"
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
log=$work/log

# Runs a command, and shows what it said only if it fails.
quietly() {
	"$@" >"$log" 2>&1 || {
		tail -n 40 "$log" >&2
		die "failed: $*"
	}
}

# apt with sources, lists and archives of its own: the machine's sources and what it
# has installed stay out of it.  Mirrors and keys are the machine's.
private_apt() {
	tool=$1
	shift
	"$tool" -q -o Dir::Etc::SourceList="$sources" \
		-o Dir::Etc::SourceParts="$work/apt/none" -o Dir::Etc::Preferences=/dev/null \
		-o Dir::Etc::PreferencesParts="$work/apt/none" -o Dir::State="$work/apt" \
		-o Dir::State::status=/dev/null -o Dir::Cache="$work/apt" \
		-o Acquire::Languages=none -o APT::Sandbox::User=root \
		-o APT::Install-Recommends=false -o APT::Default-Release= "$@"
}

# Points private_apt at suites.
use_suites() {
	mkdir -p "$work/apt/lists/partial" "$work/apt/archives/partial" \
		"$work/apt/none"
	for suite; do
		source=$("$here/../debian-source.sh" "$suite")
		[ -n "$source" ] ||
			die "no source of Debian is configured here to derive '$suite' from"
		printf '%s\n\n' "$source"
	done >"$work/apt/sources"
	# The name tells apt the format.
	case $source in
	deb\ *) sources=$work/apt/apt.list ;;
	*) sources=$work/apt/apt.sources ;;
	esac
	mv "$work/apt/sources" "$sources"
	say "asking for the packages of $*"
	quietly private_apt apt-get update
}

# Debian 12's own kernel is offered by the machine's apt, with security updates, if that
# machine is a Debian 12.
machine_apt() {
	tool=$1
	shift
	"$tool" -q "$@"
}

use_machine() {
	# A fresh machine has no package lists yet.
	if [ -z "$(apt-cache madison "$1")" ] && [ "$(id -u)" -eq 0 ]; then
		quietly apt-get update -q
	fi
}

# What a package depends on among those that make up a kernel.
kernel_depends() {
	$apt apt-cache show --no-all-versions "$1" | sed -n 's/^Depends: //p' |
		tr ',' '\n' | sed 's/^ *//; s/[ |].*//' |
		grep -E '^linux-(image|binary|modules|headers|kbuild|base)-[0-9]' || :
}

# Those packages, and what they depend on in turn.
kernel_packages() {
	found=
	while [ $# -gt 0 ]; do
		package=$1
		shift
		case " $found " in
		*" $package "*) ;;
		*)
			found="$found $package"
			# shellcheck disable=SC2046 # a list of words
			set -- "$@" $(kernel_depends "$package")
			;;
		esac
	done
	printf '%s\n' "$found"
}

# Downloads packages and unpacks them into a folder.  Apt compares them with the
# checksums of the signed lists.
unpack() {
	folder=$1
	shift
	mkdir -p "$folder" "$work/packages"
	say "fetching" "$@"
	(cd "$work/packages" && quietly $apt apt-get download "$@")
	for package in "$work"/packages/*.deb; do
		dpkg-deb --fsys-tarfile "$package" |
			tar -x -C "$folder" --exclude=./usr/share/doc
	done
	rm -rf "$work/packages"
}

# Fetches the kernel that two metapackages of a suite stand for into root/.
fetch_kernel() {
	image=$(kernel_depends "linux-image-amd64$1" | grep '^linux-image-')
	headers=$(kernel_depends "linux-headers-amd64$1" | grep '^linux-headers-')
	if [ -z "$image" ] || [ -z "$headers" ]; then
		die "apt offers no linux-image-amd64$1"
	fi
	release=${image#linux-image-}
	# shellcheck disable=SC2046 # a list of words
	unpack "$work/root" $(kernel_packages "$image" "$headers")
	printf '%s\n' "$release" >"$work/release"
	vmlinuz=$(find "$work/root/boot" "$work/root/usr/lib/modules" \
		-name 'vmlinuz*' -type f 2>/dev/null | head -n 1)
	[ -n "$vmlinuz" ] || die "no vmlinuz in the packages of $image"
	mv "$vmlinuz" "$work/vmlinuz"
	rm -rf "$work/root/boot"
	unpack_kernel "$work/root/usr/src/linux-headers-$release/.config"
}

# A number of some bytes at a place of a file.
number_at() {
	od -A n -t "u$2" -j "$3" -N "$2" "$1" | tr -d ' '
}

# An emulated processor takes five seconds to unpack an xz kernel, so that is done here.
# QEMU boots what comes out if it has an entry for that (PVH).  Where the packed kernel
# lies is in the header that boot loaders read.
unpack_kernel() {
	grep -qx CONFIG_KERNEL_XZ=y "$1" && grep -qx CONFIG_PVH=y "$1" || return 0
	sectors=$(number_at "$work/vmlinuz" 1 497)
	offset=$(number_at "$work/vmlinuz" 4 584)
	length=$(number_at "$work/vmlinuz" 4 588)
	# Its size stands behind it.
	tail -c +$(((sectors + 1) * 512 + offset + 1)) "$work/vmlinuz" |
		head -c "$length" | xz -dc --single-stream >"$work/vmlinux" ||
		die "the kernel in $vmlinuz cannot be unpacked"
	mv "$work/vmlinux" "$work/vmlinuz"
}

# Headers name themselves by absolute paths in two places.
relocate_headers() {
	ln -s "root/usr/src/linux-headers-$release" "$work/build"
	for file in Makefile .kernelvariables; do
		[ ! -f "$work/build/$file" ] ||
			sed -i "s|\([ =]\)/usr/|\1$final/root/usr/|g" "$work/build/$file"
	done
}

module_file() {
	find "$work/root/usr/lib/modules" "$work/root/lib/modules" -name "$1.ko" -o \
		-name "$1.ko.xz" -o -name "$1.ko.zst" -o -name "$1.ko.gz" 2>/dev/null |
		head -n 1
}

# Puts a module's plain file into the folder and its name into the order of loading,
# after what it depends on.
add_module() {
	# Names have either sign on disk.
	file=$(module_file "$1")
	[ -n "$file" ] || file=$(module_file "$(printf '%s' "$1" | tr _ -)")
	if [ -z "$file" ] || grep -qx "$1" "$modules/order"; then
		return 0
	fi
	case $file in
	*.xz) xz -dc "$file" >"$modules/$1.ko" ;;
	*.zst) zstd -dcq "$file" >"$modules/$1.ko" ;;
	*.gz) gzip -dc "$file" >"$modules/$1.ko" ;;
	*) cp "$file" "$modules/$1.ko" ;;
	esac
	for needed in $(tr '\0' '\n' <"$modules/$1.ko" |
		sed -n 's/^depends=//p' | tr ',' ' '); do
		add_module "$needed"
	done
	printf '%s\n' "$1" >>"$modules/order"
}

# busybox is static, so that it runs without a root.  It is not installed, as it may
# stand in the way of the machine's own.
make_initramfs() {
	apt=machine_apt
	use_machine busybox-static
	unpack "$work/static" busybox-static
	initramfs=$work/initramfs.d
	modules=$initramfs/modules
	mkdir -p "$modules" "$initramfs/bin" "$initramfs/dev" "$initramfs/proc" \
		"$initramfs/sys"
	find "$work/static" -name busybox -type f -exec mv {} "$work/busybox" \;
	cp "$work/busybox" "$initramfs/bin/"
	: >"$modules/order"
	for module in $wanted_modules; do
		add_module "$module"
	done
	(cd "$initramfs" && find . | bin/busybox cpio -o -H newc 2>/dev/null) |
		gzip -1 >"$work/initramfs"
	rm -rf "$initramfs" "$work/static" "$work/root/lib/modules" \
		"$work/root/usr/lib/modules"
}

# Debian 13's compiler and what a kernel build calls, unpacked and not configured.
make_toolchain() {
	say "fetching Debian 13's compiler"
	# shellcheck disable=SC2086 # a list of words
	quietly private_apt apt-get install -y --download-only $toolchain_packages
	mkdir -p "$work/toolchain"
	for package in "$work"/apt/archives/*.deb; do
		dpkg-deb --fsys-tarfile "$package" | tar -x -C "$work/toolchain" \
			--keep-directory-symlink --exclude=./usr/share/doc --exclude=./usr/share/man \
			--exclude=./usr/share/locale --exclude=./usr/share/i18n
	done
	# What maintainers' scripts would have made.
	[ -e "$work/toolchain/usr/bin/awk" ] ||
		ln -s gawk "$work/toolchain/usr/bin/awk"
	for folder in dev mnt proc tmp; do
		mkdir -p "$work/toolchain/$folder"
	done
	: >"$work/toolchain/dev/null"
}

# 'olddefconfig' drops options without a word.
check_config() {
	lost=$(grep '^CONFIG_' "$here/debug-kernel.config" | while IFS= read -r line; do
		case $line in
		*=n) ! grep -q "^${line%n}" "$1" ;;
		*) grep -qxF "$line" "$1" ;;
		esac || printf '%s ' "$line"
	done)
	[ -z "$lost" ] || die "the sources do not take these as they are set: $lost"
}

# What building a module reads, of a kernel's sources and of what was built in them.
keep_headers() {
	(
		cd "$1"
		{
			find . -name 'Makefile*' -o -name 'Kconfig*' -o -name 'Kbuild*' |
				grep -vE '^\./(Documentation|tools/testing)'
			find include arch/x86/include scripts arch/x86/entry/syscalls \
				-type f -o -type l
			find arch/x86 -name module.lds -o -name 'Makefile*'
			printf '%s\n' .config Module.symvers System.map tools/objtool/objtool
		} | sort -u | tar -c --no-recursion -T - 
	) | tar -x -C "$2"
}

build_debug() {
	codename=$(. /etc/os-release && echo "${VERSION_CODENAME-}")
	if [ "$codename" = bookworm ]; then
		apt=machine_apt
		use_machine linux-source-6.1
	else
		apt=private_apt
		use_suites bookworm
	fi
	unpack "$work/package" linux-source-6.1
	mkdir "$work/source"
	# The biggest of what x86 has no use for.
	tar -x -C "$work/source" --strip-components=1 --exclude='*.dts' \
		--exclude='*.dtsi' --exclude='*/asic_reg' --exclude='*/Documentation/[!K]*' \
		-f "$work"/package/usr/src/linux-source-6.1.tar.xz
	rm -rf "$work/package"
	cp "$here/debug-kernel.config" "$work/source/.config"
	say "building the debug kernel; this takes some minutes"
	set -- make -C "$work/source" -j "$(nproc)" KBUILD_BUILD_USER=mk KBUILD_BUILD_HOST=mk
	quietly "$@" olddefconfig
	check_config "$work/source/.config"
	quietly "$@" bzImage modules
	cp "$work/source/arch/x86/boot/bzImage" "$work/vmlinuz"
	make -s -C "$work/source" kernelrelease >"$work/release"
	mkdir "$work/build"
	keep_headers "$work/source" "$work/build"
	rm -rf "$work/source"
}

case $kernel in
6.1)
	codename=$(. /etc/os-release && echo "${VERSION_CODENAME-}")
	if [ "$codename" = bookworm ]; then
		apt=machine_apt
		use_machine linux-image-amd64
	else
		apt=private_apt
		use_suites bookworm
	fi
	fetch_kernel ''
	relocate_headers
	;;
6.12)
	apt=private_apt
	use_suites bookworm-backports
	fetch_kernel ''
	relocate_headers
	;;
latest)
	apt=private_apt
	use_suites trixie trixie-backports
	fetch_kernel /trixie-backports
	make_toolchain
	# Absolute paths hold in there, so the headers stay as they are.
	ln -s "/usr/src/linux-headers-$release" "$work/build"
	;;
debug)
	build_debug
	;;
esac
make_initramfs
if [ "$kernel" = latest ]; then
	tar -c -C "$work/root" . | tar -x -C "$work/toolchain" --keep-directory-symlink
	rm -rf "$work/root"
fi

rm -rf "$work/apt" "$log"
rm -rf "$final"
mv "$work" "$final"
say "$kernel is ready: $(cat "$final/release")"
printf '%s\n' "$final"
