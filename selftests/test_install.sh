#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Installs a build into an empty prefix, moves it, and builds and runs a program
# against it as an outsider would: in C and in C++, by pkg-config and by CMake.
#
#   test_install.sh BUILD_DIR [CC CXX]
set -u

here=$(cd "$(dirname "$0")" && pwd)
build=$1
CC=${2-cc}
CXX=${3-c++}
export CC CXX

# shellcheck source=selftests/tap.sh
. "$here/tap.sh"

work=$(mktemp -d)
trap 'rm -rf "$work" "$tap_output"' EXIT
prefix=$work/prefix

# What pkg-config and CMake would otherwise find is not what is tested.
unset CMAKE_PREFIX_PATH PKG_CONFIG_PATH CFLAGS CXXFLAGS LDFLAGS

install_and_move() {
	cmake --install "$build" --prefix "$work/first" &&
		mv "$work/first" "$prefix" &&
		libdir=$(dirname "$(find "$prefix" -name libmk.so)")
}

has() {
	for name; do
		ls -d "$prefix/$name" || return 1
	done
}

soname_is() {
	readelf -d "$libdir/libmk.so" | grep -F "soname: [$1]" &&
		[ -e "$libdir/$1" ]
}

# What the library is linked with, a static link of it would need to know.
needs_liburing() {
	readelf -d "$libdir/libmk.so" | grep -F '[liburing.so' &&
		pkg-config --print-requires-private "$libdir/pkgconfig/libmk.pc" |
		grep '^liburing '
}

# Every header by itself, in both languages.
headers_alone() {
	for header in "$prefix"/include/mk/*.h "$prefix"/include/linux/*.h; do
		printf '#include "%s"\nextern int something;\n' "$header" >"$work/alone.h"
		$CC -std=c11 -Wall -Wextra -Wpedantic -Werror -fsyntax-only \
			-I"$prefix/include" -x c "$work/alone.h" || return 1
		$CXX -std=c++11 -Wall -Wextra -Wpedantic -Werror -fsyntax-only \
			-I"$prefix/include" -x c++ "$work/alone.h" || return 1
	done
}

# shellcheck disable=SC2046 # pkg-config prints words
by_pkg_config() {
	compiler=$1
	standard=$2
	source=$3
	$compiler -std="$standard" -Wall -Wextra -Wpedantic -Werror \
		"$here/install/$source" -o "$work/outside" \
		$(pkg-config --cflags --libs "$libdir/pkgconfig/libmk.pc") \
		-Wl,-rpath,"$libdir" &&
		"$work/outside"
}

by_cmake() {
	cmake -G Ninja -S "$here/install" -B "$work/cmake" -DCMAKE_PREFIX_PATH="$prefix" &&
		cmake --build "$work/cmake" &&
		"$work/cmake/outside_c" && "$work/cmake/outside_cc"
}

# mkcc itself has spirv-val look at what it wrote.
by_mkcc() {
	"$prefix/bin/mkcc" -o "$work/kernel.spv" "$here/install/outside.glsl" &&
		[ -s "$work/kernel.spv" ]
}

# Nothing installed may lead back into the tree that it was built in.
no_way_back() {
	! grep -rF -e "$(cd "$here/.." && pwd)/" -e "$build/" "$prefix/include" \
		"$prefix/share" "$libdir/pkgconfig" "$libdir/cmake"
}

try 'installs into an empty prefix' install_and_move
try 'headers are there' has include/mk/mk.h include/linux/mk.h include/linux/mk_abi.h
try 'soname is libmk.so.0' soname_is libmk.so.0
try 'liburing is needed, and pkg-config knows' needs_liburing
try 'each header stands alone in C and C++' headers_alone
try 'a C program builds with pkg-config and runs' by_pkg_config "$CC" c11 outside.c
try 'a C++ program builds with pkg-config and runs' by_pkg_config "$CXX" c++11 outside.cc
try 'both build with CMake and run' by_cmake
try 'mkcc compiles an operation' by_mkcc
try 'installed files name no build tree' no_way_back
tap_end
