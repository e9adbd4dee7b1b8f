#!/bin/busybox sh
# SPDX-License-Identifier: MIT
#
# The first process of a guest of tools/vmtest.sh.  It gives the guest the host's root,
# loads mk.ko, runs the command and looks what is left of it.  What it finds goes to the
# port 'mk.status', a line each; the command's output to the port 'mk.out'; the kernel's
# log is all that the console shows.
#
# Words in /vm/settings: allowance (seconds for the command), leaks (1: look for leaked
# memory), out (writable share, at the host's path), keep (folders to be seen though a
# tmpfs lies over them), mode and group of /dev/mk.  Beside it are modules/*.ko,
# arguments (of mk.ko), and command, a script.
#
# Starting a program takes a debug kernel a tenth of a second here, hence what the shell
# can do it does by itself.
#
# shellcheck shell=dash disable=SC2013,SC2154 # a list of words; words of the settings
export PATH=/bin
umask 022
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
hostname guest
# shellcheck source=/dev/null
. /vm/settings

# The kernel's log says what happened when.
note() {
	echo "mk-vm: $*" >/dev/kmsg
}

status() {
	echo "$*" >&3
}

leave() {
	exec 3>&-
	sync
	# QEMU ends then; QEMU's microvm knows no other way.
	reboot -f
}

die() {
	note "$*"
	status "failed $*"
	leave
}

# Whole seconds since the kernel began.
uptime() {
	read -r uptime rest </proc/uptime
	uptime=${uptime%.*}
}

# Sets status_port and out_port to the device files of virtio ports.
find_ports() {
	status_port=
	out_port=
	for port in /sys/class/virtio-ports/*; do
		name=
		[ ! -f "$port/name" ] || read -r name <"$port/name"
		case $name in
		mk.status) status_port=/dev/${port##*/} ;;
		mk.out) out_port=/dev/${port##*/} ;;
		esac
	done
	[ -c "$status_port" ] && [ -c "$out_port" ]
}

while read -r module; do
	insmod "/modules/$module.ko" || note "cannot load $module"
done </modules/order

# Ports appear some time after their driver.
tries=0
while ! find_ports; do
	tries=$((tries + 1))
	if [ $tries -gt 100 ]; then
		note "no ports to the host"
		leave
	fi
	sleep 0.1
done
exec 3>"$status_port"

# The host's root, which stays as it is, with room for changes over it.
mkdir /host /changes /all /new
mount -t 9p -o trans=virtio,version=9p2000.L,ro,msize=524288,cache=loose mk.root /host ||
	die "the host's root cannot be mounted"
mount -t tmpfs -o mode=755 changes /changes
mkdir /changes/upper /changes/work
mount -t overlay -o lowerdir=/host,upperdir=/changes/upper,workdir=/changes/work root /all ||
	die "the root cannot be mounted"
mount --bind /all /new

mount -t devtmpfs dev /new/dev
mkdir -p /new/dev/pts /new/dev/shm
mount -t devpts -o mode=620,ptmxmode=666 devpts /new/dev/pts
mount -t tmpfs -o mode=1777 shm /new/dev/shm
mount -t proc proc /new/proc
mount -t sysfs sys /new/sys
mount -t tmpfs -o mode=1777 tmp /new/tmp
mount -t tmpfs -o mode=755 run /new/run
mount -t debugfs debug /sys/kernel/debug
mount --bind /sys/kernel/debug /new/sys/kernel/debug
mount -t tracefs trace /new/sys/kernel/tracing 2>/dev/null
mount -t cgroup2 cgroup /new/sys/fs/cgroup &&
	echo '+memory' >/new/sys/fs/cgroup/cgroup.subtree_control
ln -sf /proc/self/fd /new/dev/fd
ln -sf /proc/self/fd/0 /new/dev/stdin
ln -sf /proc/self/fd/1 /new/dev/stdout
ln -sf /proc/self/fd/2 /new/dev/stderr
ip link set lo up 2>/dev/null

for folder in $keep; do
	mkdir -p "/new$folder"
	mount --bind "/all$folder" "/new$folder"
done
if [ -n "$out" ]; then
	mkdir -p "/new$out"
	mount -t 9p -o trans=virtio,version=9p2000.L,msize=524288,cache=mmap mk.share "/new$out" ||
		die "the writable share cannot be mounted"
