# SPDX-License-Identifier: MIT
#
# Prints what a kernel's log complains about, each complaint with the lines that follow
# it.  Nothing printed: no complaint.

function complain() {
	if (left == 0 && printed++)
		print "..."
	left = 60
}

{
	sub(/\r$/, "")
	text = $0
	sub(/^\[[^]]*\] */, "", text)
}

# Failing to get memory is told with a trace, and is what tests provoke: a limit, an
# injected failure.
text ~ /page allocation failure|vmalloc error|invoked oom-killer/ {
	excused = 1
}

text ~ /^mk-vm: / {
	left = 0
	# What follows was asked for, and is in the log's end anyway.
	showing = text ~ /has had its/
}

showing {
	next
}

text ~ /(^|[^A-Za-z_])(BUG|Oops)([^A-Za-z_]|$)|general protection|Kernel panic/ ||
text ~ /^WARNING: |KASAN: |UBSAN: |ODEBUG: |refcount_t: |list_(add|del) corruption/ ||
text ~ /possible circular|INFO: possible|inconsistent lock state|suspicious RCU/ ||
text ~ /INFO: trying to register non-static key|lock held when returning to user/ ||
text ~ /INFO: task .* blocked for more|detected stall|self-detected stall|soft lockup/ ||
text ~ /[Bb]ad page|sleeping function called from invalid|scheduling while atomic/ ||
text ~ /^(# .*: )?not ok / {
	complain()
}

text ~ /^Call Trace:/ {
	if (!excused)
		complain()
	excused = 0
}

left > 0 {
	print
	left--
}
