#!/bin/sh
# SPDX-License-Identifier: MIT
#
# mkinspect on a live run of four processes: an owner with its engine, two producers, and
# the inspector; every object and verb, as text and as JSON that is as the schema has it;
# snapshots, what differs between two; and what is refused.
#
#   test_mkinspect.sh MKINSPECT MKRUN PRODUCER SCHEMA
set -u

here=$(cd "$(dirname "$0")" && pwd)
inspect=$1
mkrun=$2
producer=$3
schema=$4

# shellcheck source=selftests/tap.sh
. "$here/tap.sh"
# shellcheck source=selftests/schema.sh
. "$here/schema.sh"

work=$(mktemp -d)
owner=
stop() {
	exec 3>&- 4>&- 8>&-
	[ -z "$owner" ] || kill "$owner" 2>/dev/null
	wait
	rm -rf "$work" "$tap_output"
}
trap stop EXIT
trap 'exit 1' HUP INT TERM

export MK_BACKING=memfd

# Waits until a file has a line; a producer writes one when it is ready.
await() {
	tries=0
	while [ ! -s "$1" ]; do
		tries=$((tries + 1))
		[ "$tries" -lt 300 ] || return 1
		sleep 0.1
	done
}

# First, since it must hold nobody's input open.
schema_begin "$schema" "$work"
"$mkrun" --engine cpu -n "$work/socket" --observables 8 --arena 64K \
	>"$work/owner" 2>&1 &
owner=$!
await "$work/owner" || {
	cat "$work/owner"
	echo 'Bail out! mkrun does not start'
	exit 1
}
mkfifo "$work/first.in" "$work/second.in"
"$producer" "$work/socket" 0 <"$work/first.in" >"$work/first" &
first=$!
exec 3>"$work/first.in"
# The first one ends when nobody has its input open any more.
"$producer" "$work/socket" 5 <"$work/second.in" >"$work/second" 3>&- &
second=$!
exec 4>"$work/second.in"
if ! await "$work/first" || ! await "$work/second"; then
	echo 'Bail out! the producers do not start'
	exit 1
fi

# Of the owner's context, whatever else runs on this machine.
look() {
	"$inspect" "$@" --pid "$owner"
}

look_json() {
	look "$@" -j >"$work/json" && cat "$work/json" && valid "$work/json"
}

# The value of a path of jq's in the last JSON.
value() {
	jq -r "$1" "$work/json"
}

is() {
	had=$(value "$1")
	echo "$1 is $had, expected $2"
	[ "$had" = "$2" ]
}

shows_text() {
	# shellcheck disable=SC2086 # options, or none
	look "$1" "$2" $3 >"$work/text" && cat "$work/text" && grep -q "$4" "$work/text"
}

shows_pretty() {
	look "$1" show -p >"$work/json" && [ "$(wc -l <"$work/json")" -gt 5 ] &&
		valid "$work/json"
}

watches() {
	look "$1" watch --interval 0.05 --count 3 -j >"$work/json" &&
		[ "$(wc -l <"$work/json")" -eq 3 ] && valid "$work/json" &&
		look "$1" watch --interval 0.05 --count 2 >"$work/text" &&
		[ -s "$work/text" ]
}

# Every object and verb ------------------------------------------------------------

for row in 'ctx engine.state' 'control tenant_mask' 'ring ATOMIC_ADD' 'ioq io.request' \
	'log fault.2.RANGE' 'cq PARKED' 'producers alive' 'tenants 0xffffffff' \
	'metrics ATOMIC_ADD' 'snapshot arena'; do
	object=${row% *}
	try "$object show, text" shows_text "$object" show '' "${row#* }"
	try "$object show, JSON" look_json "$object" show
	try "$object show, JSON for people" shows_pretty "$object"
done
try 'stats show, text' shows_text stats show '--interval 0.05' 'queue depth  *3'
try 'stats show, JSON' look_json stats show --interval 0.05
for object in control ring ioq log cq; do
	try "$object dump, text" shows_text "$object" dump '' '^00000000: '
	try "$object dump, JSON" look_json "$object" dump
done
for object in control ring ioq log cq producers tenants metrics stats; do
	try "$object watch" watches "$object"
done

lists() {
	"$inspect" ctx list >"$work/text" && cat "$work/text" &&
		for pid in "$owner" "$first" "$second"; do
			grep -q " $pid " "$work/text" || return 1
		done
	"$inspect" ctx list -j >"$work/json" && valid "$work/json"
}
try 'ctx list has all three processes' lists

