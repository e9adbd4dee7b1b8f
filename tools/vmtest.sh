#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Runs a command in a guest with another kernel, in which mk.ko is loaded:
#
#   tools/vmtest.sh [OPTION]... [--] [COMMAND...]
#
#   --kernel KERNEL       6.1 (Debian 12's; the default), 6.12 (its backports'), latest
#                         (of Debian 13's backports), debug (6.1 with KASAN, lockdep,
#                         kmemleak, fault injection, KUnit; building it takes 8 minutes
#                         the first time)
#   --memory MIB          the guest's memory; 1024 unless said
#   --timeout SECONDS     how long the command may take; 300 unless said, 900 for what
#                         runs when none is given
#   --module-args ARGS    arguments of mk.ko
#   --make VARIABLE=VALUE for building mk.ko; may be given more than once
#   --source FOLDER       build mk.ko from there and not from kmod/
#   --no-leaks            'debug': do not look for leaked memory, which takes a minute
#   --log FILE            keep the kernel's log there
#   --build-only          build mk.ko and run nothing
#   --sparse              look at the module with sparse while building it
#
# For example:
#
#   tools/vmtest.sh --kernel 6.12 -- build/examples/mkscan -e GNU README.md
#
# The guest is QEMU's, without KVM, with two processors.  Its root is the host's, where
# changes are forgotten; the command runs as root in the same folder as here.  Variables
# whose names begin with MK_ are passed on.  What it leaves in the folder $MK_VM_OUT is
# kept, and the kernel's log besides.  Modules lie in /run/mk-vm/modules.
#
# The command's output is the output.  Afterwards mk.ko must unload, and the kernel's
# log must be free of complaints.  Without a command: tools/vm/default-tests.sh.
#
# The exit status is the command's, or 124 if it took too long, or 99 if there was
# anything else to complain about; 2 is a wrong call.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
began=$(date +%s)

usage() {
	sed -n '4,38s/^# \{0,1\}//p' "$0"
}

say() {
	printf 'vmtest: %s\n' "$*" >&2
}

die() {
	say "$@"
	exit 99
}

wrong() {
	say "$*; see --help"
	exit 2
}

number() {
	case $2 in
	'' | *[!0-9]* | 0*) wrong "$1 wants a number, not '$2'" ;;
	esac
}

kernel=6.1
memory=1024
timeout=
arguments=
leaks=1
log=
source=$here/../kmod
build_only=
sparse=
make=
while [ $# -gt 0 ]; do
	case $1 in
	--kernel | --memory | --timeout | --module-args | --make | --source | --log)
		[ $# -gt 1 ] || wrong "$1 wants a value"
		;;
	esac
	case $1 in
	--kernel)
		case $2 in
		6.1 | 6.12 | latest | debug) kernel=$2 ;;
		*) wrong "there is no kernel '$2'" ;;
		esac
		shift
		;;
	--memory)
		number "$1" "$2"
		memory=$2
		shift
		;;
	--timeout)
		number "$1" "$2"
		timeout=$2
		shift
		;;
	--module-args)
		arguments=$2
		shift
		;;
	--make)
		case $2 in
		*[[:space:]]*) wrong "--make wants no blanks in '$2'" ;;
		?*=*) make="$make $2" ;;
		*) wrong "--make wants VARIABLE=VALUE, not '$2'" ;;
		esac
		shift
		;;
	--source)
		[ -f "$2/Kbuild" ] || wrong "there is no Kbuild in '$2'"
		source=$2
		shift
		;;
	--log)
		log=$2
		shift
		;;
	--no-leaks) leaks= ;;
	--build-only) build_only=1 ;;
	--sparse) sparse=--sparse ;;
	-h | --help)
		usage
		exit 0
		;;
	--)
		shift
		break
		;;
	-*) wrong "there is no option '$1'" ;;
	*) break ;;
	esac
	shift
