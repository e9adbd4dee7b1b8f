# SPDX-License-Identifier: MIT
# bash completion for mkcc

_mkcc()
{
	local current=${COMP_WORDS[COMP_CWORD]}
	local previous=${COMP_WORDS[COMP_CWORD - 1]}

	case $previous in
	--vn) return ;;
	-o)
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		compopt -o filenames
		return 0
		;;
	esac
	if [[ $current == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "-o --vn --help" -- "$current")
	else
		mapfile -t COMPREPLY < <(
			compgen -d -- "$current"
			compgen -f -X '!*.glsl' -- "$current"
		)
		compopt -o filenames
	fi
	return 0
}
complete -F _mkcc mkcc
