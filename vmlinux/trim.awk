# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Keep what types.txt names, and what that needs, of a C dump of a kernel's BTF.
# usage: awk -f trim.awk types.txt dump.h    (POSIX awk; mawk will do)

function die(msg)
{
	print "trim.awk: " msg > "/dev/stderr"
	failed = 1
	exit 1
}

function want(key)
{
	if (!(key in wanted)) {
		wanted[key] = 1
		queue[nqueue++] = key
	}
}

# struct NAME: A B C -> only the members of these names, also within anonymous members
function cut(text, fields,    lines, n, i, depth, member, out, inner)
{
	n = split(text, lines, "\n")
	out = ""
	for (i = 2; i < n; i++) {
		member = member (member == "" ? "" : "\n") lines[i]
		depth += gsub(/\{/, "{", lines[i]) - gsub(/\}/, "}", lines[i])
		if (depth || lines[i] !~ /;[ \t]*$/)
			continue
		if (member ~ /^[ \t]*(struct|union) \{/ && lines[i] ~ /^[ \t]*\};/) {
			inner = cut(member, fields)
			if (inner != "")
				out = out inner "\n"
		} else if (named(member, fields)) {
			out = out member "\n"
		}
		member = ""
	}
	return out == "" ? "" : lines[1] "\n" out lines[n]
}

# is the member's own name one of the fields?
function named(member, fields,    names, n, i)
{
	n = split(fields, names, " ")
	for (i = 1; i <= n; i++)
		if (member ~ ("[ *\t]" names[i] "(\\[[0-9]+\\])*( *: *[0-9]+)?;$")) {
			seen[names[i]] = 1
			return 1
		}
	return 0
}

# note what a declaration needs: by value a definition, by pointer only a name
function scan(text,    lines, n, i, line, word, kind, rest, name)
{
	n = split(text, lines, "\n")
	for (i = 1; i <= n; i++) {
		line = lines[i]
		rest = line
		while (match(rest, /(struct|union|enum) [A-Za-z_][A-Za-z0-9_]*/)) {
			name = substr(rest, RSTART, RLENGTH)
			rest = substr(rest, RSTART + RLENGTH)
			if (rest ~ /^ *\*/ && name !~ /^enum/)
				forward[name] = 1
			else if (name in body)
				want(name)
			else
				forward[name] = 1
		}
		gsub(/(struct|union|enum) [A-Za-z_][A-Za-z0-9_]*/, " ", line)
		while (match(line, /[A-Za-z_][A-Za-z0-9_]*/)) {
			word = substr(line, RSTART, RLENGTH)
			line = substr(line, RSTART + RLENGTH)
			if (("typedef " word) in body)
				want("typedef " word)
		}
	}
}

function store(text,    key, name, head)
{
	head = text
	sub(/\n.*/, "", head)
	if (match(head, /^(struct|union|enum) [A-Za-z_][A-Za-z0-9_]* \{/)) {
		key = substr(head, 1, RLENGTH - 2)
	} else if (head ~ /^(enum|struct|union) \{/) {
		key = "anonymous " nblocks
		anonymous[key] = 1
	} else if (text ~ /^typedef /) {
		name = text
		if (name ~ /\(\*[A-Za-z_][A-Za-z0-9_]*\)\(/) {
			sub(/^[^(]*\(\*/, "", name)
			sub(/\).*/, "", name)
		} else {
			gsub(/\n/, " ", name)
			sub(/(\[[0-9]*\])*;$/, "", name)
			sub(/.*[ *}]/, "", name)
		}
		key = "typedef " name
	} else {
		return # a forward declaration: made again where needed
	}
	if (key in body)
		return
	body[key] = text
	order[nblocks++] = key
}

FNR == 1 { file++ }

file == 1 {
	if (/^#/ || /^[ \t]*$/)
		next
	if (/^stub /) {
		sub(/^stub /, "")
		key = $0
		sub(/:.*/, "", key)
		sub(/^[^:]*: */, "")
		stub[key] = $0
		next
	}
	key = $0
	fields = ""
	if (index($0, ":")) {
		sub(/:.*/, "", key)
		fields = $0
		sub(/^[^:]*: */, "", fields)
		cuts[key] = fields
	}
	roots[nroots++] = key
	next
}

/^#/ || /^[ \t]*$/ {
	next
}

{
	block = block == "" ? $0 : block "\n" $0
	line = $0
	braces += gsub(/\{/, "{", line) - gsub(/\}/, "}", line)
	if (braces == 0 && /;[ \t]*$/) {
		store(block)
		block = ""
	}
}

END {
	if (failed)
		exit 1
	for (key in stub)
		if (!(key in body)) {
			body[key] = stub[key]
			order[nblocks++] = key
		}
	for (i = 0; i < nroots; i++) {
		key = roots[i]
		if (key ~ /^having /) {
			word = substr(key, 8)
			found = ""
			for (k in anonymous)
				if (body[k] ~ ("[^A-Za-z0-9_]" word " = "))
					found = k
			if (found == "")
				die("no enumeration has " word)
			want(found)
		} else if (key in body) {
			want(key)
		} else {
			die("no such type: " key)
		}
	}
	for (i = 0; i < nqueue; i++) {
		key = queue[i]
		if (key in cuts) {
			split("", seen)
			body[key] = cut(body[key], cuts[key])
			n = split(cuts[key], names, " ")
			for (j = 1; j <= n; j++)
				if (!(names[j] in seen))
					die("no field " names[j] " in " key)
		}
		scan(body[key])
	}
	for (key in forward)
		if (!(key in wanted) || key ~ /^(struct|union)/)
			list[nnames++] = key
	# an insertion sort, so that the result is the same with every awk
	for (i = 1; i < nnames; i++)
		for (j = i; j > 0 && list[j - 1] > list[j]; j--) {
			t = list[j]
			list[j] = list[j - 1]
			list[j - 1] = t
		}
	for (i = 0; i < nnames; i++)
		print list[i] ";"
	print ""
	for (i = 0; i < nblocks; i++)
		if (order[i] in wanted)
			print body[order[i]] "\n"
}
