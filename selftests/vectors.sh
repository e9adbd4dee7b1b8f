#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Runs a vectors runner, or says why not: vectors.sh RUNNER [argument...] FILE
for file; do :; done
if [ ! -r "$file" ]; then
	printf 'no vectors at %s\n' "$file"
	exit 4
fi
exec "$@"
