#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The program of Documentation/userspace-api/mk.rst prints what stands there.
#
#   test_mk_example.sh PROGRAM
set -u

here=$(cd "$(dirname "$0")" && pwd)
program=$1

# shellcheck source=selftests/tap.sh
. "$here/tap.sh"

if [ ! -c /dev/mk ]; then
	echo '1..0 # SKIP there is no /dev/mk'
	exit 4
fi

promised() {
	sed -n '/^It prints::$/,/^\.\. include::/s/^    //p' \
		"$here/../Documentation/userspace-api/mk.rst"
}

prints_what_is_promised() {
	printed=$("$program") || return 1
	printf '%s\n' "$printed"
	[ -n "$printed" ] && [ "$printed" = "$(promised)" ]
}

try 'the example prints what its documentation says' prints_what_is_promised
tap_end
