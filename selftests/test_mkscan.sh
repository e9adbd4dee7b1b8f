#!/bin/sh
# SPDX-License-Identifier: MIT
#
# mkscan against scan_reference, and what it does when something is wrong:
#
#   test_mkscan.sh BUILD_DIRECTORY vulkan|cpu host|device [quick]
#
# quick leaves out all but a few: for slow machines.
# MK_SLOW=1 adds a file of 1 GiB.
set -u
LC_ALL=C
export LC_ALL

build=$1
engine=$2
io=$3
mkscan=$build/examples/mkscan
reference=$build/selftests/scan_reference
json_to_text=$build/selftests/scan_json
# shellcheck source=selftests/tap.sh
. "$(dirname "$0")/tap.sh"

work=$(mktemp -d)
trap 'rm -rf "$work" "$tap_output"' EXIT
trap 'exit 1' HUP INT TERM
cd "$work" || exit 1

scan() {
	"$mkscan" --engine "$engine" --io "$io" "$@"
}

# Same output as the reference's for the same patterns and files, block size $1.
agrees() {
	block=$1
	shift
	"$reference" "$@" >want || return 1
	scan --block-bytes "$block" "$@" >got || return 1
	cmp want got && return
	diff want got | head -n 20
	return 1
}

# Counts of at least one pattern are not zero, so that agreeing means something.
found_something() {
	grep -a -q '^[1-9]' want
}

agrees_and_finds() {
	agrees "$@" && found_something
}

# JSON says who read: $1 in "io", $2 requests of slots, $3 files read by the host.
json_says_who_read() {
	grep -q "\"io\":\"$1\".*\"io_requests\":$2,\"files_read_by_host\":$3," json ||
		{ cat json && return 1; }
}

# $1 random bytes of the first $2 letters; 0 letters: any bytes but newlines.
random_bytes() {
	case $2 in
	0) head -c "$(($1 * 2))" /dev/urandom | tr -d '\n' | head -c "$1" ;;
	1) head -c "$1" /dev/zero | tr '\000' a ;;
	2) head -c "$1" /dev/urandom | tr '\000-\377' '[a*128][b*128]' ;;
	4) head -c "$1" /dev/urandom | tr '\000-\377' '[a*64][b*64][c*64][d*64]' ;;
	esac
}

# $1 lines of $2 bytes that occur in the file $3, at random places.
pieces_of() {
	size=$(wc -c <"$3")
	awk -v count="$1" -v length_of_each="$2" -v size="$size" -v seed="$$" 'BEGIN {
		srand(seed + length_of_each)
		for (i = 0; i < count; i++)
			print int(rand() * (size - length_of_each + 1))
	}' | while read -r offset; do
		tail -c "+$((offset + 1))" "$3" | head -c "$2"
		echo
	done
}

fails_with() {
	expected=$1
	text=$2
	shift 2
	"$@" >out 2>errors </dev/null
	status=$?
	cat errors
	[ "$status" -eq "$expected" ] || { echo "status $status" && return 1; }
	grep -q -e "$text" errors
}

# --- Counts -----------------------------------------------------------------

cat "$(dirname "$mkscan")/../CMakeCache.txt" "$build/build.ninja" >text 2>/dev/null
cp "$mkscan" binary
random_bytes 300000 0 >random
random_bytes 20000 1 >letters1
random_bytes 20000 2 >letters2
random_bytes 20000 4 >letters4
: >empty

try 'words in text' agrees_and_finds 131072 -e the -e CMAKE -e a -e '=' -e ING text
try 'a binary file' agrees_and_finds 131072 -e ELF -e main -e libc -e "$(printf '\177')" binary

if [ "${4-}" = quick ]; then
	tap_end
	exit
fi

