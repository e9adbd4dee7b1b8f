#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Builds and tests everything.
#
#   tools/check.sh          the tests, once each: less than ten minutes on two cores
#   tools/check.sh --ci     also on other memory, Mesa, compilers and kernels, and with
#                           sanitizers: less than three quarters of an hour
#   tools/check.sh --full   also the slow tests and two more kernels, which takes hours
#
# The last line is 'N passed, N failed, N skipped', counting single tests; one that
# runs in several builds or on several drivers counts each time.  Whole output is kept
# in build/check.
set -u

cd "$(dirname "$0")/.." || exit 1

unset MK_SLOW
everywhere=
case ${1-} in
'') ;;
--ci) everywhere=1 ;;
--full)
	everywhere=1
	MK_SLOW=1
	export MK_SLOW
	;;
*)
	sed -n '4,13s/^# \{0,1\}//p' "$0" >&2
	exit 2
	;;
esac

logs=$PWD/build/check
rm -rf "$logs"
mkdir -p "$logs" || exit 1
began=$(date +%s)

# Findings of a sanitizer end the program; what it prints goes into the test's output.
# Leaks count as well: nothing of Mesa's or LLVM's had to be exempted so far.
export ASAN_OPTIONS=detect_stack_use_after_return=1
export UBSAN_OPTIONS=print_stacktrace=1
export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
# The database in which Mesa 25.0 keeps compiled kernels unless told otherwise leaks when it
# lacks one, and at times takes none in.
export MESA_DISK_CACHE_MULTI_FILE=1

# While a part runs, says now and then where it is.
progress() {
	while sleep 20 >/dev/null 2>&1; do
		test=$(sed -n 's/^ *Start *[0-9]*: //p' "$log" | tail -n 1)
		printf '   ... %d s %s\n' "$(($(date +%s) - part_began))" "$test"
	done
}

# Runs one part, a command that prints TAP or ctest's output, and shows its outcome.
part() {
	name=$1
	shift
	number=$((number + 1))
	log=$logs/$number.log
	part_began=$(date +%s)
	printf '== %s\n' "$name"
	progress &
	shown=$!
	"$@" >"$log" 2>&1 </dev/null
	status=$?
	kill "$shown"
	wait "$shown" 2>/dev/null
	awk -v counts="$log.counts" -f selftests/tap-summary.awk "$log" | sed 's/^/   /'
	read -r passed failed skipped <"$log.counts"
	# A part that ends badly without a failed test has failed as a whole.
	if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then
		tail -n 40 "$log"
		failed=1
	fi
	all_passed=$((all_passed + passed))
	all_failed=$((all_failed + failed))
	all_skipped=$((all_skipped + skipped))
	printf '   %d passed, %d failed, %d skipped; %d s\n' \
		"$passed" "$failed" "$skipped" "$(($(date +%s) - part_began))"
}

# Prints one TAP line for a command that is one test.
try() {
	what=$1
	shift
	if "$@"; then
		echo "ok - $what"
	else
		echo "not ok - $what"
	fi
}

# The sources: what git has, and what it would take.
sources() {
	git ls-files --cached --others --exclude-standard -- "$@" | while read -r source; do
		[ -f "$source" ] && printf '%s\n' "$source"
	done
}

has_spdx() {
	head -n 3 "$1" | grep -q 'SPDX-License-Identifier: ' || echo "$1"
}

# Text of a licence and data carry no line of their own.
spdx_everywhere() {
	bare=$(sources | grep -Ev '^LICENSES/|^selftests/fuzz/corpus/|\.(json|jsonl|symbols|json\.in)$' |
		while read -r source; do has_spdx "$source"; done)
	[ -z "$bare" ] || {
		printf 'no SPDX line in:\n%s\n' "$bare"
		return 1
	}
}

formatted() {
	loose=$(sources '*.c' '*.h' | while read -r source; do
		clang-format --dry-run -Werror "$source" 2>/dev/null || echo "$source"
	done)
	[ -z "$loose" ] || {
		printf 'not as clang-format -i would have it:\n%s\n' "$loose"
		return 1
	}
}

style() {
	if ! git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
		echo 'ok - style # SKIP only git knows which files are sources'
		return
	fi
	# shellcheck disable=SC2046 # a list of words
	try 'shellcheck' shellcheck -x $(sources '*.sh' .ci/run tools/mkcc tools/plot)
	try 'clang-format' formatted
	try 'every file has its SPDX line' spdx_everywhere
}