probes() {
	"$inspect" probe show -j >"$work/json" && valid "$work/json" &&
		"$inspect" probe | grep '^DEVICE'
}
if "$inspect" probe >"$work/text" 2>&1 || ! grep -q 'no Vulkan d' "$work/text"; then
	try 'probe show' probes
else
	skip 'probe show' 'there is no Vulkan device'
fi

# What is in it -------------------------------------------------------------------------

filters() {
	look_json ring show --status published && is '.slots | length' 3 &&
		is '[.slots[].tenant] | unique | join(",")' 5 &&
		look_json ring show --opcode PRINTF && is '.slots | length' 1 &&
		look_json ring show --tenant 0 --status fault && is '.slots | length' 1 &&
		is '.slots[0].fault_name' RANGE &&
		look_json ring show --priority critical && is '.slots | length' 0 &&
		look_json ring show 0-3,9 && is '[.slots[].slot] | join(",")' 0,1,2,3,9 &&
		look_json ring show --all && is '.slots | length' 1024
}
try 'ring: ranges and filters' filters

unfolds() {
	look_json ring show --opcode PACKED_SLOT && is '.slots[0].inner | length' 2 &&
		is '.slots[0].inner[1].opcode_name' ATOMIC_ADD &&
		is '.slots[0].inner[1].args | join(",")' 5,161 &&
		is '.slots[0].malformed' null
}
try 'ring: a packed slot is unfolded' unfolds

knows_producers() {
	look_json producers show &&
		is "[.producers[] | select(.pid == $first)] | length" 1 &&
		is ".producers[] | select(.pid == $second) | .slots_in_flight" 3 &&
		is ".producers[] | select(.pid == $second) | .id" \
			"$(cut -d ' ' -f 2 "$work/second")" &&
		is .engine_pid "$owner"
}
try 'producers: their processes and what they have in flight' knows_producers

counts() {
	look_json stats show --interval 0.05 && is .masked 3 && is .queue_depth 3 &&
		is .slots_done 23 && is .faults 1 && is .windows_leased 2 &&
		is .oldest_is_at_least true && look_json metrics show &&
		is '.metrics[] | select(.opcode == 2) | .executions' 21 &&
		look_json control show 161 && is '.words_decoded[0].value' 105 &&
		look_json tenants show --tenant 5 && is '.tenants[0].published' 3 &&
		is '.tenants[0].is_authorised' false
}
try 'stats, metrics, control, tenants: the numbers are right' counts

formats() {
	printf '# a comment\n0x10 "it is %%u of %%5d%%%%\\n" # behind\n' >"$work/formats"
	look_json log show --formats "$work/formats" &&
		is '.records[] | select(.format == 16) | .text | startswith("it is 42 of")' true
}
try 'log: texts come from a file' formats

refuses_formats() {
	for line in 'x "a"' '1 a' '1 "a' '1 "%s"' '1 "%u%u%u%u"' '99999999999 "a"' \
		'1 "a" b' '1 "%"'; do
		printf '%s\n' "$line" >"$work/formats"
		ends_with 1 look log show --formats "$work/formats" 2>"$work/error" &&
			grep -q 'line 1' "$work/error" || return 1
	done
	ends_with 1 look log show --formats "$work/nothing"
}
try 'log: wrong files of texts are refused' refuses_formats

# What the owner registers ----------------------------------------------------------------

# With an owner of its own, which has @formats, and a producer that prints.
starts_registered() {
	printf '0x10 "registered: %%u, a \\"quote\\"" # behind\n' >"$work/formats"
	"$mkrun" --engine cpu -n "$work/named" --observables 8 --arena 64K \
		--formats "$work/formats" >"$work/named.out" 2>&1 &
	named=$!
	await "$work/named.out" || return 1
	mkfifo "$work/named.in"
	"$producer" "$work/named" 0 <"$work/named.in" >"$work/named.ready" 3>&- 4>&- &
	exec 5>"$work/named.in"
	await "$work/named.ready"
}

has_text() {
	"$inspect" log show "$@" -j >"$work/json" && valid "$work/json" &&
		is '[.records[] | select(.format == 16) | .text] | join(",")' \
			'registered: 42, a "quote"'
}

registered() {
	starts_registered || return 1
	has_text --pid "$named" && has_text --socket "$work/named" &&
		"$inspect" log show --pid "$named" >"$work/text" && cat "$work/text" &&
		grep 'registered: 42, a "quote"' "$work/text" &&
		"$inspect" log show --follow --interval 0.05 --count 2 --pid "$named" |
		grep 'registered: 42'
}
try 'log: texts that the owner registered' registered

