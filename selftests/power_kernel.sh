#!/bin/sh
# SPDX-License-Identifier: MIT
# Compile the resident kernel of the tree $1 with power_ordering.glsl, into $2/power_kernel.h:
# as mkcc finds its shaders beside itself, in a copy of them there.
set -eu

source=$1
tree=$2

rm -rf "$tree/tools" "$tree/shaders" "$tree/kmod"
mkdir -p "$tree/tools" "$tree/shaders" "$tree/kmod/include"
cp "$source/tools/mkcc" "$tree/tools"
cp "$source"/shaders/*.glsl "$source"/shaders/*.h "$source/shaders/kernel.comp" "$tree/shaders"
cp -r "$source/kmod/include/uapi" "$tree/kmod/include"
mv "$tree/shaders/ordering.glsl" "$tree/shaders/ordering_itself.glsl"
cp "$source/selftests/power_ordering.glsl" "$tree/shaders/ordering.glsl"
cp "$source/selftests/reset_power.h" "$tree/shaders"
"$tree/tools/mkcc" --vn power_kernel_spirv -o "$tree/power_kernel.h"
