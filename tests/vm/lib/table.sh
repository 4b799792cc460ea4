# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# shellcheck shell=bash disable=SC2154,SC2034
# The table kernel x case for the documentation.

# table_write RESULTS_FOLDER "KERNEL KERNEL..."
table_write()
{
	local folder=$1 kernel files=()
	for kernel in $2; do
		[[ ! -s $folder/$kernel.results ]] || files+=("$folder/$kernel.results")
	done
	cat <<-'EOF'
		# Kernels

		<!-- Written by `make vmtable`, from the last `make vmtest` of each kernel: do not edit. -->

		What passed inside each kernel of the matrix, with the seconds it took. The machines are emulated in
		software (QEMU's TCG, 2 CPUs, 1024 MiB), some ten times slower than the real thing: the seconds tell
		that a case ran and how far it is from its limit, not how fast maprace is.

	EOF
	awk '
		function short(file) { sub(/.*\//, "", file); sub(/[.]results$/, "", file); return file }
		FNR == 1 { kernel = short(FILENAME); kernels[++nkernels] = kernel }
		{ sub(/\r$/, "") }
		$3 == "begin" { release[kernel] = $5; uptime[kernel] = $6 }
		$3 == "start" && !($4 in known) { known[$4] = 1; cases[++ncases] = $4 }
		$3 == "pass" { cell[kernel, $4] = $5; passed[kernel]++; total[kernel]++ }
		$3 == "fail" { cell[kernel, $4] = "**failed**"; total[kernel]++ }
		$3 == "skip" { cell[kernel, $4] = "skipped"; total[kernel]++ }
		$3 == "fact" {
			if (!($4 in fknown)) { fknown[$4] = 1; facts[++nfacts] = $4 }
			value = $0; sub(/^@vm [0-9]+ fact [^ ]+ /, "", value); gsub(/[|]/, "\\|", value); fact[kernel, $4] = value
		}
		function row(head, name,   i, line) {
			line = "| " head " |"
			for (i = 1; i <= nkernels; i++) line = line " " name[kernels[i]] " |"
			print line
		}
		END {
			for (i = 1; i <= nkernels; i++) { k = kernels[i]; title[k] = k; rule[k] = "---"; sum[k] = (passed[k] + 0) " of " (total[k] + 0) }
			row("case", title); row("---", rule); row("release", release); row("seconds from power-on to the first case", uptime); row("passed", sum)
			for (c = 1; c <= ncases; c++) {
				for (i = 1; i <= nkernels; i++) line_[kernels[i]] = (kernels[i], cases[c]) in cell ? cell[kernels[i], cases[c]] : "–"
				row("`" cases[c] "`", line_)
			}
			if (nfacts) {
				print "\n## What each kernel offers\n\nFound by trying, inside the guests.\n"
				row("", title); row("---", rule)
				for (c = 1; c <= nfacts; c++) {
					for (i = 1; i <= nkernels; i++) line_[kernels[i]] = (kernels[i], facts[c]) in fact ? fact[kernels[i], facts[c]] : "–"
					row(facts[c], line_)
				}
			}
		}' "${files[@]}"
	runs_table "$vm_dir/runs.tsv" "$2"
	cat <<-'EOF'

		## Privileges

		`watch -p` as an ordinary user, on another user's process (cases `least_privilege*`):

		| kernel | capabilities |
		|---|---|
		| with multi-uprobe (6.12, 7.2) | `CAP_BPF`, `CAP_PERFMON`, `CAP_SYS_PTRACE` |
		| 6.1 | these and `CAP_SYS_ADMIN`: perf events on uprobes ask for it |
		| 5.10 | these and `CAP_SYS_ADMIN`; or these alone with `kernel.perf_event_paranoid=2` (Debian sets 3); and locked memory, see below |

		Without `CAP_SYS_PTRACE` processes of one's own user, and commands, are watched all the same. In a
		PID namespace no more is needed (`least_privilege_pid_namespace`).

		Kernels before 5.11, so 5.10, charge BPF maps to the limit of locked memory, by user: 32 MB, twice
		that for hundreds of processes. Where the hard limit is lower (`ulimit -H -l`; often 8 MB, so in the
		guests), `CAP_SYS_RESOURCE` is needed besides, or a higher limit (`least_privilege_paranoid_2` has
		the one, `least_privilege_sys_admin` the other).

		With less, `doctor` and `watch` name what is missing (`least_privilege_*refused`, `refuses_*`). In
		`lockdown=confidentiality` no kernel lets programs read memory, and both say that (`lockdown_*`).
		Without BTF Go programs are watched all the same (`without_btf`).

		## Trees and hosts

		What a command starts is followed, into a PID namespace of its own too (`command_tree`,
		`tree_pid_namespace`), and `--all` finds who is there and who comes (`host_all`, `daemon`). Inside a
		PID namespace `--all` is all in there: what runs outside is neither counted nor named
		(`host_pid_namespace`). Containers, pods and units are told from control groups of version 2
		(`host_cgroup*`).

		What following needs beside probes has rows of `doctor`: `execs`, `exec-gate`, `trace`, `pidfd`,
		`children`, `cgroups`. Where one says no it says what is lost
		(`doctor_following`), and the watch goes on with what there is (`host_without_events`,
		`host_without_pidfd`, `tree_not_followed`). On 5.10 and 6.1 one thing is lost with everything there:
		a program that a command starts may have done its first instructions when it is stopped.

		## Private stacks (6.13 and later)

		These kernels give a probe's program a stack of the CPU's, although a uprobe's program can be
		preempted on it. On 7.2 that ended in a crash of the kernel in each of four boots of
		`other_process`, until maprace's programs were kept on their threads' own stacks
		(`bpf/common/private_stack.bpf.h` says how).
	EOF
}
