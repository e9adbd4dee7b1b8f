#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Prints an apt source of another of Debian's suites:
#
#   tools/debian-source.sh SUITE
#
# It is the machine's own source of its release with nothing changed but the suite, so
# that mirrors, proxies and keys stay as they were set up.  Apt itself tells which entry
# of which file that is.  Prints nothing where there is no such source.
#
# shellcheck disable=SC2016 # formats in single quotes are apt's
set -eu

suite=${1:?which suite?}
# shellcheck source=/dev/null
codename=$(. /etc/os-release && echo "${VERSION_CODENAME-}")

entry=$(apt-get indextargets --format '$(SOURCESENTRY)' \
	'Created-By: Packages' "Codename: $codename" 'Component: main' \
	'Origin: Debian' | head -n 1)
file=${entry%:*}
number=${entry##*:}
[ -r "$file" ] || exit 0
case $file in
*.sources)
	# The number counts stanzas.  Continued lines begin with a blank.
	awk -v wanted="$number" -v suite="$suite" '
		/^#/ { next }
		/^[ \t]*$/ { inside = 0; next }
		!inside { inside = 1; stanza++ }
		stanza != wanted { next }
		/^[^ \t]/ { field = tolower($0); sub(/:.*/, "", field) }
		field == "types" { if (/^[^ \t]/) print "Types: deb"; next }
		field == "suites" { if (/^[^ \t]/) print "Suites: " suite; next }
		{ print }
	' "$file"
	;;
*.list)
	# The number counts lines: deb [options] URI suite component...
	sed -n "${number}{
		s/^[ \t]*deb[ \t]*/deb /
		s/^\(deb \(\[[^]]*\] *\)\{0,1\}[^ \t]*[ \t]*\)[^ \t]*/\1$suite/
		p
	}" "$file"
	;;
esac
