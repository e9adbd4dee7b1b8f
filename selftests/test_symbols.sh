#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What the library exports, what libmk/mk.symbols lists and what the headers declare
# are the same.
#
#   test_symbols.sh LIBRARY
set -u

here=$(cd "$(dirname "$0")" && pwd)
top=${here%/*}
library=$1
export LC_ALL=C

# shellcheck source=selftests/tap.sh
. "$here/tap.sh"

listed() {
	grep -v '^#' "$top/libmk/mk.symbols"
}

# Sanitizers and the linker add names of their own; those begin otherwise.
exported() {
	nm -D --defined-only "$library" | awk '$2 != "A" && $3 !~ /^_/ { print $3 }' | sort
}

# A declaration begins with MK_PUBLIC; the first name before a parenthesis is it.
declared() {
	cat "$top"/libmk/include/mk/*.h | tr '\n' ' ' | sed 's/MK_PUBLIC/\n&/g' |
		sed -n 's/^MK_PUBLIC [^(]*[ *]\(mk_[a-z0-9_]*\)(.*/\1/p' | sort
}

same() {
	listed >"$tap_output.listed"
	"$1" >"$tap_output.other"
	sed -i "$2" "$tap_output.listed"
	diff -u "$tap_output.listed" "$tap_output.other"
	result=$?
	rm -f "$tap_output.listed" "$tap_output.other"
	return "$result"
}

is_sorted() {
	listed | sort -c -u
}

try 'mk.symbols is sorted' is_sorted
try 'the library exports what mk.symbols lists' same exported ''
try 'the headers declare what mk.symbols lists' same declared 's/@@.*//'
tap_end
