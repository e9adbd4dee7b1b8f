# SPDX-License-Identifier: MIT
#
# Counts the single tests in the output of 'ctest -V', or in plain TAP:
#
#   awk -v counts=FILE -f tap-summary.awk LOG
#
# Single tests are TAP's lines and the counts of the vectors runners.  A program that
# prints neither is one test.  One that fails without a failed test in its output, as
# by a signal or by running into its time limit, is one failed test more.
#
# Prints what was skipped, with the reason, and what programs that failed had to say.
# Writes "PASSED FAILED SKIPPED" to the file named by counts.

# Which program a line of output belongs to: ctest writes its number first.
/^[0-9]+: / {
	program = $1
	line = substr($0, length($1) + 2)
	# Before a program's output ctest tells how it is started.
	if (line ~ /^Test command: /)
		preamble[program] = 1
	if (!preamble[program])
		heard(program, line)
	if (line ~ /^Test timeout /)
		preamble[program] = 0
	next
}

# ctest's verdict on a program.
/^ *[0-9]+\/[0-9]+ Test +#[0-9]+: / {
	number = $0
	sub(/^[^#]*#/, "", number)
	sub(/:.*/, "", number)
	name = $0
	sub(/^[^#]*#[0-9]+: /, "", name)
	sub(/ .*/, "", name)
	verdict(number ":", name, $0)
	next
}

# Plain TAP, outside of ctest.
{
	heard("", $0)
}

END {
	total_passed += passed[""]
	total_failed += failed[""]
	total_skipped += skipped[""]
	if (failed[""])
		printf "%s", output[""]
	print total_passed + 0, total_failed + 0, total_skipped + 0 > counts
}

function heard(program, line) {
	if (line !~ /^ok /)
		output[program] = output[program] line "\n"
	if (line ~ /^(not )?ok [0-9]* *(- )?.*# SKIP/) {
		skipped[program]++
		reason(program, line)
	} else if (line ~ /^ok( |$)/) {
		passed[program]++
	} else if (line ~ /^not ok( |$)/) {
		failed[program]++
	} else if (line ~ /^[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$/) {
		split(line, word, /[ ,]+/)
		passed[program] += word[1]
		failed[program] += word[3]
		skipped[program] += word[5]
	} else if (line != "") {
		last[program] = line
	}
}

# cmocka knows no reasons: what a test printed before it was skipped is the reason.
function reason(program, line) {
	if (line ~ /^not ok/ || line !~ /- .*# SKIP/)
		line = line ": " last[program]
	sub(/^(not )?ok [0-9]* *(- )?(# SKIP )?/, "", line)
	print "skipped: " line
}

function verdict(program, name, line) {
	# cmocka's exit status is the number of failed tests, and four is no skip.
	if (line ~ /\*\*\*Skipped/ && !failed[program]) {
		skipped[program]++
		sub(/^1\.\.0 *# SKIP */, "", last[program])
		print "skipped: " name ": " last[program]
	} else if (line !~ / Passed /) {
		if (!failed[program])
			failed[program] = 1
		print "failed: " name ":"
		printf "%s", output[program]
		print line
	} else if (failed[program]) {
		print "failed, though its exit status was 0: " name ":"
		printf "%s", output[program]
	} else if (!passed[program] && !skipped[program]) {
		passed[program] = 1
	}
	total_passed += passed[program]
	total_failed += failed[program]
	total_skipped += skipped[program]
	delete output[program]
}
