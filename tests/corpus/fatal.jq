# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# What a maprace/1 document says of the runtime's own fatal errors, one line each: PROVES NAMES TIME. $file: name of the program's
# source; $wrong: who must not be named, as space-separated names or pairs. A goroutine is known by its innermost frame in that
# file, or by the function spawn_NAME that made it.

def own: [.stack[] | select((.file | endswith("/" + $file)) and .line > 0)][0].function // .created_by.function // "unknown"
  | sub("^main\\."; "") | sub("^spawn_"; "") | sub("\\..*"; "");

.races[] | select(.evidence == "fatal" or .message != "")
| [.accesses[] | own] as $names
| ($names | sort | join("|")) as $pair
| ([.accesses[1:][] | own] | join("|")) as $other
| [
    .proves,
    (if .evidence != "fatal" then "also-" + .evidence else "fatal" end),
    (if any(.accesses[1:][]; .stack | any(.file | endswith("/" + $file))) then "line" else "no-line" end),
    ($names | join(",")),
    (if .proves != "pair" then "right"
     elif ($wrong | split(" ") | any(. == $pair or . == $other)) then "WRONG"
     elif .evidence == "fatal" and .accesses[1].time_ns > .accesses[0].time_ns then "WRONG"
     else "right" end)
  ] | @tsv
