# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# Whether JSON is as a schema has it: sourced by tests.
#
#   schema_begin SCHEMA FOLDER    before; pipes are put into the folder
#   valid FILE                    the file's objects are

schema_begin() {
	schema_here=$(dirname "$0")
	if ! python3 -c 'import jsonschema' 2>/dev/null; then
		echo '# python3-jsonschema is not there: JSON is only parsed'
		return
	fi
	# One for all files: it takes longer to start than to judge.
	mkfifo "$2/names" "$2/verdicts"
	python3 "$schema_here/check_json.py" "$1" <"$2/names" >"$2/verdicts" &
	exec 8>"$2/names" 9<"$2/verdicts"
	schema_is_there=yes
}

valid() {
	if [ -z "${schema_is_there-}" ]; then
		jq -e . <"$1" >/dev/null
		return
	fi
	printf '%s\n' "$1" >&8
	read -r verdict <&9 || verdict='wrong: check_json.py has ended'
	echo "$verdict"
	case $verdict in wrong:*) return 1 ;; esac
}
