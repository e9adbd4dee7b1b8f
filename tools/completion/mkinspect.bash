# SPDX-License-Identifier: MIT
# bash completion for mkinspect

_mkinspect_verbs()
{
	case $1 in
	ctx) echo "list show" ;;
	control | ring | ioq | log | cq) echo "show dump watch diff" ;;
	producers | tenants | metrics | stats) echo "show watch diff" ;;
	probe | doctor) echo "show" ;;
	snapshot) echo "save show" ;;
	esac
}

# Options of the commands that have to do with traces.
_mkinspect_options()
{
	case $1 in
	record) echo "--output= --replay --ring-bytes= --json --help" ;;
	replay) echo "--engine= --handlers= --device= --context= --timeout= --json --help" ;;
	export) echo "--perfetto --output= --context= --help" ;;
	esac
}

_mkinspect_command()
{
	local current=$1 previous=$2 words=

	case $previous in
	--engine) words="cpu vulkan" ;;
	--device) words=$(compgen -G '/dev/dri/renderD*') ;;
	--context | --timeout | --ring-bytes) return ;;
	--handlers | -o | --output) ;;
	*) [[ $current == -* ]] && words=$(_mkinspect_options "${COMP_WORDS[1]}") ;;
	esac
	if [[ $words ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
		[[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace
	else
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		compopt -o filenames
	fi
}

_mkinspect()
{
	local current=${COMP_WORDS[COMP_CWORD]}
	local previous=${COMP_WORDS[COMP_CWORD - 1]}
	local objects="ctx control ring ioq log cq producers tenants metrics stats probe
		snapshot doctor"
	local commands="record replay export"
	local word words object=

	# Readline splits at '=', so that a value may stand after it as a word.
	if [[ $current == = ]]; then
		current=
	elif [[ $previous == = ]]; then
		previous=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	if [[ $COMP_CWORD -gt 1 && " $commands " == *" ${COMP_WORDS[1]} "* ]]; then
		_mkinspect_command "$current" "$previous"
		return 0
	fi
	for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		[[ -z $object && " ${objects//$'\n'/ } " == *[[:space:]]"$word"[[:space:]]* ]] &&
			object=$word
	done
	case $previous in
	--status) words="EMPTY PUBLISHED CLAIMED DONE WAIT_IO YIELD REQUEUE FAULT OK ERROR" ;;
	--priority) words="CRITICAL HIGH NORMAL LOW IDLE" ;;
	--opcode)
		words="NOP STORE_U32 ATOMIC_ADD LOAD_U32 COMPARE_SWAP MEMCPY DFA_STEP
			BATCH_FENCE IO_READ IO_WRITE IO_FENCE LOAD_MISS PRINTF
			PACKED_SLOT SHUTDOWN"
		;;
	--file | --formats | --socket | save | diff | *.mksnap)
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		return
		;;
	--device) words=$(compgen -G '/dev/dri/renderD*') ;;
	--pid) words=$(cd /proc && echo [0-9]*) ;;
	--id | --token | --interval | --count | --tenant) return ;;
	*)
		words="--id= --pid= --token= --socket= --file= --json --pretty --interval=
			--count= --status= --opcode= --tenant= --priority= --all
			--formats= --follow --arena --device= --help --version"
		if [[ -z $object ]]; then
			words+=" $objects"
			[[ $COMP_CWORD -eq 1 ]] && words+=" $commands"
		else
			words+=" $(_mkinspect_verbs "$object")"
		fi
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
	[[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace
	return 0
}
complete -F _mkinspect mkinspect