fi
mkdir /new/run/mk-vm
cp -r /vm/. /new/run/mk-vm/

# Every word of the log goes to the console, nothing is left out for being frequent, and
# who waits a minute for a lock is told.
echo 8 >/proc/sys/kernel/printk
echo 0 >/proc/sys/kernel/printk_ratelimit
echo 60 >/proc/sys/kernel/hung_task_timeout_secs
echo 1 >/proc/sys/kernel/sysrq
# A failure that was injected is no complaint, nor is where it was.
for verbose in /sys/kernel/debug/fail*/verbose; do
	[ ! -f "$verbose" ] || echo 0 >"$verbose"
done

[ -f /sys/kernel/debug/kmemleak ] || leaks=

uptime
began=$uptime
status "booted $began"
note "loading mk.ko"
if [ -f /vm/modules/mk.ko ]; then
	# shellcheck disable=SC2046 # a list of words
	insmod /vm/modules/mk.ko $(cat /vm/arguments) || die "mk.ko cannot be loaded"
fi
# What udev would do.  A machine without udev may lack the group.
if [ -c /dev/mk ]; then
	chmod "$mode" /dev/mk
	while IFS=: read -r name _ id _; do
		[ "$name" != "$group" ] || chown "0:$id" /dev/mk
	done </new/etc/group
fi

# What is chrooted may not make user namespaces, so the root becomes that of all; from
# here on it is the current folder, and / is what it was for this process only.
cd /new || die "there is no root"
mount --move . /

# Output goes through a pipe, as a port can be opened once only, and programs like to
# open /dev/stdout.
mkfifo /output
cat </output >"$out_port" &
cat=$!
note "running the command"
setsid chroot . /bin/sh /run/mk-vm/command </dev/null >/output 2>&1 3>&- &
command=$!
(
	sleep "$allowance"
	note "the command has had its $allowance s; what runs, and what waits:"
	status timeout
	echo l >/proc/sysrq-trigger
	echo w >/proc/sysrq-trigger
	kill -9 "-$command"
	sleep 20
	die "the command cannot be killed"
) &
guard=$!
wait "$command"
code=$?
kill "$guard" 2>/dev/null
status "exit $code"
note "the command is done: $code"

# What the command left running may hold the module and the pipe.
for process in /proc/[0-9]*; do
	process=${process#/proc/}
	case $process in
	1 | "$$" | "$cat") continue ;;
	esac
	# Threads of the kernel have no program.
	[ ! -e "/proc/$process/exe" ] || kill -9 "$process" 2>/dev/null
done
wait "$cat"

# Symbols of the module, for reports about it when it is gone.
[ -z "$leaks" ] || grep '\[mk\]' /proc/kallsyms | sed 's/^/symbol /' >&3

if grep -q '^mk ' /proc/modules; then
	note "unloading mk.ko"
	# Files of killed processes are given back a little later.
	tries=0
	while ! rmmod mk 2>/dev/null; do
		tries=$((tries + 1))
		if [ $tries -gt 30 ]; then
			status "stuck $(grep '^mk ' /proc/modules)"
			break
		fi
		sleep 0.1
	done
fi

# What was allocated since the module was loaded and nothing points to any more.  The
# first scan only notes what changes; objects must be five seconds old at the second.
if [ -n "$leaks" ]; then
	note "looking for leaked memory"
	uptime
	unloaded=$uptime
	echo scan >/sys/kernel/debug/kmemleak
	uptime
	[ $((uptime - unloaded)) -gt 6 ] || sleep $((6 - uptime + unloaded))
	echo scan >/sys/kernel/debug/kmemleak
	# The kernel's clock of 250 Hz begins five minutes before it wraps.
	awk -v since="$began" '
		/^unreferenced object/ { head = $0; wanted = 0; next }
		head != "" {
			jiffies = $0
			sub(/.* jiffies /, "", jiffies)
			wanted = jiffies - 4294967296 >= (since - 300) * 250
			if (wanted) print "leak " head
			head = ""
		}
		wanted { print "leak " $0 }
	' /sys/kernel/debug/kmemleak >&3
fi
read -r taint </proc/sys/kernel/tainted
status "taint $taint"
status "done"
leave