overrules() {
	printf '0x10 "of the file: %%u"\n' >"$work/formats"
	"$inspect" log show --pid "$named" --formats "$work/formats" -j >"$work/json" &&
		valid "$work/json" &&
		is '[.records[] | select(.format == 16) | .text] | join(",")' 'of the file: 42'
}
try 'log: a file overrules what is registered' overrules

not_in_snapshots() {
	"$inspect" snapshot save "$work/named.mksnap" --pid "$named" >/dev/null &&
		"$inspect" log show --file "$work/named.mksnap" -j >"$work/json" &&
		valid "$work/json" &&
		is '[.records[] | select(.format == 16) | .text] | join(",")' ''
}
try 'log: a snapshot has no texts' not_in_snapshots
exec 5>&-
kill "$named"
wait "$named"

refuses_to_register() {
	printf '1 "fine"\n2 "%%s"\n' >"$work/formats"
	ends_with 1 "$mkrun" --engine cpu -n "$work/named" --formats "$work/formats" \
		2>"$work/error"
	result=$?
	cat "$work/error"
	[ "$result" -eq 0 ] && grep -q 'line 2' "$work/error"
}
try 'mkrun: wrong files of texts are refused' refuses_to_register

# A process of the context's with a file of its own making, in the owner's place.
# Its bytes come from the file forged, without seals unless they are asked for.
forge() {
	"$inspect" ctx list -j | jq -r ".contexts[] | select(.pid == $owner) | .token" \
		>"$work/token"
	rm -f "$work/forged.ready"
	mkfifo "$work/forged.in"
	python3 - "$owner" "$(cat "$work/token")" "$work/forged" "$1" \
		>"$work/forged.ready" 3>&- 4>&- 6<"$work/forged.in" <<-'END' &
		import fcntl, os, sys
		owner, token, lines, seals = sys.argv[1:]
		folder = f"/proc/{owner}/fd/"
		held = [os.open(folder + entry, os.O_RDONLY) for entry in os.listdir(folder)
		        if f":{token}:cq " in os.readlink(folder + entry)]
		fd = os.memfd_create(f"mk:{token}:formats", os.MFD_ALLOW_SEALING)
		os.write(fd, open(lines, "rb").read())
		fcntl.fcntl(fd, 1033, int(seals))
		print(len(held), flush=True)
		os.read(6, 1)
	END
	forger=$!
	exec 6>"$work/forged.in"
	await "$work/forged.ready" && [ "$(cat "$work/forged.ready")" -gt 0 ]
}

unforge() {
	exec 6>&-
	wait "$forger"
	rm -f "$work/forged.in"
}

# Without texts, with a complaint, the records are there.
survives() {
	forge "$1" || return 1
	look log show -j >"$work/json" 2>"$work/error"
	result=$?
	unforge
	cat "$work/error"
	[ "$result" -eq 0 ] && valid "$work/json" && grep -q "$2" "$work/error" &&
		is '.records | length' 2 &&
		is '[.records[] | select(.format == 16) | .text] | join(",")' ''
}

distrusts() {
	printf '0x10 "%%u"\n' >"$work/forged" && survives 0 'not sealed' || return 1
	head -c 1100000 /dev/zero >"$work/forged" && survives 14 'bytes' || return 1
	head -c 1000000 /dev/zero >"$work/forged" && survives 14 'line 1' || return 1
	for line in '0x10 "%s"' '0x10 "%n"' '0x10 "%99999u"' '0x10 "%u%u%u%u"' '0x10 "' \
		"0x10 \"$(printf '\033')[2J\""; do
		printf '1 "fine"\n%s\n' "$line" >"$work/forged"
		survives 14 'line 2' || return 1
	done
	# What is as it should be is taken.
	printf '0x10 "forged %%u"\n' >"$work/forged"
	forge 14 && look log show >"$work/text"
	unforge
	cat "$work/text"
	grep -q 'forged 42' "$work/text"
}
try 'log: registered texts are not trusted' distrusts

follows() {
	look log show --follow --interval 0.05 --count 3 -j >"$work/json" &&
		valid "$work/json" && [ "$(jq -s '.[0].records | length' "$work/json")" = 2 ] &&
		[ "$(jq -s '.[1].records | length' "$work/json")" = 0 ]
}
try 'log: a record is followed once' follows

by_socket_or_token() {
	"$inspect" ctx show --socket "$work/socket" -j >"$work/json" && valid "$work/json" &&
		"$inspect" ctx list -j | jq -r ".contexts[] | select(.pid == $owner) | .token" \
			>"$work/token" &&
		"$inspect" ctx show --token "$(cat "$work/token")" -j >"$work/json" &&
		valid "$work/json"
}
try 'a context is found by socket and by token' by_socket_or_token

# Snapshots -----------------------------------------------------------------------------

