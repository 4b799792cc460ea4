# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# bash completion for maprace

_maprace()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command="" i
	local watch="--pid --duration --output --format --source-root --json --quiet --verbose --budget --slowdown --procs --max-hold
		--window --suspects --growth --panics --goroutines --suppressions --baseline --record --state --halt-on-race --exitcode --all --match
		--cgroup --container --user --max-processes --no-follow --no-post-mortem --panic-values --max-freeze --core --memory
		--memory-limit --memory-at --memory-dir --dry-run --no-color
		--help"
	local report="--format --source-root --diff --suppressions --baseline --exitcode --no-color --verbose --help"
	local bpf="--map --duration --output --format --json --top --suspects --budget --window --suppressions --baseline --record
		--exitcode --quiet --verbose --no-color --help"
	local daemon="--config --log --log-size --log-files --listen --allow-remote --state --memory --memory-limit --memory-at
		--memory-dir --match --cgroup --container --user --max-processes --budget --max-hold --panics --panic-values
		--no-goroutines --suppressions --verbose --help"
	local top="--pid --interval --count --sort --match --cgroup --container --user --max-processes --budget --max-hold
		--suppressions --verbose --help"
	local snapshot="--pid --map --values --max-freeze --core --output --format --exitcode --quiet --verbose --no-color --help"
	local audit="--prog --object --live --duration --output --format --json --source-root --suppressions --baseline --strict --exitcode --quiet
		--verbose --no-color --help"

	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		watch | daemon | top | snapshot | report | bpf | inspect | doctor)
			command=${COMP_WORDS[i]}
			break
			;;
		esac
	done
	if [[ $command == watch ]]; then
		for ((i = 1; i < COMP_CWORD; i++)); do
			if [[ ${COMP_WORDS[i]} == -- ]]; then
				_command_offset $((i + 1)) 2>/dev/null || mapfile -t COMPREPLY < <(compgen -c -- "$cur")
				return
			fi
		done
	fi
	case $prev in
	-f | --format)
		mapfile -t COMPREPLY < <(compgen -W "text json jsonl sarif junit html mrec pprof" -- "$cur")
		return
		;;
	-c | --config | --log | --state | -o | --output | --object | --suppressions | --baseline | --record)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--source-root | --memory-dir)
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		return
		;;
	-p | --pid)
		mapfile -t COMPREPLY < <(compgen -W "$(cd /proc && echo [0-9]*)" -- "$cur")
		return
		;;
	--sort)
		mapfile -t COMPREPLY < <(compgen -W "pid operations maps races racy ordered unproven unseen cost where command" -- "$cur")
		return
		;;
	-i | --interval | -n | --count | --log-size | --log-files | --listen | --match | --container | --max-processes | -d | --duration | --budget | --slowdown | --procs | --max-hold | --max-freeze | --memory-limit | --memory-at | --window | --exitcode | --map | --prog)
		return
		;;
	esac
	case $command in
	watch) mapfile -t COMPREPLY < <(compgen -W "$watch" -- "$cur") ;;
	daemon) mapfile -t COMPREPLY < <(compgen -W "$daemon" -- "$cur") ;;
	top) mapfile -t COMPREPLY < <(compgen -W "$top" -- "$cur") ;;
	snapshot) mapfile -t COMPREPLY < <(compgen -W "$snapshot" -- "$cur") ;;
	bpf)
		if [[ ${COMP_WORDS[i + 1]} == audit && $((i + 1)) -lt $COMP_CWORD ]]; then
			bpf=$audit
		elif ((i + 1 == COMP_CWORD)); then
			bpf+=" audit"
		fi
		mapfile -t COMPREPLY < <(compgen -W "$bpf" -- "$cur")
		;;
	report)
		if [[ $cur == -* ]]; then
			mapfile -t COMPREPLY < <(compgen -W "$report" -- "$cur")
		else
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		fi
		;;
	inspect)
		if [[ $cur == -* ]]; then
			mapfile -t COMPREPLY < <(compgen -W "--pid --verbose --help" -- "$cur")
		else
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		fi
		;;
	doctor) mapfile -t COMPREPLY < <(compgen -W "--verbose --help" -- "$cur") ;;
	*) mapfile -t COMPREPLY < <(compgen -W "watch daemon top snapshot report bpf inspect doctor --help --version" -- "$cur") ;;
	esac
}
complete -o filenames -F _maprace maprace
