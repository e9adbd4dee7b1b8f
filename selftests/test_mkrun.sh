#!/bin/sh
# SPDX-License-Identifier: MIT
#
# mkrun: what it hands out, what it says, and how it ends.
#
#   test_mkrun.sh BUILD_DIR cpu|vulkan
set -u

here=$(cd "$(dirname "$0")" && pwd)
build=$1
engine=$2
program=$build/tools/mkrun
client=$build/selftests/mkrun_client

# shellcheck source=selftests/tap.sh
. "$here/tap.sh"

work=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill -KILL "$pid"; rm -rf "$work" "$tap_output"' EXIT
socket=$work/socket
# What a supervisor of the tests wants is not meant for these.
unset NOTIFY_SOCKET WATCHDOG_USEC WATCHDOG_PID

# What should end by itself.
run_briefly() {
	timeout 60 "$program" --engine="$engine" --name="$socket" "$@"
}

# start OPTION...: in the background; when this returns, its first object is in $line.
start() {
	# One that a test which failed has left.
	[ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null
	rm -f "$work/out"
	mkfifo "$work/out"
	"$program" --engine="$engine" --workgroups=1 --name="$socket" --observables=8 -j \
		--interval=3600 "$@" >"$work/out" 2>"$work/err" &
	pid=$!
	exec 3<"$work/out"
	if read -r line <&3; then
		echo "$line" | tee "$work/start.json"
		return 0
	fi
	cat "$work/err"
	ended
	return 1
}

# What it said until its end is in rest.json, its exit status in $status.
ended() {
	cat <&3 >"$work/rest.json"
	exec 3<&-
	wait "$pid"
	status=$?
	pid=
	cat "$work/rest.json" "$work/err"
}

stop() {
	kill -TERM "$pid" && ended && [ "$status" -eq 0 ]
}

is() {
	echo "$1" | jq -e "$2"
}

# Options ------------------------------------------------------------------------

refuses() {
	ends_with 64 "$program" "$@" 2>"$work/err" && cat "$work/err"
}

refuses_nonsense() {
	refuses --slots 0 && refuses --slots -1 && refuses --slots 1x && refuses --arena 1X &&
		refuses --arena 99999999999999999999 && refuses --tenant 29 &&
		refuses --roles owner && refuses --roles producer, && refuses --interval 0 &&
		refuses --engine abacus && refuses --engine cpu --device x &&
		refuses --placement 1 && refuses --quiet --json && refuses word &&
		refuses --io /dev/null && grep 'without --arena' "$work/err"
}

helps() {
	"$program" --help >"$work/help" && grep '^  mkrun --name=' "$work/help" &&
		grep 'Exit status: 0' "$work/help"
}

cannot_start() {
	ends_with 1 run_briefly --io-request-slots 5000 2>"$work/err" && cat "$work/err" &&
		ends_with 1 run_briefly --arena 4K --io "$work/none" 2>"$work/err" &&
		grep 'none: No such file' "$work/err" &&
		ends_with 1 run_briefly --handlers "$0" 2>"$work/err" && grep 'is no [Ss]' "$work/err" &&
		ends_with 1 timeout 60 "$program" --engine="$engine" --name="$work/none/x" 2>"$work/err" &&
		grep 'No such file' "$work/err" && [ ! -e "$socket" ]
}

# What it hands out --------------------------------------------------------------

serves() {
	start && "$client" "$socket" add 0 100 && [ "$("$client" "$socket" observe)" = 100 ]
}

# All that is told is there, and of its kind.
reports() {
	kill -HUP "$pid" && read -r line <&3 && is "$line" \
		'.schema == 1 and .event == "status" and .slots_done == 100 and .faults == 0 and
		.clients == 2 and .restarts == 0 and .windows == 32 and .workgroups == 1 and
		.slots_per_second > 0 and .uptime_ns > 0 and
		([.name, .socket, .backing, .engine, .device, .driver, .placement, .state] |
			all(type == "string" and length > 0)) and
		(.context_id | type) == (if .backing == "memfd" then "null" else (.context_id | type) end) and
		([.pid, .live_workgroups, .faults_per_second, .dispatches,
			.dispatches_per_second, .parks, .epoch, .heartbeat, .log_dropped,
			.producers, .windows_leased, .io_requests, .io_errors, .io_in_flight,
			.io_read_bytes, .io_written_bytes] | all(type == "number")) and
		.handles == []'
}

by_id() {
	id=$(echo "$line" | jq .context_id)
	[ "$("$client" "$id" open)" = 100 ]
}

has_one_server() {
	ends_with 1 run_briefly 2>"$work/second" && grep 'a server is at .* already' "$work/second" &&
		[ "$("$client" "$socket" observe)" = 100 ]
}

stops() {
	stop && is "$(tail -n 1 "$work/rest.json")" \
		'.event == "stop" and .state == "stopped" and .slots_done == 100 and
		.socket == null' &&
		[ ! -e "$socket" ] && [ ! -e "$socket.lock" ]
}

replaces_the_dead() {
	start || return 1
	kill -KILL "$pid"
	ended
	[ -S "$socket" ] && start && "$client" "$socket" add 0 1 && stop
}

restricts_roles() {
	start --roles=observer && "$client" "$socket" observe &&
		! "$client" "$socket" add 0 1 2>"$work/client" && grep 'observer' "$work/client" &&
		stop
}

# Slots of a tenant that is not authorised stay where they are.
authorises() {
	start --tenant=3 --tenant=5 && "$client" "$socket" add 5 1 &&
		"$client" "$socket" stay 4 && "$client" "$socket" stay 0 && stop
}

shuts_down() {
	start --allow-shutdown && "$client" "$socket" run 0xffffffff && ended &&
		[ "$status" -eq 0 ] && grep 'was shut down' "$work/err"
}

answers_requests() {
	printf 'from a file of the host' >"$work/file"
	start --arena=4K --io="$work/file" --io="$work/file:w" && is "$line" \
		'(.handles | length) == 3 and .handles[0].path == null and
		.handles[1].path == .handles[2].path' || return 1
	arena=$(echo "$line" | jq '.handles[0].handle')
	file=$(echo "$line" | jq '.handles[1].handle')
	[ "$("$client" "$socket" read "$file" "$arena" 11)" = 'from a file' ] || return 1
	! "$client" "$socket" read 77 "$arena" 11 && stop && is "$(tail -n 1 "$work/rest.json")" \
		'.io_requests == 2 and .io_errors == 1 and .io_read_bytes == 11'
}

has_handlers() {
	if [ "$engine" = cpu ]; then
		file=$build/selftests/libmkrun_handlers.so
	else
		file=$work/kernel.spv
		"$here/../tools/mkcc" -o "$file" "$here/install/outside.glsl" || return 1
	fi
	start --handlers="$file" && "$client" "$socket" run 0x100 && stop
}

# says PATTERN: waits until it is on standard error
says() {
	until grep "$1" "$work/err"; do
		kill -0 "$pid" || return 1
	done
}

saves_snapshots() {
	mkdir "$work/snapshots"
	start --snapshots="$work/snapshots" && "$client" "$socket" add 0 5 || return 1
	kill -QUIT "$pid" && says 'a snapshot is in' &&
		file=$(sed -n 's/^mkrun: a snapshot is in //p' "$work/err") &&
		[ "$("$client" "$file" snapshot)" = 5 ] && rm -r "$work/snapshots" || return 1
	kill -QUIT "$pid" && says 'save a snapshot: .*No such file' && stop
}

# Supervision --------------------------------------------------------------------

# hears PATTERN: the next lines of the supervisor's, up to one like that
hears() {
	while read -r heard <&4; do
		echo "$heard"
		# shellcheck disable=SC2254 # it is a pattern
		case $heard in
		$1) return 0 ;;
		esac
	done
	return 1
}