done
# The tests would take minutes to compile in a guest.
if [ $# -eq 0 ] && [ -z "$build_only" ]; then
	set -- "$here/vm/default-tests.sh"
	timeout=${timeout:-900}
	make -s -C "$here/../selftests" >&2 || die "the tests of mk.ko do not build"
fi
timeout=${timeout:-300}

if [ -z "$build_only" ]; then
	command -v qemu-system-x86_64 >/dev/null ||
		die "there is no qemu-system-x86_64; run tools/setup.sh --test"
fi
prepared=$("$here/vm/kernel.sh" "$kernel") || die "there is no kernel to run"
release=$(cat "$prepared/release")

# Whatever happens, nothing is left running and nothing lies around.
work=$(mktemp -d "${TMPDIR:-/tmp}/mk-vmtest.XXXXXX")
guard=
clean() {
	[ -z "$guard" ] || kill "$guard" 2>/dev/null || :
	[ ! -s "$work/pid" ] || kill "$(cat "$work/pid")" 2>/dev/null || :
	rm -rf "$work"
}
trap clean EXIT
trap 'exit 99' HUP INT TERM

guest=$work/guest/vm
mkdir -p "$guest/modules"
# shellcheck disable=SC2086 # lists of words
"$here/vm/module.sh" $sparse --source "$source" "$kernel" "$guest/modules" $make ||
	die "no module for $release"
[ -z "$build_only" ] || exit 0

# A word as a shell reads it.
quoted() {
	printf "'%s'" "$(printf '%s\n' "$1" | sed "s/'/'\\\\''/g")"
}

# The folders of this run, where a tmpfs of the guest would hide them.
keep=
for folder in "$(cd "$here/.." && pwd -P)" "$(pwd -P)"; do
	case $folder in
	*[[:space:]]*) die "a folder with blanks in its name cannot be had in a guest: $folder" ;;
	/tmp/* | /run/* | /dev/shm/*) keep="$keep $folder" ;;
	esac
done

out=${MK_VM_OUT-}
if [ -n "$out" ]; then
	mkdir -p "$out"
	out=$(cd "$out" && pwd -P)
	MK_VM_OUT=$out
	export MK_VM_OUT
	[ -n "$log" ] || log=$out/kernel.log
	case $out in
	*[[:space:],]*) die "MK_VM_OUT may have no blanks or commas in its name: $out" ;;
	esac
fi

# What the udev rule says of the device.
rule() {
	cat "$source"/*.rules 2>/dev/null |
		sed -n "s/^KERNEL==\"mk\".*$1=\"\([^\"]*\)\".*/\1/p"
}

mode=$(rule MODE)
group=$(rule GROUP)
cat >"$guest/settings" <<END
allowance=$timeout
leaks=$leaks
out=$(quoted "$out")
keep=$(quoted "$keep")
mode=${mode:-0660}
group=${group:-render}
END
printf '%s\n' "$arguments" >"$guest/arguments"
{
	echo "cd $(quoted "$(pwd -P)") || exit 127"
	echo "export PATH=$(quoted "$PATH") HOME=$(quoted "${HOME:-/root}") TERM=dumb"
	awk 'BEGIN {
		for (name in ENVIRON) {
			if (name !~ /^MK_[A-Za-z0-9_]*$/)
				continue
			value = ENVIRON[name]
			gsub(/\047/, "\047\\\047\047", value)
			printf "export %s=\047%s\047\n", name, value
		}
	}'
	printf exec
	for word; do
		printf ' %s' "$(quoted "$word")"
	done
	echo
} >"$guest/command"
cp "$here/vm/init.sh" "$work/guest/init"
chmod 755 "$work/guest/init"
mkdir "$work/guest/bin"
for applet in awk cat chmod chown chroot cp grep hostname insmod ip ln mkdir mkfifo mount \
	reboot rmmod sed setsid sh sleep sync; do
	ln -s busybox "$work/guest/bin/$applet"
done

# Archives that follow one another are unpacked over one another.
{
	cat "$prepared/initramfs"
	(cd "$work/guest" && find . | "$prepared/busybox" cpio -o -H newc 2>/dev/null) |
		gzip -1
} >"$work/initramfs"

# Time besides the command's: to boot, to look for leaks, and for a busy machine.
grace=90
append="console=ttyS0 panic=-1 oops=panic printk.devkmsg=on random.trust_cpu=on"
# An interrupt that nobody knows comes from here, to see where a dead guest hangs.
append="$append unknown_nmi_panic panic_print=0x40"
# An emulated processor on a busy machine stands still for long at times.  The kernel
# would even take its timer for broken.
append="$append watchdog_thresh=30 rcupdate.rcu_cpu_stall_timeout=60 no_timer_check"
if [ "$kernel" = debug ]; then
	grace=300
	bus=device
	append="$append tsc=unstable reboot=t"
	[ -n "$leaks" ] || append="$append kmemleak=off"
	set -- -M microvm,acpi=off,rtc=on -global virtio-mmio.force-legacy=false
else
	bus=pci
	set -- -M pc
