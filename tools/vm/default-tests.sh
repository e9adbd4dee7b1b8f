#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What tools/vmtest.sh runs in its guest when it is not told anything else: the tests of
# mk.ko, and those of the library's that make sense on memory of its, in build/.
#
#   tools/vm/default-tests.sh [CTEST_ARGUMENT...]
#
# Prints TAP and ctest's output.
set -u

cd "$(dirname "$0")/../.." || exit 1
status=0

make --no-print-directory -C selftests run_tests || status=1

# Under emulation lavapipe compiles for longer than it runs.
export GALLIVM_PERF=nopt LP_NATIVE_VECTOR_WIDTH=128

if [ -f build/CTestTestfile.cmake ] && command -v ctest >/dev/null; then
	MK_BACKING=kmod ctest --test-dir build -V --no-tests=error -L '^kmod$' "$@" ||
		status=1
else
	echo 'ok - the library on memory of mk.ko # SKIP nothing is built in build/'
fi
exit $status