notifies() {
	mkfifo "$work/notified"
	"$build/selftests/notify_listen" "$work/notify" >"$work/notified" &
	listener=$!
	exec 4<"$work/notified"
	hears listening && NOTIFY_SOCKET=$work/notify WATCHDOG_USEC=400000 start &&
		hears READY=1 && hears STATUS=* && hears WATCHDOG=1 && hears WATCHDOG=1 &&
		kill -HUP "$pid" && hears STATUS=* && stop && hears STOPPING=1 &&
		wait "$listener"
}

# As a user's manager reads it, which wants a directory for its sockets.
unit_is_valid() {
	unit=$build/tools/mkrun.dir/mkrun@.service
	grep '^Type=notify' "$unit" &&
		sed "s|^ExecStart=[^ ]*|ExecStart=$program|" "$unit" >"$work/mkrun@test.service" &&
		XDG_RUNTIME_DIR=$work SYSTEMD_LOG_LEVEL=warning systemd-analyze --user verify \
			--man=no "$work/mkrun@test.service" 2>"$work/verify"
	verified=$?
	cat "$work/verify"
	[ $verified -eq 0 ] && ! grep 'mkrun@' "$work/verify"
}

# Mishaps ------------------------------------------------------------------------

with_mishap() {
	mishap=$1
	shift
	MKRUN_MISHAP=$mishap LD_PRELOAD=$build/selftests/libmkrun_mishaps.so \
		ASAN_OPTIONS=${ASAN_OPTIONS-}:verify_asan_link_order=0 "$@"
}