configure_and_build() {
	cmake --preset "$1" && cmake --build --preset "$1"
}

build() {
	try "builds as $1" configure_and_build "$1"
}

# Arguments after the folder go to ctest.  Tests of a live ring use both cores, so one
# runs at a time.
tests() {
	folder=$1
	shift
	ctest --test-dir "$folder" -V --no-tests=error "$@"
}

valid_kernel() {
	tools/mkcc -o "$logs/kernel.spv" "$@" &&
		spirv-val --target-env vulkan1.2 "$logs/kernel.spv"
}

# What drivers are given to run: the library's kernel, and it with each file of handlers.
kernels() {
	try 'kernel' valid_kernel
	grep -rl --include='*.glsl' '^MK_OPCODE(' examples selftests | sort |
		while read -r source; do
			try "kernel with $source" valid_kernel "$source"
		done
}

# On the Mesa that the release itself ships, where that is an older one.
older_mesa() {
	icd=$(tools/stock-mesa.sh)
	case $? in
	0) VK_DRIVER_FILES=$icd VK_ICD_FILENAMES=$icd tests build -L vulkan \
		-E "$repeated|$placed" ;;
	4) echo 'ok - older Mesa # SKIP this release ships a recent one' ;;
	*) echo 'not ok - older Mesa can be had' ;;
	esac
}

# The loader says which layers it has put in.
validation_is_there() {
	VK_LOADER_DEBUG=layer build/examples/mkscan -e mk README.md 2>&1 |
		grep 'Insert instance layer "VK_LAYER_KHRONOS_validation"'
}

# What the layer says stands in the tests' output, which is in this part's log.
validation_is_silent() {
	! grep -E 'Validation (Error|Warning|Performance)|VUID-|SYNC-HAZARD' "$log" |
		head -n 20 | grep .
}

validation() (
	cat >"$logs/vk_layer_settings.txt" <<-END
		khronos_validation.enables = VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT
		khronos_validation.debug_action = VK_DBG_LAYER_ACTION_LOG_MSG
		khronos_validation.report_flags = error,warn,perf
		khronos_validation.log_filename = stdout
	END
	export VK_LAYER_SETTINGS_PATH="$logs" VK_INSTANCE_LAYERS=VK_LAYER_KHRONOS_validation
	try 'the validation layer is there' validation_is_there
	tests build -L vulkan -E "$repeated|$tools|_driver_cq$"
	try 'the validation layer has nothing to say' validation_is_silent
)

# Kernels that mk.ko is tested with, each in a guest.
kernels_always='6.1 6.12'
kernels_full='latest debug'

modules() {
	for kernel; do
		try "mk.ko builds for the kernel '$kernel'" \
			tools/vmtest.sh --kernel "$kernel" --build-only --sparse
	done
}

