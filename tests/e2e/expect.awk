# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Reads a case's source and prints what its directives say, one a line, with marks turned into line numbers:
#   EXPECT|ALLOW KIND|OP:FUNCTION:LINE|OP:FUNCTION:LINE     the two accesses in sorted order
#   CREATED FUNCTION|FUNCTION:LINE
#   NEVER kind=…|function=…      MIN-GO …     UNSEEN GO-VERSION (from which no map operation is to be seen)      CGO

function lined(word,   parts, n, mark)
{
	n = match(word, /:@[a-z-]+$/)
	if (!n)
		fatal("no mark in " word)
	mark = substr(word, n + 2)
	if (!(mark in line))
		fatal("mark @" mark " is on no line")
	return substr(word, 1, n) line[mark]
}

function fatal(why)
{
	print FILENAME ": " why > "/dev/stderr"
	exit 2
}

match($0, /\/\/ @[a-z-]+$/) {
	line[substr($0, RSTART + 4)] = FNR
}

/^\/\/ (EXPECT|ALLOW|NEVER|CREATED|MIN-GO|UNSEEN|CGO)( |$)/ {
	directives[++ndirectives] = substr($0, 4)
}

END {
	for (i = 1; i <= ndirectives; i++) {
		n = split(directives[i], w, " ")
		if (w[1] == "EXPECT" || w[1] == "ALLOW") {
			if (n != 4 || w[2] !~ /^kind=/ || w[3] !~ /^a=/ || w[4] !~ /^b=/)
				fatal("bad directive: " directives[i])
			a = lined(substr(w[3], 3))
			b = lined(substr(w[4], 3))
			print w[1], substr(w[2], 6) "|" (a < b ? a "|" b : b "|" a)
		} else if (w[1] == "CREATED") {
			print w[1], w[2] "|" lined(w[3])
		} else {
			print directives[i]
		}
	}
}
