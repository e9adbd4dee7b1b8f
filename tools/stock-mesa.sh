#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Unpacks the Vulkan drivers that the release itself ships beside the installed ones,
# without installing them, and prints the path of lavapipe's ICD file:
#
#   icd=$(tools/stock-mesa.sh)
#   VK_DRIVER_FILES=$icd VK_ICD_FILENAMES=$icd program...
#
# Debian 12's own Mesa is 22.3.6: no DMA-buf import, and 65 535 loop iterations for a
# whole invocation.  mk must run there too, so the tests run on both.
#
# Exit status 4: this release has no Mesa of before version 24.
set -eu

package=mesa-vulkan-drivers
newer=24

say() {
	printf 'stock-mesa: %s\n' "$*" >&2
}

# The newest version that is still old.
offered() {
	apt-cache madison "$package" | awk '{ print $3 }' | sort -rV |
		while read -r version; do
			if dpkg --compare-versions "$version" lt "$newer"; then
				echo "$version"
				break
			fi
		done
}

cache=${XDG_CACHE_HOME:-${HOME:?}/.cache}/mk/stock-mesa
icd=$cache/lvp_icd.json

# The ICD file is moved into place last, so its presence says that all is there.
if [ -r "$icd" ]; then
	printf '%s\n' "$icd"
	exit 0
fi

version=$(offered)
if [ -z "$version" ] && [ "$(id -u)" -eq 0 ]; then
	# A fresh machine has no package lists yet.
	apt-get update -q >&2
	version=$(offered)
fi
if [ -z "$version" ]; then
	say "apt offers no $package of before version $newer"
	exit 4
fi

# Unpacked beside its final place, so that two runs at a time do not disturb each
# other.
mkdir -p "${cache%/*}"
work=$(mktemp -d "$cache.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

say "fetching $package $version"
if ! (cd "$work" && apt-get download -q "$package=$version") >"$work/log" 2>&1; then
	cat "$work/log" >&2
	exit 1
fi
dpkg -x "$work"/*.deb "$work/root"

library=$(cd "$work/root" && find usr/lib -name libvulkan_lvp.so)
lacking=$(ldd "$work/root/$library" | awk '/not found/ { print $1 }')
if [ -n "$lacking" ]; then
	say "lavapipe $version lacks $lacking; run tools/setup.sh first"
	exit 1
fi

# Mesa's own file names the installed path; only that line changes.
mkdir -p "$cache"
rm -rf "$cache/root"
mv "$work/root" "$cache/root"
sed "s|\"library_path\": *\"[^\"]*\"|\"library_path\": \"$cache/root/$library\"|" \
	"$cache"/root/usr/share/vulkan/icd.d/lvp_icd.*.json >"$work/icd"
mv "$work/icd" "$icd"
printf '%s\n' "$icd"
