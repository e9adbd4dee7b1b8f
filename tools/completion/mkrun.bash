# SPDX-License-Identifier: MIT
# bash completion for mkrun

_mkrun()
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
	--backing) words="auto memfd kmod device" ;;
	--roles) words="producer observer engine producer,observer" ;;
	--snapshots)
		mapfile -t COMPREPLY < <(compgen -d -- "$current")
		return
		;;
	--handlers | --formats | --io)
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		return
		;;
	--name | -n | --tenant | --slots | --window-slots | --log-records | --io-slots | \
		--io-request-slots | --observables | --arena | --placement | \
		--workgroups | --park-after | --restart | --interval) return ;;
	*)
		words="--name= --roles= --tenant= --allow-shutdown --slots= --window-slots=
			--log-records= --io-slots= --io-request-slots= --observables= --arena=
			--engine= --device= --handlers= --backing= --placement= --import=
			--workgroups= --park-after= --io= --restart= --formats= --snapshots= --interval=
			--json --quiet --help --version"
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
	[[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace
	return 0
}
complete -F _mkrun mkrun
