# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Judges the lines of `visibility`: TYPE HOW FUNCTION ACTOR OPERATIONS SEEN

function operation(function_name)
{
	if (function_name ~ /^(bpf_map_|generic_)/)
		return ""
	if (function_name ~ /batch/)
		return ""
	if (function_name ~ /lookup|_copy$/)
		return "look-up"
	return function_name ~ /delete/ ? "deletion" : "update"
}

function wrong(text)
{
	print "wrong: " text
	bad = 1
}

{
	type = $1; how = $2; name = $3; actor = $4; done = $5; seen = $6
	op = operation(name)
	if (!((how, actor) in performed))
		order[++norder] = how SUBSEP actor
	performed[how, actor] = done
	if (op != "" && seen != "-")
		observable[how] = 1
	if (seen != "-" && seen > best[how, actor, op])
		best[how, actor, op] = seen
	# The just-in-time compiler calls the map's own function, so that the helper itself never runs.
	if (name ~ /^bpf_map_(lookup|update|delete)_elem$/ && seen + 0 > 0)
		wrong(how " on the helper " name " saw " actor)
	# The system call keeps instrumentation away while it is inside a map's own function.
	if (how == "kprobe" && op != "" && actor ~ /^bpf/ && seen + 0 > 0)
		wrong("kprobe on " name " saw " actor)
	if (name == "bpf_map_copy_value" && actor == "bpf(2)" && seen != done)
		wrong(how " on bpf_map_copy_value saw " seen " of " done " look-ups by bpf(2)")
}

END {
	for (i = 1; i <= norder; i++) {
		split(order[i], at, SUBSEP)
		how = at[1]; actor = at[2]; done = performed[how, actor]
		if (done < 10 && !(actor == "bpf(2)-batch" && type == "lpm"))
			wrong(actor " did " done " operations only")
		if (how == "kprobe") {
			if (done && best[how, actor, "update"] == done)
				visible = visible " " actor
			continue
		}
		if (actor == "bpf(2)-batch")
			continue
		# Newer kernels build the LPM trie without the calls that fentry and kprobes hang on.
		if (type == "lpm" && !observable["fentry"] && !observable["kprobe"])
			continue
		# fentry on the map's own functions sees every actor; array look-ups of programs are inlined.
		if (best[how, actor, "update"] != done)
			wrong("fentry saw " best[how, actor, "update"] " of " done " updates by " actor)
		if (best[how, actor, "deletion"] != done)
			wrong("fentry saw " best[how, actor, "deletion"] " of " done " deletions by " actor)
		if (best[how, actor, "look-up"] != (type == "array" && actor != "bpf(2)" ? 0 : done))
			wrong("fentry saw " best[how, actor, "look-up"] + 0 " of " done " look-ups by " actor)
	}
	if (!observable["kprobe"])
		visible = " none: its functions cannot be probed"
	print "fact fentry-sees-updates-of-" type " by" (observable["fentry"] ? " all" : " none: its functions cannot be probed")
	print "fact kprobe-sees-updates-of-" type " by" visible
	exit bad
}
