# SPDX-License-Identifier: MIT
# bash completion for mkinspect

_mkinspect()
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
	if [[ $COMP_CWORD -eq 1 ]]; then
		words="record replay export --help"
	else
		case $previous in
		--engine) words="cpu vulkan" ;;
		--context | --device | --timeout | --ring-bytes) return ;;
		--handlers | -o | --output) ;;
		*)
			if [[ $current == -* ]]; then
				case ${COMP_WORDS[1]} in
				record) words="--output= --replay --ring-bytes= --json --help" ;;
				replay) words="--engine= --handlers= --device= --context=
					--timeout= --json --help" ;;
				export) words="--perfetto --output= --context= --help" ;;
				esac
			fi
			;;
		esac
	fi
	if [[ $words ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
		[[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace
	else
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		compopt -o filenames
	fi
	return 0
}
complete -F _mkinspect mkinspect