fi
set -- "$@" -nodefaults -no-user-config -display none -no-reboot -pidfile "$work/pid" \
	-accel tcg,thread=multi -cpu max -smp 2 -m "$memory" \
	-kernel "$prepared/vmlinuz" -initrd "$work/initramfs" -append "$append" \
	-chardev "file,id=log,path=$work/kernel.log" -serial chardev:log \
	-chardev "pipe,id=monitor,path=$work/monitor" -mon chardev=monitor \
	-chardev "file,id=status,path=$work/status" -chardev file,id=out,path=/proc/self/fd/5 \
	-device "virtio-serial-$bus" -device virtserialport,chardev=status,name=mk.status \
	-device virtserialport,chardev=out,name=mk.out \
	-fsdev local,id=root,path=/,security_model=none,readonly=on,multidevs=remap \
	-device "virtio-9p-$bus,fsdev=root,mount_tag=mk.root"
[ -z "$out" ] ||
	set -- "$@" -fsdev "local,id=share,path=$out,security_model=none,multidevs=remap" \
		-device "virtio-9p-$bus,fsdev=share,mount_tag=mk.share"

# In the background, so that a signal to this script is seen at once.
: >"$work/status"
: >"$work/kernel.log"
booting=$(date +%s)
mkfifo "$work/monitor.in" "$work/monitor.out"
{
	{
		timeout -k 5 $((timeout + grace + 15)) qemu-system-x86_64 "$@" \
			5>&1 >"$work/qemu.log" 2>&1 </dev/null || echo $? >"$work/failed"
	} | cat
} &
running=$!
{
	trap 'kill "$sleep"; exit' TERM
	sleep $((timeout + grace)) &
	sleep=$!
	wait $sleep
	echo nmi 1<>"$work/monitor.in"
} >/dev/null 2>&1 &
guard=$!
wait $running
kill $guard 2>/dev/null || :
guard=

[ -z "$log" ] || tr -d '\r' <"$work/kernel.log" >"$log"

status() {
	sed -n "s/^$1 \{0,1\}//p" "$work/status"
}

tail_of_log() {
	printf '%s\n' '--- the end of the kernel log' >&2
	tail -n 40 "$work/kernel.log" | tr -d '\r' >&2
}

failed=
complain() {
	say "$release: $*"
	failed=99
}

code=$(status exit)
if [ -s "$work/failed" ] && [ "$(cat "$work/failed")" -ne 124 ]; then
	cat "$work/qemu.log" >&2
	complain "QEMU ended with $(cat "$work/failed")"
elif ! grep -q '^done' "$work/status"; then
	if [ $(($(date +%s) - booting)) -ge $((timeout + grace)) ]; then
		complain "the guest did not end within $((timeout + grace)) s"
	else
		complain "the guest ended early"
	fi
	[ -z "$(status failed)" ] || say "$(status failed)"
	tail_of_log
fi

awk -f "$here/vm/complaints.awk" "$work/kernel.log" >"$work/complaints"
if [ -s "$work/complaints" ]; then
	complain "the kernel complains:"
	cat "$work/complaints" >&2
fi

# Bits: a bad page, an oops, a warning, a lockup.
taint=$(status taint)
[ $((${taint:-0} & (32 | 128 | 512 | 16384))) -eq 0 ] || [ -n "$failed" ] ||
	complain "the kernel is tainted: $taint"

stuck=$(status stuck)
[ -z "$stuck" ] || complain "mk.ko does not unload: $stuck"

# Addresses in code that is gone by now are looked up in what its symbols were.  The
# last eight digits tell addresses of modules apart, and are numbers that awk can hold.
if grep -q '^leak' "$work/status"; then
	complain "leaked memory:"
	awk '
		function number(digits, i, value) {
			for (i = length(digits) - 7; i <= length(digits); i++)
				value = value * 16 + index("0123456789abcdef",
					substr(digits, i, 1)) - 1
			return value
		}
		$1 == "symbol" { count++; address[count] = number($2); name[count] = $4 }
		$1 != "leak" { next }
		{
			sub(/^leak /, "")
			if (match($0, /0xf[0-9a-f]+$/)) {
				value = number(substr($0, RSTART + 2))
				best = 0
				for (i = 1; i <= count; i++)
					if (address[i] <= value &&
					    (!best || address[i] > address[best]))
						best = i
				if (best && value - address[best] < 65536)
					$0 = $0 " [mk] " name[best] "+" value - address[best]
			}
			print
		}
	' "$work/status" >&2
fi

if grep -q '^timeout' "$work/status"; then
	say "$release: the command was killed after $timeout s; see the kernel's log for" \
		"what it did"
	tail_of_log
	code=124
elif [ -n "$code" ] && [ "$code" -ne 0 ]; then
	say "$release: the command ended with $code"
fi

# The command's status says more where there is one.
[ -z "$code" ] || [ "$code" -eq 0 ] || exit "$code"
[ -z "$failed" ] || exit "$failed"
say "$release: all well; $(($(date +%s) - began)) s, of which" \
	"$(status booted) s to boot"
