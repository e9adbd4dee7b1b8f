# shellcheck shell=sh
# SPDX-License-Identifier: MIT
#
# Where RADV is, for tests of it.
#
# shellcheck disable=SC2034 # radv_lacks is for who sources this

# find_radv OLDEST: has Vulkan's loader know RADV alone.  Where there is none of at least
# that version of Mesa, radv_lacks says so.
find_radv() {
	radv_lacks=
	radv_icd=$(find /usr/share/vulkan/icd.d /usr/local/share/vulkan/icd.d \
		-name 'radeon_icd*.json' 2>/dev/null | head -n 1)
	if [ -z "$radv_icd" ]; then
		radv_lacks='RADV is not installed, which mesa-vulkan-drivers brings'
		return 1
	fi
	export VK_DRIVER_FILES="$radv_icd" VK_ICD_FILENAMES="$radv_icd"
	# Nothing of the shaders' may come from a cache, or go there.
	export MESA_SHADER_CACHE_DISABLE=true
	radv_version=$(dpkg-query -W -f '${Version}\n' mesa-vulkan-drivers 2>/dev/null | head -n 1)
	if [ -n "$radv_version" ] && [ "${radv_version%%.*}" -lt "$1" ]; then
		radv_lacks="Mesa $1 or later is needed, and $radv_version is installed"
		return 1
	fi
}
