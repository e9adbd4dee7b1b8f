#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Installs what mk needs on Debian and its derivatives.
#
#   tools/setup.sh          what building mk, the quick start and the first run need
#   tools/setup.sh --test   also what tools/check.sh needs
#
# Does nothing, and needs no rights, when everything is there already.
#
# shellcheck disable=SC2016 # formats in single quotes are dpkg's and apt's
set -eu

# The oldest Mesa whose lavapipe imports DMA-bufs and runs loops without a limit.
# mk runs on older ones too (see tools/stock-mesa.sh), with less speed.
mesa_wanted=24

# Packages that all name the same thing everywhere; Mesa is seen to apart.
build_packages='gcc libc6-dev cmake ninja-build pkg-config git
	glslang-tools spirv-tools libvulkan-dev liburing-dev
	libjson-c-dev libcmocka-dev libzstd-dev libxxhash-dev libncurses-dev
	jq'
test_packages='g++ clang clang-format shellcheck vulkan-validationlayers
	util-linux spin gnuplot-nox python3 python3-jsonschema'
# Guests, and kernels and modules for them.
test_packages="$test_packages qemu-system-x86 make sparse xz-utils perl libelf-dev
	flex bison bc mount"
mesa_package=mesa-vulkan-drivers
# Of Mesa too, for tests: a card for RADV that is none.  Not every release has it.
shim_package=
# Of exactly the version of the libdrm2 that Mesa needs, so it is installed after that.
drm_package=libdrm-dev

usage() {
	sed -n '4,9s/^# \{0,1\}//p' "$0"
}

say() {
	printf 'setup: %s\n' "$*"
}

die() {
	printf 'setup: %s\n' "$*" >&2
	exit 1
}

packages=$build_packages
case ${1-} in
'') ;;
--test)
	packages="$packages $test_packages"
	shim_package=mesa-drm-shim
	;;
-h | --help)
	usage
	exit 0
	;;
*)
	usage >&2
	exit 2
	;;
esac

# Prints those of the named packages that are not installed.
missing() {
	for package; do
		dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null |
			grep -qx installed || printf '%s ' "$package"
	done
}

# Whether a version of Mesa is new enough.
recent() {
	dpkg --compare-versions "$1" ge "$mesa_wanted"
}

mesa_installed() {
	dpkg-query -W -f '${Version}\n' "$mesa_package" 2>/dev/null | head -n 1
}

# The newest version of Mesa that the configured sources offer.
mesa_offered() {
	apt-cache madison "$mesa_package" 2>/dev/null |
		awk '{ print $3 }' | sort -rV | head -n 1
}

as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

# A machine's other sources may be broken without being our concern, so a failed
# update is only reported: installing says what is really missing.
apt_update() {
	as_root apt-get update -q "$@" >"$log" 2>&1 || {
		say "'apt-get update' did not go through whole:"
		grep -E '^(E|W|Err)' "$log" || :
	}
}

apt_install() {
	# Two runs of apt at the same time wait for each other.
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y \
		--no-install-recommends -o DPkg::Lock::Timeout=300 "$@" >"$log" 2>&1 || {
		tail -n 20 "$log" >&2
		die "'apt-get install' failed; its last lines are above"
	}
}

install_drm() {
	version=$(dpkg-query -W -f '${Version}\n' libdrm2 | head -n 1)
	apt_install "$drm_package=$version"
}

add_backports() {
	source=$("$(dirname "$0")/debian-source.sh" "$codename-backports")
	if [ -z "$source" ]; then
		say "no source of Debian's '$codename' found to derive its backports from"
		return
	fi
	case $source in
	deb\ *) file=/etc/apt/sources.list.d/mk-backports.list ;;
	*) file=/etc/apt/sources.list.d/mk-backports.sources ;;
	esac
	say "adding $codename-backports to apt's sources, in $file"
	{
		printf '# Written by tools/setup.sh of mk, for its Mesa.\n'
		printf '%s\n' "$source"
	} | as_root tee "$file" >/dev/null
	apt_update -o Dir::Etc::sourcelist="$file" -o Dir::Etc::sourceparts=- \
		-o APT::Get::List-Cleanup=0
}

# From here on $packages is split into its words, also where it is only printed.
# shellcheck disable=SC2086
command -v apt-get >/dev/null ||
	die "this is no Debian; install what these Debian packages hold:" $packages \
		"$drm_package" "$mesa_package (of version $mesa_wanted or later)"

# shellcheck disable=SC2086
absent=$(missing $packages $mesa_package $drm_package $shim_package)
installed=$(mesa_installed)
if [ -z "$absent" ] && recent "$installed"; then
	say "all is there (Mesa $installed)"
	exit 0
fi

[ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null ||
	die "installing needs root or sudo; missing: $absent"

log=$(mktemp)
trap 'rm -f "$log"' EXIT
trap 'exit 1' HUP INT TERM

say "asking apt what there is"
apt_update
# shellcheck source=/dev/null
codename=$(. /etc/os-release && echo "${VERSION_CODENAME-}")
offered=$(mesa_offered)
if ! recent "${offered:-0}"; then
	add_backports
	offered=$(mesa_offered)
fi

if [ -n "$absent" ]; then
	say "installing $absent"
fi
if [ -n "$shim_package" ] && ! apt-cache madison "$shim_package" | grep -q .; then
	say "apt offers no $shim_package; tests that need it are skipped"
	shim_package=
fi
if recent "${offered:-0}"; then
	# Backports are installed only when named.  Naming the suite, not the
	# version, lets Mesa's own dependencies come from there too.
	suite=$(apt-cache madison "$mesa_package" |
		awk -v version="$offered" '$3 == version { sub("/.*", "", $6); print $6; exit }')
	# shellcheck disable=SC2086
	apt_install $packages "$mesa_package/$suite" ${shim_package:+"$shim_package/$suite"}
else
	# shellcheck disable=SC2086
	apt_install $packages "$mesa_package" $shim_package
	say "apt offers no Mesa $mesa_wanted or later; going on with $(mesa_installed)"
fi
install_drm
say "done (Mesa $(mesa_installed))"