# The text takes several blocks, and so several requests.
plain_files_are_read() {
	scan -j --block-bytes 4096 -e the text text >json || return 1
	blocks=$((2 * (($(wc -c <text) + 4095) / 4096)))
	echo "$blocks blocks"
	case $io in
	host) json_says_who_read host 0 2 ;;
	device) json_says_who_read device "$blocks" 0 ;;
	esac
}
try "who reads is the $io" plain_files_are_read

pieces_of 50 3 random >patterns
{
	head -c 2000 /dev/urandom | tr -d '\n' | fold -b -w 2
	echo
} >>patterns
try 'patterns of any bytes in random bytes' agrees_and_finds 131072 -f patterns random
try 'the same in blocks of 4096' agrees_and_finds 4096 -f patterns random

blocks_of_letters='1 3 8 9 64 4096 20000'
[ "$engine" = cpu ] && blocks_of_letters='1 2 3 5 8 9 16 63 64 65 4095 4096 4097 20001'
for letters in 1 2 4; do
	for length in 1 2 3 5 9 14; do
		pieces_of 4 "$length" "letters$letters"
	done >patterns
	for block in $blocks_of_letters; do
		try "overlapping patterns of $letters letters, blocks of $block" \
			agrees_and_finds "$block" -f patterns "letters$letters"
	done
done

# A pattern of 8 bytes around every border of blocks of 64, at each of its places.
awk 'BEGIN {
	for (before = 0; before <= 8; before++) {
		for (i = 0; i < 64 - before; i++)
			printf "."
		printf "abcabcde"
		for (i = 0; i < 64 - 8 + before; i++)
			printf "."
	}
}' >borders
for block in 7 8 9 32 63 64 65 128; do
	try "a pattern at every place of a border, blocks of $block" \
		agrees_and_finds "$block" -e abcabcde -e abc -e cde -e bcabcd borders
done
each_is_counted_once() {
	[ "$(scan --block-bytes 64 -e abcabcde borders)" = "$(printf '9\tabcabcde')" ]
}
try 'each of them is counted once' each_is_counted_once

{
	pieces_of 20 4096 random
	pieces_of 5 4095 random
	head -c 4096 letters1
	echo
} >patterns
for block in 100 4095 4096 4097 131072; do
	try "patterns of 4096 bytes, blocks of $block" \
		agrees_and_finds "$block" -f patterns random letters1
done

{
	tr -cs 'A-Za-z0-9_' '\n' <text | grep . | sort -u | head -n 3000
	pieces_of 2000 6 random
} >patterns
try 'five thousand patterns' agrees_and_finds 65536 -f patterns text random binary
many_files() {
	set -- text letters2 empty binary letters4 random
	set -- "$@" "$@" "$@" "$@"
	agrees_and_finds 4096 -e a -e E "$@" "$@" "$@" "$@"
}
try 'more files than slots' many_files
try 'duplicates each print their count' agrees_and_finds 131072 -e the -e a -e the -e the text
try 'patterns of -e and -f in the order given' agrees_and_finds 131072 -e the -f patterns -e a text
try 'an empty file' agrees 131072 -e a empty
try 'a file twice' agrees_and_finds 131072 -e the text text

# --- Files that are no plain files -------------------------------------------

