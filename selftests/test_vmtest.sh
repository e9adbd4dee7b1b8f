#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tools/vmtest.sh notices what goes wrong: how it is called, and what a kernel's log says.
# With MK_SLOW also in a guest, which takes a minute: what becomes of a command that
# fails, one that does not end, and a kernel that dies.
set -u

tools=$(cd "$(dirname "$0")/../tools" && pwd)
# shellcheck source=selftests/tap.sh
. "$(dirname "$0")/tap.sh"

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work" "$tap_output"' EXIT

# ends STATUS WORDS ARGUMENT...: what it says on standard error has the words.
ends() {
	wanted=$1
	words=$2
	shift 2
	"$tools/vmtest.sh" "$@" >"$work/out" 2>"$work/err" </dev/null
	status=$?
	echo "status $status, wanted $wanted with '$words':"
	cat "$work/err"
	[ $status -eq "$wanted" ] && grep -q -e "$words" "$work/err"
}

complaints() {
	awk -f "$tools/vm/complaints.awk" >"$work/complaints"
}

# complains LINE: among lines that are none.
complains() {
	{
		echo '[    0.000000] Linux version 6.1.0'
		printf '[   12.345678] %s\r\n' "$1"
		echo '[   13.000000] mk-vm: the command is done: 0'
	} | complaints
	grep -qF -- "$1" "$work/complaints"
}

# A log in which memory runs out, as tests want it to, and in which failures to boot
# faster are told.
is_silent() {
	complaints <<-'END'
		[    0.000000] kasan: KernelAddressSanitizer initialized
		[    0.200000] Spectre V2 : WARNING: not really
		[    0.300000] RCU CPU stall warnings timeout set to 60 (rcu_cpu_stall_timeout).
		[    3.100000] mk: loading out-of-tree module taints kernel.
		[    3.200000] debugfs: nothing of it is a bug
		[    4.000000] sh: page allocation failure: order:0, mode:0xcc0(GFP_KERNEL)
		[    4.000000] Call Trace:
		[    4.000000]  dump_stack_lvl+0x44/0x5c
		[    5.000000] sh invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0
		[    5.000000] Call Trace:
		[    6.000000]     ok 1 mk_geometry
		[    7.000000] mk-vm: the command has had its 5 s; what runs, and what waits:
		[    7.000000] Call Trace:
		[    7.100000] mk-vm: the command is done: 137
	END
	cat "$work/complaints"
	[ ! -s "$work/complaints" ]
}

# One excuse is for one trace.
excuses_one() {
	{
		echo '[    4.000000] sh: page allocation failure: order:0, mode:0xcc0'
		echo '[    4.000000] Call Trace:'
		echo '[    9.000000] Call Trace:'
	} | complaints
	[ "$(cat "$work/complaints")" = '[    9.000000] Call Trace:' ]
}

try 'an unknown option' ends 2 'no option' --nonsense
try 'an unknown kernel' ends 2 'no kernel' --kernel 5.10
try 'an option without its value' ends 2 'wants a value' --timeout
try 'no number' ends 2 'wants a number' --memory lots
try 'no variable' ends 2 'VARIABLE=VALUE' --make CONFIG_MK
try 'no sources' ends 2 'no Kbuild' --source "$work"

try 'a log without complaints' is_silent
try 'one failed allocation excuses one trace' excuses_one
while IFS= read -r line; do
	try "complains: $line" complains "$line"
done <<'END'
WARNING: CPU: 1 PID: 142 at mm/page_alloc.c:5541 __alloc_pages+0x1dc/0x330
BUG: kernel NULL pointer dereference, address: 0000000000000000
BUG: KASAN: use-after-free in mk_release+0x154/0x170 [mk]
BUG: sleeping function called from invalid context at kernel/locking/mutex.c:580
BUG: soft lockup - CPU#0 stuck for 67s! [sh:142]
BUG: Bad page state in process sh  pfn:0a3f1
BUG kmalloc-64 (Tainted: G           OE     ): Right Redzone overwritten
kernel BUG at mm/slub.c:435!
Oops: 0002 [#1] PREEMPT SMP NOPTI
general protection fault, probably for non-canonical address 0xdead000000000100
Kernel panic - not syncing: on purpose
UBSAN: shift-out-of-bounds in geometry.c:10:2
WARNING: possible circular locking dependency detected
INFO: possible recursive locking detected
WARNING: inconsistent lock state
WARNING: suspicious RCU usage
INFO: task sh:155 blocked for more than 61 seconds.
INFO: trying to register non-static key.
rcu: INFO: rcu_preempt detected stalls on CPUs/tasks: { 1-... } (detected by 0, t=15002 jiffies)
refcount_t: underflow; use-after-free.
list_add corruption. next->prev should be prev (ff1100000a8ac000), but was 0000000000000000.
Call Trace:
    not ok 3 mk_geometry_is_refused
END

if [ -n "${MK_SLOW-}" ]; then
	try 'a command that fails' ends 7 'the command ended with 7' -- sh -c 'exit 7'
	try 'a command that does not end' ends 124 'killed after 3 s' \
		--timeout 3 -- sleep 1000
	try 'a kernel that dies' ends 99 'Kernel panic' -- \
		sh -c 'echo c >/proc/sysrq-trigger; sleep 1000'
else
	skip 'in a guest' 'takes a minute; set MK_SLOW'
fi
tap_end
