#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Builds mk.ko against one of the kernels of tools/vm/kernel.sh, apart from the sources,
# and puts the modules that come of it into a folder:
#
#   tools/vm/module.sh [OPTION]... KERNEL FOLDER [VARIABLE=VALUE]...
#
#   --source FOLDER   build what is there instead of kmod/
#   --sparse          look at it with sparse too
#
# The variables go to make.  Warnings are errors.  Prints nothing unless it fails.
#
# shellcheck disable=SC2016 # single quotes: for a shell to come
set -eu

here=$(cd "$(dirname "$0")" && pwd)
source=$here/../../kmod
sparse=

die() {
	printf 'module: %s\n' "$*" >&2
	exit 1
}

while :; do
	case ${1-} in
	--source)
		source=${2:?--source wants a folder}
		shift 2
		;;
	--sparse)
		sparse=1
		shift
		;;
	*) break ;;
	esac
done
if [ $# -lt 2 ]; then
	sed -n '4,13s/^# \{0,1\}//p' "$0" >&2
	exit 2
fi
kernel=$1
folder=$2
shift 2

[ -f "$source/Kbuild" ] || die "no Kbuild in $source"
command -v make >/dev/null || die "there is no make; run tools/setup.sh --test"
prepared=$("$here/kernel.sh" "$kernel")

work=$(mktemp -d "${TMPDIR:-/tmp}/mk-module.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
log=$work/log
build=$work/mk
mkdir "$build"

# What was built in the tree for another kernel would only be in the way.
tar -c -C "$source" --exclude='*.o' --exclude='*.ko' --exclude='*.mod' \
	--exclude='*.mod.c' --exclude='.*.cmd' --exclude='Module.symvers' \
	--exclude='modules.order' . | tar -x -C "$build"

set -- W=1 KCFLAGS=-Werror CONFIG_DEBUG_INFO_BTF_MODULES= "$@"
[ "$kernel" != debug ] || set -- UBSAN_SANITIZE=y "$@"
[ -z "$sparse" ] || set -- C=2 CF=-Wsparse-error "$@"
set -- make -j "$(nproc)" "$@"

# Newer kernels' tools need a newer libc than the machine's, hence a root for them.
# What is mounted there is seen by nobody else.  In a chroot that cannot be had, so
# runs wait for one another and undo what they mounted.
in_toolchain() {
	set -- "$prepared/toolchain" "$build" "$@"
	exec 8<"$1"
	flock 8
	user=
	[ "$(id -u)" -eq 0 ] || user=--map-root-user
	propagation=private
	unshare $user --mount true 2>/dev/null || propagation=unchanged
	unshare $user --mount --propagation $propagation --pid --fork sh -uc '
		root=$1
		mount -t proc proc "$root/proc" &&
			mount --bind /dev/null "$root/dev/null" &&
			mount -t tmpfs tmpfs "$root/tmp" &&
			mount --bind "$2" "$root/mnt" && {
				shift 2
				chroot "$root" /usr/bin/env -i PATH=/usr/bin:/bin "$@"
			}
		result=$?
		umount "$root/mnt" "$root/tmp" "$root/dev/null" "$root/proc"
		exit $result
	' in_toolchain "$@"
}

if [ -d "$prepared/toolchain" ]; then
	in_toolchain "$@" -C "$(readlink "$prepared/build")" M=/mnt modules >"$log" 2>&1
else
	"$@" -C "$prepared/build" M="$build" modules >"$log" 2>&1
fi || {
	cat "$log" >&2
	die "mk.ko does not build against $(cat "$prepared/release")"
}
mkdir -p "$folder"
cp "$build"/*.ko "$folder/"