through_pipe() {
	"$reference" -e the -e CMAKE text >want
	tail -c +1 text | scan -e the -e CMAKE - >got
	cmp want got
}
try 'standard input, a pipe' through_pipe
slowly() {
	"$reference" -e abcd letters4 >want
	{
		head -c 5001 letters4
		sleep 0.2
		tail -c +5002 letters4 | head -c 3
		sleep 0.2
		tail -c +5005 letters4
	} | scan --block-bytes 1000 -e abcd - >got
	cmp want got
}
try 'standard input that comes in pieces' slowly
from_where_it_stands() {
	tail -c +10001 letters4 >rest
	"$reference" -e ab rest >want
	{
		dd bs=10000 count=1 of=/dev/null 2>dd.log
		scan -e ab -
		wc -c
	} <letters4 >got
	# mkscan leaves nothing for wc.
	echo 0 >>want
	cmp want got
}
try 'standard input, a file that was read in part' from_where_it_stands
beyond_32_bits() {
	truncate -s 5G far && printf 'marker' >>far || return 1
	{
		dd bs=1M skip=5119 count=0 2>dd.log
		scan -e marker -
	} <far >got
	rm far
	printf '1\tmarker\n' | cmp - got
}
try 'offsets of more than 32 bits' beyond_32_bits
fifo() {
	"$reference" -e the text >want
	rm -f pipe
	mkfifo pipe
	cat text >pipe &
	scan -e the pipe >got
	wait
	cmp want got
}
try 'a FIFO' fifo
without_size() {
	[ "$(scan -e processor /proc/cpuinfo | cut -f 1)" = "$(grep -c processor /proc/cpuinfo)" ]
}
try 'a file of /proc, which has no size' without_size
piped_text_is_read() {
	tail -c +1 text | scan -j -e the - text >json || return 1
	case $io in
	host) json_says_who_read host 0 2 ;;
	device) json_says_who_read device "$((($(wc -c <text) + 131071) / 131072))" 1 ;;
	esac
}
try 'the host reads a pipe, whoever reads the rest' piped_text_is_read

# Wait until the process $1 has the file $2 open so often that it knows its size.
waits_for_open() {
	[ "$io" = device ] && wanted=2 || wanted=1
	until [ "$(find "/proc/$1/fd" -lname "*/$2" 2>/dev/null | wc -l)" -ge "$wanted" ]; do
		kill -0 "$1" || return 1
	done
}
while_it_grows() {
	truncate -s 256M growing
	"$mkscan" --engine "$engine" --io "$io" -e marker growing >got &
	pid=$!
	waits_for_open "$pid" growing || return 1
	kill -STOP "$pid"
	printf 'marker' >>growing
	kill -CONT "$pid"
	wait "$pid" || return 1
	rm growing
	printf '1\tmarker\n' | cmp - got
}
try 'a file that grows' while_it_grows
# The host scans what it finds.  A device's slots ask for what the file had.
while_it_is_cut() {
	"$mkscan" --engine "$engine" --io "$io" -e the cut text >got 2>errors &
	pid=$!
	waits_for_open "$pid" cut && truncate -s 1000 cut || return 1
	wait "$pid"
	status=$?
	rm cut
	cat errors
	"$reference" -e the text | cmp - got && [ "$status" -eq 2 ] &&
		grep -q '^mkscan: cut: cannot read at byte [1-9][0-9]*: the file has fewer' errors
}
if [ "$io" = host ]; then
	skip 'a file that is cut is an error' 'the host reads to where the file ends then'
elif ! truncate -s 1T cut; then
	skip 'a file that is cut is an error' 'there is no room for a hole of 1 TiB here'
else
	try 'a file that is cut is an error' while_it_is_cut
fi
while_it_shrinks() {
	truncate -s 300M shrinking
	scan -e a shrinking >got &
	sleep 0.3
	truncate -s 1000 shrinking
	wait $!
	status=$?
	rm shrinking
	[ "$status" -eq 0 ]
}
if [ "$io" = host ]; then
	try 'a file that shrinks' while_it_shrinks
else
	skip 'a file that shrinks' 'for slots that ask it is an error, see above'
fi
closed_input() {
	scan -e a - <&-
}
try 'standard input that is closed' fails_with 2 'standard input: cannot' closed_input

# --- Errors -------------------------------------------------------------------

