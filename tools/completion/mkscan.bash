# SPDX-License-Identifier: MIT
# bash completion for mkscan

_mkscan()
{
	local current=${COMP_WORDS[COMP_CWORD]}
	local previous=${COMP_WORDS[COMP_CWORD - 1]}
	local words=

	# Readline splits at '=', so that a value may stand after it as a word.
	if [[ $current == = ]]; then
		current=
	elif [[ $previous == = ]]; then
		previous=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	case $previous in
	--engine) words="vulkan cpu" ;;
	--device) words=$(compgen -G '/dev/dri/renderD*') ;;
	--io) words="host device" ;;
	-e | --pattern | --workgroups | --block-bytes) return ;;
	*)
		if [[ $current == -* && $previous != -f && $previous != --pattern-file ]]; then
			words="--pattern= --pattern-file= --json --verbose --engine= --io= --device=
				--workgroups= --block-bytes= --help --usage --version"
		fi
		;;
	esac
	if [[ $words ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
		[[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace
	else
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		compopt -o filenames
	fi
	return 0
}
complete -F _mkscan mkscan