lost() {
	with_mishap lost start --interval=0.1 --restart=2 && ended && [ "$status" -eq 2 ] &&
		is "$(jq -s 'map(.event | select(. != "status"))' "$work/rest.json")" \
			'. == ["lost", "restart", "lost", "restart", "lost", "stop"]' &&
		[ "$(grep -c 'the engine is lost' "$work/err")" -eq 3 ]
}

# Of a device that a layer of ours loses; the engine settles it by itself.
rebuilt() {
	VK_ADD_LAYER_PATH=$build/selftests/reset_layer VK_INSTANCE_LAYERS=VK_LAYER_MK_reset \
		MK_RESET_PLAN=wait:2,device:1 start --interval=0.1 || return 1
	is "$line" '.rebuilds == 0 and .rebuild_cause == null and (.queue | length) > 0' ||
		return 1
	while read -r line <&3 && ! is "$line" '.event == "rebuild"'; do :; done
	echo "$line"
	is "$line" '.rebuilds == 1 and .restarts == 0 and .interrupted == 0 and
		(.rebuild_cause | test("device lost")) and
		(.state == "running" or .state == "parked")' || return 1
	stop && grep 'the device was lost and is used again' "$work/err"
}

forced() {
	with_mishap stuck start || return 1
	kill -TERM "$pid"
	# Its socket goes first.
	while [ -e "$socket" ]; do
		kill -0 "$pid" || return 1
	done
	kill -INT "$pid" && ended
	[ "$status" -eq 130 ] && grep 'second signal' "$work/err"
}

# For people ---------------------------------------------------------------------

says_where() {
	timeout -s TERM 2 "$program" --engine="$engine" --name="$socket" --interval=0.2 \
		>"$work/text"
	cat "$work/text"
	grep "^socket  *$socket" "$work/text" && grep '^device  *[a-z]' "$work/text" &&
		[ "$(grep -c 'slots/s, 0 done, 0 faults, 0 producers' "$work/text")" -gt 2 ] &&
		grep '^stopped' "$work/text" && ! grep "$escape" "$work/text"
}

is_quiet() {
	timeout -s TERM 1 "$program" --engine="$engine" --name="$socket" --interval=0.1 -q \
		>"$work/text" 2>&1
	[ ! -s "$work/text" ]
}

escape=$(printf '\033')

# on_terminal VARIABLES...: what a person would see
on_terminal() {
	env "$@" script -qec "timeout -s TERM 1 $program --engine=$engine --name=$socket \
		--interval=0.1" /dev/null >"$work/screen" </dev/null
	cat -v "$work/screen"
}

draws_a_line() {
	on_terminal TERM=xterm NO_COLOR= && grep "$escape\[3[26]m" "$work/screen" &&
		grep "$escape\[K" "$work/screen" &&
		on_terminal TERM=xterm NO_COLOR=1 && ! grep "$escape\[3" "$work/screen" &&
		grep "$escape\[K" "$work/screen" &&
		on_terminal TERM=dumb && ! grep "$escape" "$work/screen"
}

try 'refuses nonsense' refuses_nonsense
try 'helps' helps
try 'says why it cannot start' cannot_start
try 'a producer and an observer of other processes' serves
try 'reports, in JSON' reports
if is "$(cat "$work/start.json")" '.context_id != null' >/dev/null; then
	try 'a context is opened by its id' by_id
else
	skip 'a context is opened by its id' 'its memory is not of mk.ko'
fi
try 'a second one of the name is refused' has_one_server
try 'stops on SIGTERM' stops
try 'replaces the socket of one that was killed' replaces_the_dead
try 'hands out the roles that it should' restricts_roles
try 'authorises tenants' authorises
try 'ends when the context is shut down' shuts_down
try 'answers requests' answers_requests
try 'runs operations of a user' has_handlers
try 'saves snapshots' saves_snapshots
try 'tells its supervisor' notifies
if command -v systemd-analyze >/dev/null; then
	try 'the unit file is valid' unit_is_valid
else
	skip 'the unit file is valid' 'there is no systemd-analyze'
fi
try 'an engine that is lost' lost
[ "$engine" = cpu ] || try 'a device that is lost and used again' rebuilt
try 'a device that does not stop, and a second signal' forced
try 'says where it is, in lines' says_where
try 'is quiet' is_quiet
if command -v script >/dev/null; then
	try 'draws a line on a terminal' draws_a_line
else
	skip 'draws a line on a terminal' 'there is no script(1)'
fi
tap_end