# Of what checkpatch says, this is not for a module that builds outside of a kernel tree
# too (compat.h), or is a mistake of its: a file's name that is a word of the file.
checkpatch() {
	script=$(tools/vm/kernel.sh debug)/build/scripts/checkpatch.pl
	# From there, since it knows headers for user space by their path.
	(cd kmod && "$script" --no-tree --strict --terse --no-summary --max-line-length=90 \
		--ignore LINUX_VERSION_CODE,CONSTANT_COMPARISON,EMBEDDED_FILENAME \
		-f ./*.c ./*.h include/uapi/linux/mk.h)
}

kernel_doc() {
	! "$(tools/vm/kernel.sh debug)/build/scripts/kernel-doc" -none \
		kmod/*.h kmod/include/uapi/linux/mk.h 2>&1 | grep .
}

# The default tests, on memory of mk.ko's.
guest() {
	kernel=$1
	shift
	tools/vmtest.sh --kernel "$kernel" "$@"
}

# The slow ones of the library's; see selftests/CMakeLists.txt for Mesa's variables.
guest_library() {
	tools/vmtest.sh --kernel "$1" --memory 2048 --timeout 3000 -- \
		env MK_BACKING=kmod GALLIVM_PERF=nopt LP_NATIVE_VECTOR_WIDTH=128 \
		ctest --test-dir build -V --no-tests=error -L '^guest$'
}

# What only the debug kernel sees: 10 000 owners killed, ten minutes of random calls.  Both
# took half an hour by the guest's clock on two processors; the timeout is three times that.
guest_debug() {
	set -- build/kselftest/kmod
	make -C selftests all &&
		tools/vmtest.sh --kernel debug --timeout 6000 -- sh -c "
			MK_ROUNDS=10000 $1/stress && $1/fuzz --seconds 600"
}

# TSan of gcc 12 knows no mappings as random as newer kernels make them.
thread_tests() {
	set -- ctest --test-dir build/tsan -V --no-tests=error -L threads
	if setarch -R true 2>/dev/null; then
		set -- setarch -R "$@"
	fi
	"$@"
}

# What is run for its number of workgroups, of kills or of files, or runs programs that are
# tested by themselves, and has no code of its own: not again where drivers differ or the
# code is looked at.
repeated='exec_vectors_vulkan_1|kill_vulkan|mkscan_vulkan|^many_|^first_run$|test_reset_device'
# The same tests in a device's memory, but for those of the ordering; and with the cq there.
placed='(exec_vectors|test_engine|test_long|test_producer|test_stress|test_threads)_device|_driver_cq$'
# What a validation layer sees of a tool or a producer it has seen in the tests.
tools='^(mk[a-z]*|doctor|examples|test_(doctor|kill|process|serve|producer|threads))_'
# Tests whose code runs elsewhere in the plain check, too, on another engine or memory.
# Few parentheses: ctest takes ten of them, and beyond that leaves out nothing.
again='^test_(doctor|kill|process|threads|snapshot|trace)_(vulkan|device)$|^exec_vectors_vulkan_2$'
again="$again|^test_(engine|long|producer|stress|io_life|reset)_device$|^examples_device$"
again="$again|^mkrun_cpu$|^doctor_cpu$|^test_(device_share|engine|litmus_cq|process)_driver_cq$"
# Models are no code, and take a minute; all numbers of workgroups take two, all of mkscan one
# and a half, of which the quick part stays, and what else has its cq in the driver's memory
# four: at a full check.
long='^models$|^many_|^exec_vectors_vulkan_16?$|^mkscan_cpu_|^mkscan_vulkan_|^exec_vectors_driver_cq$'
long="$long|^test_(io_device|kill|litmus|log_formats|producer|reset|serve|snapshot|threads)_driver_cq$"
long="$long|^examples_driver_cq$"
[ -z "${MK_SLOW-}" ] || long='^$'
[ -n "$everywhere" ] || long="$long|$again"

number=0
all_passed=0
all_failed=0
all_skipped=0

part 'dependencies' try 'tools/setup.sh --test' tools/setup.sh --test
part 'style' style
part 'release build' build release
part 'all tests' tests build -LE radv -E "$long"
part 'spirv-val of the kernels' kernels
part 'RADV, without a card' tests build -L radv
# shellcheck disable=SC2086 # a list of words
part 'mk.ko: build, sparse' modules $kernels_always
if [ -n "$everywhere" ]; then
	part 'Vulkan tests, older Mesa' older_mesa
	part 'Vulkan tests, validation layer' validation
	part 'address and undefined behaviour sanitizers: build' build asan
	# mkscan's part for the reference executor is in test_automaton too; the models are
	# no code; and a shim that is loaded ahead of a sanitizer is refused.
	part 'address and undefined behaviour sanitizers: tests' \
		tests build/asan -LE 'install|radv' \
		-E "$repeated|$placed|mkscan_cpu|mkbench_vulkan|^models\$"
	part 'thread sanitizer: build' build tsan
	part 'thread sanitizer: tests inside one process' thread_tests
	part 'clang: build' build clang
	for kernel in $kernels_always; do
		part "mk.ko and the library in a guest with Linux $kernel" guest "$kernel"
	done
fi
if [ -n "${MK_SLOW-}" ]; then
	# shellcheck disable=SC2086
	part 'mk.ko: build for more kernels' modules $kernels_full
	part 'mk.ko: checkpatch' try 'checkpatch' checkpatch
	part 'mk.ko: kernel-doc' try 'kernel-doc' kernel_doc
	part 'guest with the latest Linux' guest latest
	part 'guest with a debug kernel' guest debug --timeout 3000 --make CONFIG_MK_KUNIT_TEST=y
	part 'debug kernel: kills and random calls' guest_debug
	for kernel in $kernels_always; do
		part "slow tests of the library in a guest with Linux $kernel" \
			guest_library "$kernel"
	done
fi

printf '== %d s in all; output is in build/check\n' "$(($(date +%s) - began))"
printf '%d passed, %d failed, %d skipped\n' "$all_passed" "$all_failed" "$all_skipped"
[ "$all_failed" -eq 0 ] && [ "$all_passed" -gt 0 ]
