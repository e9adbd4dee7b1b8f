#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Runs a test with contexts all of whose memories, the cq too, a Vulkan driver allocates:
#
#   driver_cq.sh MKBENCH COMMAND [argument...]
#
# by the first such placement of the first device.
set -u

mkbench=$1
shift

probe=$("$mkbench" probe --json) || {
	echo 'mkbench probe failed'
	exit 1
}
# "number" comes before "placement".
MK_PLACEMENT=$(printf '%s\n' "$probe" | awk '
	/"number":/ { gsub(/[^0-9]/, ""); number = $0 }
	/"placement":.*, cq (too|in )/ { print number; exit }')
[ -n "$MK_PLACEMENT" ] || {
	echo 'no device has a placement whose cq its driver allocates'
	exit 4
}
export MK_PLACEMENT MK_BACKING=device
exec "$@"
