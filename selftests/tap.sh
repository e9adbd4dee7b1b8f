# shellcheck shell=sh
# SPDX-License-Identifier: MIT
#
# Tests in shell scripts: source this file, call 'try NAME command...' for each
# test, and 'tap_end' last.

tap_count=0
tap_failed=0
tap_output=$(mktemp)
trap 'rm -f "$tap_output"' EXIT

# Passes when the command succeeds; what it printed is shown when it does not.
try() {
	tap_name=$1
	shift
	tap_count=$((tap_count + 1))
	if "$@" >"$tap_output" 2>&1; then
		printf 'ok %d - %s\n' "$tap_count" "$tap_name"
	else
		tap_failed=$((tap_failed + 1))
		sed 's/^/# /' "$tap_output"
		printf 'not ok %d - %s\n' "$tap_count" "$tap_name"
	fi
}

# ends_with STATUS COMMAND...
ends_with() {
	wanted=$1
	shift
	"$@"
	got=$?
	echo "status $got, expected $wanted"
	[ "$got" -eq "$wanted" ]
}

skip() {
	tap_count=$((tap_count + 1))
	printf 'ok %d - %s # SKIP %s\n' "$tap_count" "$1" "$2"
}

tap_end() {
	printf '1..%d\n' "$tap_count"
	[ "$tap_failed" -eq 0 ]
}