others_are_scanned() {
	"$reference" -e the text binary >want
	scan -e the text missing . binary >got 2>errors
	[ $? -eq 2 ] || return 1
	cat errors
	cmp want got && grep -q '^mkscan: missing: ' errors && grep -q '^mkscan: \.: ' errors
}
try 'a missing file and a directory; the others are scanned' others_are_scanned
read_error() {
	# The first page of a process's memory is never mapped.
	scan -e a /proc/self/mem text >got 2>errors
	[ $? -eq 2 ] || return 1
	cat errors
	"$reference" -e a text | cmp - got && grep -q '^mkscan: /proc/self/mem: cannot read' errors
}
try 'a read error; the others are scanned' read_error
# Files of sysfs have the size of a page; this one refuses to be read.
refuses=/sys/class/net/lo/speed
system_errors() {
	# More than the pump keeps errors of.
	set --
	while [ $# -lt 300 ]; do
		set -- "$@" "$refuses"
	done
	scan -e the text "$refuses" text >got 2>errors
	[ $? -eq 2 ] || return 1
	cat errors
	"$reference" -e the text text | cmp - got || return 1
	grep -q "^mkscan: $refuses: cannot read at byte 0: Invalid argument" errors || return 1
	scan -j -e the text "$@" text >json 2>errors
	[ $? -eq 2 ] || return 1
	grep -o '"name":' json | wc -l >got
	grep -c ': cannot read at byte 0: ' errors >>got
	"$json_to_text" <json >>got
	{
		echo 300
		echo 300
		"$reference" -e the text text
	} | cmp - got
}
if [ "$(cat $refuses 2>&1)" = "cat: $refuses: Invalid argument" ]; then
	try 'what the system says; many files that fail' system_errors
else
	skip 'what the system says; many files that fail' "$refuses can be read"
fi
unreadable() {
	: >secret
	chmod 0 secret
	fails_with 2 'secret: cannot open: Permission denied' scan -e a secret
}
if [ "$(id -u)" -eq 0 ]; then
	skip 'an unreadable file' 'root can read it'
else
	try 'an unreadable file' unreadable
fi
try 'no pattern' fails_with 2 'there is no pattern' scan text
try 'no file' fails_with 2 'there is no file' scan -e a
try 'an empty pattern' fails_with 2 'expected 1 to 4096 bytes' scan -e '' text
try 'a pattern that is too long' fails_with 2 'expected 1 to 4096 bytes' \
	scan -e "$(random_bytes 4097 1)" text
printf 'a\n\nb\n' >patterns
try 'an empty line of -f' fails_with 2 'patterns:2: ' scan -f patterns text
try 'a pattern file without end' fails_with 2 'expected 1 to 4096 bytes' scan -f /dev/zero text
try 'a missing file of patterns' fails_with 2 'missing: cannot open' scan -f missing text
try '-f - and - together' fails_with 2 'both -f - and the file -' scan -f - -e a -
try '-f - twice' fails_with 2 'given twice' scan -f - -f - text
try 'an unknown engine' fails_with 2 'expected vulkan or cpu' scan --engine gpu -e a text
try 'an unknown io' fails_with 2 'expected host or device' scan --io gpu -e a text
try 'a bad number' fails_with 2 'expected a number from 1 to' scan --block-bytes 0 -e a text
try 'another bad number' fails_with 2 'expected a number from 1 to' scan --workgroups 1x -e a text
full_disk() {
	scan -e a text >/dev/full
}
try 'a full disk' fails_with 2 'No space left' full_disk
closed_output() {
	scan -e a text >&-
}
try 'standard output that is closed' fails_with 2 'cannot write' closed_output
too_large() {
	random_bytes 17000000 0 | fold -b -w 4096 >patterns
	fails_with 2 'must fit an arena of 128 MiB' scan -f patterns text
}
try 'patterns beyond the arena' too_large

patterns_from_stdin() {
	"$reference" -e the -e a text >want
	printf 'the\na' | scan -f - text >got
	cmp want got
}
try 'patterns from standard input' patterns_from_stdin

ends_by_signal() {
	rm -f pipe
	mkfifo pipe
	# Nothing comes, and the end does not come either.
	sleep 30 >pipe &
	writer=$!
	timeout --preserve-status -s "$2" 1 \
		"$mkscan" --engine "$engine" --io "$io" -e a - <pipe >out 2>errors
	status=$?
	kill "$writer"
	wait "$writer"
	cat errors
	echo "status $status"
	[ "$status" -eq "$1" ] && [ ! -s out ]
}
for signal in INT:130 TERM:143; do
	try "SIG${signal%:*} ends it cleanly" ends_by_signal "${signal#*:}" "${signal%:*}"
done

# With slots in flight, and requests.
truncate -s 1G endless
# A shell without job control has background processes ignore SIGINT.
ends_in_a_file() {
	"$mkscan" --engine "$engine" --io "$io" -e a endless >out 2>errors &
	pid=$!
	waits_for_open "$pid" endless && kill -TERM "$pid" || return 1
	wait "$pid"
	status=$?
	cat errors
	[ "$status" -eq 143 ] && [ ! -s out ]
}
try 'SIGTERM ends it in the middle of a file' ends_in_a_file
rm endless

# --- Output -------------------------------------------------------------------

json_says_the_same() {
	printf 'the\na\n\377\n\001\303\244\n\\"\n\000x\n\355\240\200\n' >patterns
	scan -f patterns -e 'two
lines' text random >want || return 1
	scan -f patterns -e 'two
lines' -j text random >json || return 1
	"$json_to_text" <json >got && cmp want got
}
try 'JSON holds the same, for any bytes' json_says_the_same
json_names_failures() {
	scan -j -e a missing text >json 2>errors
	[ $? -eq 2 ] && "$json_to_text" <json && grep -q '"failed_files":\[{"name":"missing"' json
}
try 'JSON names the files that failed' json_names_failures
statistics() {
	scan -v -e the text >got 2>errors || return 1
	cat errors
	for line in engine workgroups automaton arena io slots waits throughput; do
		grep -q "^$line  *[a-z0-9]" errors || return 1
	done
}
try '-v prints statistics' statistics
nothing_else() {
	scan -e the text >got 2>errors && [ ! -s errors ]
}
try 'no progress bar where there is no terminal' nothing_else
progress_bar() {
	# script gives its command a terminal; the counts come after the bar.
	{
		head -c 1000000 random
		sleep 1.5
	} >slow &
	script -qec "'$mkscan' --engine $engine --io $io -e a slow text" /dev/null >out </dev/null
	tr '\r' '\n' <out | grep -a -q 'MiB/s' && tail -n 1 out | grep -a -q 'a.$'
}
rm -f slow
mkfifo slow
if command -v script >/dev/null; then
	try 'a progress bar on a terminal' progress_bar
else
	skip 'a progress bar on a terminal' 'script is not installed'
fi
help() {
	"$mkscan" --help | grep -q Example && "$mkscan" --version | grep -q '^mkscan [0-9]'
}
try '--help and --version' help

# --- Size ---------------------------------------------------------------------

# A mark at block borders of a file that is a hole otherwise.
large_file() {
	truncate -s 1G large
	for offset in 0 131069 262140 536870909 1073741818; do
		printf 'marker' | dd of=large bs=1 seek="$offset" conv=notrunc 2>/dev/null
	done
	"$mkscan" --engine "$engine" --io "$io" -e marker -e ark -e r large >got &
	pid=$!
	peak=0
	while kill -0 "$pid" 2>/dev/null; do
		now=$(sed -n 's/^VmHWM:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$pid/status" 2>/dev/null)
		[ "${now:-0}" -gt "$peak" ] && peak=$now
		sleep 0.1
	done
	wait "$pid" || return 1
	rm large
	echo "peak of resident memory: $peak kB"
	printf '5\tmarker\n5\tark\n10\tr\n' | cmp - got && [ "$peak" -gt 0 ] && [ "$peak" -lt 400000 ]
}
if [ -n "${MK_SLOW-}" ]; then
	try 'a file of 1 GiB in bounded memory' large_file
else
	skip 'a file of 1 GiB in bounded memory' 'set MK_SLOW=1 to run it'
fi
tap_end
