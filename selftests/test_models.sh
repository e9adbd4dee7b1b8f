#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The models of the protocols hold in every state that they can get into, and spin finds
# each bug that is seeded in them: a model that could not fail would prove nothing.
#
#   test_models.sh [COMPILER]
#
# Documentation/models.rst has how to run one by hand.
set -u

here=$(cd "$(dirname "$0")" && pwd)
models=$here/models
compiler=${1-cc}

# shellcheck source=selftests/tap.sh
. "$here/tap.sh"

command -v spin >/dev/null || {
	echo "no spin to check the models with; tools/setup.sh --test installs it"
	exit 4
}

work=$(mktemp -d)
trap 'rm -rf "$work" "$tap_output"' EXIT

# Make the verifier of a model and run it; its report is in $work/report.
#
#   verify OPTIMISATION MODEL [OPTION...]
verify() {
	optimisation=$1
	model=$2
	shift 2
	rm -rf "$work/verifier"
	mkdir "$work/verifier"
	cd "$work/verifier" || return
	spin -a "$@" "$models/$model.pml" || return
	case " $* " in
	# This one has a claim about cycles, to be taken with weak fairness.
	*' -DPRODUCER_DIES '*) set -- -DNFAIR=3 && search='-a -f' ;;
	*) set -- -DSAFETY && search= ;;
	esac
	"$compiler" "$optimisation" -w -DMEMLIM=2048 "$@" -o verifier pan.c || return
	# Without the word splitting of $search there would be an empty argument.
	# shellcheck disable=SC2086
	./verifier -m100000 -w22 $search >"$work/report" 2>&1
	cat "$work/report"
}

# The search has been to every state, and every statement of the model has been executed:
# what was never reached was never checked.
is_complete() {
	! grep -E 'Search not completed|max search depth too small|reached -DMEMLIM' "$work/report" &&
		grep 'Full statespace search' "$work/report" &&
		! grep -E ', state [0-9]+, ' "$work/report" | grep -v '"-end-"$'
}

holds() {
	verify -O2 "$@" && grep -w 'errors: 0' "$work/report" && is_complete
}

# A bug is found soon, so compiling well does not pay.
finds() {
	error=$1
	shift
	verify -O0 "$@" && grep "^pan:1: $error" "$work/report" && grep -w 'errors: 1' "$work/report"
}

# Prints what 'try' is to say of a model with options.
title() {
	printf '%s.pml' "$1"
	shift
	[ $# -eq 0 ] || printf ' %s' "$@"
}

model() {
	try "$(title "$@") holds" holds "$@"
}

# bug NAME ERROR MODEL [OPTION...]: spin finds the bug, by this error.
bug() {
	bug_name=$1
	bug_error=$2
	bug_model=$3
	shift 3
	printf '%s %s\n' "$bug_model" "BUG_$bug_name" >>"$work/seeded"
	try "$(title "$bug_model" "$@") with BUG_$bug_name: $bug_error" \
		finds "$bug_error" "$bug_model" "$@" "-DBUG_$bug_name"
}

# Each bug that the models can be seeded with is seeded above.
all_are_seeded() {
	(cd "$models" && grep -o 'BUG_[A-Z_]*' ./*.pml) |
		sed 's,^\./\(.*\)\.pml:,\1 ,' | sort -u >"$work/known"
	sort -u "$work/seeded" | diff - "$work/known"
}

wrong='assertion violated'
stuck='invalid end state'

model ring
bug STATUS_BEFORE_PAYLOAD "$wrong" ring
bug NO_FENCE_IN_PUBLISH "$wrong" ring
bug PAYLOAD_LOADED_FIRST "$wrong" ring
bug NO_RELEASE_OF_EFFECT "$wrong" ring
bug EFFECT_BEFORE_CLAIM "$wrong" ring
bug ENTRY_BEFORE_STATUS "$stuck" ring
bug SUSPENDED_COUNTS_AGAIN "$stuck" ring
bug RECOVERY_GOES_BY_STATUS "$stuck" ring
model ring -DINBOX
bug STATUS_BEFORE_PAYLOAD "$wrong" ring -DINBOX
bug NO_FENCE_IN_PUBLISH "$wrong" ring -DINBOX
bug PAYLOAD_LOADED_FIRST "$wrong" ring -DINBOX
bug NO_RELEASE_OF_EFFECT "$wrong" ring -DINBOX
bug EFFECT_BEFORE_CLAIM "$wrong" ring -DINBOX
bug SUSPENDED_COUNTS_AGAIN "$wrong" ring -DINBOX
bug RECOVERY_GOES_BY_STATUS "$stuck" ring -DINBOX
bug RECOVERY_GOES_BY_KEPT "$wrong" ring -DINBOX
bug DEVICE_STORES_STATUS "$stuck" ring -DINBOX
bug PUBLISHED_WITHOUT_COUNT "$stuck" ring -DINBOX

model fence
bug NO_FENCE_IN_BATCH "$wrong" fence
bug PROGRESS_STAYS "$wrong" fence
model fence -DINBOX
bug NO_FENCE_IN_BATCH "$wrong" fence -DINBOX
bug PROGRESS_STAYS "$wrong" fence -DINBOX
bug NO_RELEASE_OF_EFFECT "$wrong" fence -DINBOX
bug STATUS_WITHOUT_COUNT "$wrong" fence -DINBOX
# What the model says that it does not claim.
try 'fence.pml: a fence may complete before the entries of its operations are seen' \
	finds "$wrong" fence -DCLAIM_ENTRIES

model lease
bug NO_GENERATION "$wrong" lease
bug STORE_INSTEAD_OF_SWAP "$wrong" lease
bug ID_NOT_ORPHANED "$stuck" lease
bug DEAD_MEANS_FREE "$wrong" lease
bug GIVE_BACK_IN_FLIGHT "$wrong" lease
bug INHERIT_BY_STATUS "$wrong" lease
bug SWAP_IS_NO_FENCE "$wrong" lease
model lease -DINBOX
bug SWAP_IS_NO_FENCE "$wrong" lease -DINBOX

model parking
bug NO_FENCE_IN_ANNOUNCE "$stuck" parking
bug NO_FENCE_IN_WAKE "$stuck" parking
bug LOOK_BEFORE_ANNOUNCE "$stuck" parking
bug SLEEP_WITHOUT_COMPARE "$stuck" parking
bug WAKE_WITHOUT_STORE "$stuck" parking
bug STOP_WITHOUT_WAKE "$stuck" parking
bug STOP_NOT_LOOKED_AT "$stuck" parking
model parking -DINBOX
bug NO_FENCE_IN_ANNOUNCE "$stuck" parking -DINBOX
bug NO_FENCE_IN_WAKE "$stuck" parking -DINBOX
bug LOOK_BEFORE_ANNOUNCE "$stuck" parking -DINBOX
bug LINK_OVERTAKES "$stuck" parking -DINBOX
bug LOOK_CUT_SHORT "$stuck" parking -DINBOX
model parking -DPRODUCER_DIES
bug UNBOUNDED_SLEEP 'acceptance cycle' parking -DPRODUCER_DIES
model parking -DBELL
bug BELL_LOADED_LAST "$stuck" parking -DBELL
bug BELL_BEFORE_WORD "$stuck" parking -DBELL
bug NO_BELL "$stuck" parking -DBELL

try 'every bug that can be seeded is' all_are_seeded
tap_end