saves() {
	look_json snapshot save "$work/before.mksnap" --arena &&
		"$inspect" snapshot show --file "$work/before.mksnap" -j >"$work/json" &&
		valid "$work/json" && is '.memories | length' 7
}
try 'snapshot save, and show' saves
try 'snapshot save overwrites nothing' \
	ends_with 1 look snapshot save "$work/before.mksnap"

shows_files() {
	for object in ctx control ring ioq log cq producers tenants metrics stats; do
		"$inspect" "$object" show --file "$work/before.mksnap" -j >"$work/json" &&
			valid "$work/json" || return 1
	done
	is .interval_ns null
}
try 'every object of a file' shows_files

# The first producer leaves.
exec 3>&-
wait "$first"
look snapshot save "$work/after.mksnap" >/dev/null

differs() {
	for object in control ring ioq log cq producers tenants metrics stats; do
		"$inspect" "$object" diff "$work/before.mksnap" "$work/after.mksnap" -j \
			>"$work/json" && valid "$work/json" || return 1
	done
	"$inspect" producers diff "$work/before.mksnap" "$work/after.mksnap" -j >"$work/json"
	cat "$work/json"
	[ "$(value '[.differences[] | select(.path | startswith("producers"))] | length')" \
		-gt 0 ] &&
		"$inspect" producers diff "$work/before.mksnap" "$work/after.mksnap" |
		grep '^producers'
}
try 'diff of every object' differs

is_same() {
	"$inspect" "$1" diff "$work/before.mksnap" "$work/before.mksnap" -j >"$work/json" &&
		is '.differences | length' 0
}
try 'a snapshot does not differ from itself' is_same ring

# What is refused -----------------------------------------------------------------------

damaged() {
	head -c 300 "$work/before.mksnap" >"$work/cut.mksnap"
	ends_with 1 "$inspect" ring show --file "$work/cut.mksnap" 2>"$work/error"
	cat "$work/error"
	grep -q 'ends in the middle' "$work/error" &&
		ends_with 1 "$inspect" ring show --file "$schema" &&
		ends_with 1 "$inspect" ring show --file "$work" &&
		ends_with 1 "$inspect" ring show --file "$work/first.in" &&
		ends_with 1 "$inspect" ring show --file "$work/nothing"
}
try 'damaged files and other files are refused' damaged

refuses() {
	for words in '' 'nothing' 'ring nothing' 'ring save x' 'probe watch' \
		'ring show 5-3' 'ring show x' 'metrics show 3' 'control show --status done' \
		'ring show --count 2' 'ring show --follow' 'log watch -p' \
		'ring diff one' 'snapshot save' 'ring show --id 1 --pid 1' 'ring show --pid 0' \
		'ring show --status nothing' 'ring watch --file x' 'probe show --pid 1' \
		'control show --interval 1' 'ring show --token x' 'ctx list --pid 1' \
		'ring dump --all' 'ring diff a b --pid 1'; do
		# shellcheck disable=SC2086 # words
		ends_with 64 "$inspect" $words 2>"$work/error" || return 1
		grep -q 'mkinspect: ' "$work/error" || return 1
	done
}
try 'what does not go together is refused' refuses

no_such() {
	ends_with 1 "$inspect" ring show --pid 2147483646 &&
		ends_with 1 "$inspect" ring show --socket "$work/nothing" &&
		ends_with 1 "$inspect" ring show --pid $$ &&
		ends_with 1 "$inspect" ring show --token 1234
}
try 'contexts that there are not' no_such

several() {
	"$mkrun" --engine cpu -n "$work/other" >"$work/other.out" 2>&1 &
	other=$!
	await "$work/other.out"
	ends_with 1 "$inspect" ring show 2>"$work/error"
	result=$?
	kill "$other"
	wait "$other"
	cat "$work/error"
	[ "$result" -eq 0 ] && grep -q -- "--pid $owner --token" "$work/error" &&
		grep -q -- "--pid $other --token" "$work/error"
}
try 'without a choice all contexts are named' several

writes_nothing() {
	look ring dump -j | jq -c .words >"$work/one"
	look cq dump -j | jq -c .words >"$work/two"
	for object in ctx control ring ioq log cq producers tenants metrics; do
		look "$object" show >/dev/null
	done
	look ring dump -j | jq -c .words | cmp - "$work/one"
}
try 'looking changes nothing' writes_nothing

full() {
	ends_with 1 sh -c "'$inspect' ring show --pid $owner --all >/dev/full"
}
try 'a full disk is told' full

try '--help has an example' sh -c "'$inspect' --help | grep 'mkinspect ring show'"

tap_end
