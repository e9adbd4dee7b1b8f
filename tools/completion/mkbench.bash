# SPDX-License-Identifier: MIT
# bash completion for mkbench

_mkbench()
{
	local current=${COMP_WORDS[COMP_CWORD]}
	local previous=${COMP_WORDS[COMP_CWORD - 1]}
	local words

	# Readline splits at '=', so that a value may stand after it as a word.
	if [[ $current == = ]]; then
		current=
	elif [[ $previous == = ]]; then
		previous=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	case $previous in
	--engine) words="vulkan cpu" ;;
	--import) words="auto dma-buf host-pointer" ;;
	--device | --workgroups | --seconds | --samples | --slots) return ;;
	*)
		words="latency throughput kmod --json --engine= --device= --import=
			--workgroups= --seconds= --samples= --slots= --help --version"
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
	[[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace
	return 0
}
complete -F _mkbench mkbench
