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
	--device) words=$(compgen -G '/dev/dri/renderD*') ;;
	--import) words="auto dma-buf host-pointer" ;;
	--operation) words="nop add" ;;
	--file)
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		return
		;;
	--directory)
		mapfile -t COMPREPLY < <(compgen -d -- "$current")
		return
		;;
	--workgroups | --seconds | --samples | --slots | --producers) return ;;
	*)
		words="latency throughput batch handover park io trace probe kmod --json --engine=
			--device= --import= --workgroups= --slots= --producers=
			--operation= --seconds= --samples= --file= --directory= --help --version"
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
	[[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace
	return 0
}
complete -F _mkbench mkbench
