# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# fish completion for maprace

set -l commands watch snapshot report bpf inspect doctor
set -l none "not __fish_seen_subcommand_from $commands"
set -l formats "text json jsonl sarif junit html mrec pprof"

complete -c maprace -f
complete -c maprace -n $none -a watch -d 'Prove which maps race'
complete -c maprace -n $none -a snapshot -d 'Freeze a process for a moment'
complete -c maprace -n $none -a report -d 'Render a report again'
complete -c maprace -n $none -a bpf -d 'Watch kernel BPF maps'
complete -c maprace -n $none -a inspect -d 'What would be probed'
complete -c maprace -n $none -a doctor -d 'What this kernel allows'
complete -c maprace -s h -l help -d 'Show help'
complete -c maprace -n $none -s V -l version -d 'Show the version'
complete -c maprace -n "__fish_seen_subcommand_from $commands" -s v -l verbose -d 'Say more'

complete -c maprace -n '__fish_seen_subcommand_from watch snapshot inspect' -s p -l pid -x -a '(__fish_complete_pids)' -d 'Process'
complete -c maprace -n '__fish_seen_subcommand_from watch bpf' -s d -l duration -x -d 'End after that long'
complete -c maprace -n '__fish_seen_subcommand_from watch snapshot bpf' -s o -l output -r -F -d 'Write the report there'
complete -c maprace -n '__fish_seen_subcommand_from watch snapshot report bpf' -s f -l format -x -a $formats -d 'Format'
complete -c maprace -n '__fish_seen_subcommand_from watch report audit' -l source-root -x -a '(__fish_complete_directories)' -d 'Where the sources are'
complete -c maprace -n '__fish_seen_subcommand_from watch report bpf' -l suppressions -r -F -d 'What not to report'
complete -c maprace -n '__fish_seen_subcommand_from watch report bpf' -l baseline -r -F -d 'Report only what is not in this report'
complete -c maprace -n '__fish_seen_subcommand_from watch bpf' -l json -d 'Print JSON Lines'
complete -c maprace -n '__fish_seen_subcommand_from watch snapshot bpf' -s q -l quiet -d 'No progress and no summary'
complete -c maprace -n '__fish_seen_subcommand_from watch bpf' -l budget -x -d 'Share of CPU'
complete -c maprace -n '__fish_seen_subcommand_from watch bpf' -l window -x -d 'How close in time'
complete -c maprace -n '__fish_seen_subcommand_from watch bpf' -l suspects -d 'Also what is not proven'
complete -c maprace -n '__fish_seen_subcommand_from watch snapshot report bpf' -l exitcode -x -d 'Exit status when something was found'
complete -c maprace -n '__fish_seen_subcommand_from watch snapshot report bpf' -l no-color -d 'Never colour the text'
complete -c maprace -n '__fish_seen_subcommand_from watch' -l max-hold -x -d 'Longest single delay'
complete -c maprace -n '__fish_seen_subcommand_from watch' -l growth -d 'Also report how maps grew'
complete -c maprace -n '__fish_seen_subcommand_from watch bpf' -l record -r -F -d 'Stream a recording there'
complete -c maprace -n '__fish_seen_subcommand_from watch' -l halt-on-race -d 'End after the first race'
complete -c maprace -n '__fish_seen_subcommand_from watch' -l no-follow -d 'Watch the command alone'
complete -c maprace -n '__fish_seen_subcommand_from watch' -l dry-run -d 'Do not open the probes'
complete -c maprace -n '__fish_seen_subcommand_from report' -l diff -d 'Compare two reports'
complete -c maprace -n '__fish_seen_subcommand_from report inspect' -F
complete -c maprace -n '__fish_seen_subcommand_from bpf' -l map -x -d 'Watch this map only'
complete -c maprace -n '__fish_seen_subcommand_from snapshot' -l map -x -d 'Check this map'
complete -c maprace -n '__fish_seen_subcommand_from snapshot' -l values -d 'Show keys and values'
complete -c maprace -n '__fish_seen_subcommand_from snapshot' -l max-freeze -x -d 'Let it go after that long'
complete -c maprace -n '__fish_seen_subcommand_from bpf' -l top -d 'Show a live table'
complete -c maprace -n '__fish_seen_subcommand_from bpf' -a audit -d 'Read BPF programs for updates that can be lost'
complete -c maprace -n '__fish_seen_subcommand_from audit' -l prog -x -d 'Read this program only'
complete -c maprace -n '__fish_seen_subcommand_from audit' -l object -r -F -d 'Read this object file'
complete -c maprace -n '__fish_seen_subcommand_from audit' -l live -d 'Watch the programs in which something was found'
complete -c maprace -n '__fish_seen_subcommand_from audit' -l strict -d 'End with a status of its own when there is a finding'
