# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# The races of a maprace/1 document in the words of expect.awk. $file: name of the case's source. An access is known by its
# innermost frame in that file; names of type arguments are left out, as Go itself prints them.

def plain: gsub("\\[[^\\]]*\\]"; "[...]");
def own: [.stack[] | select(.file | endswith("/" + $file))][0] // {function: ("nowhere in " + $file), line: 0};
def access: (own | "\(.function | plain):\(.line)") as $site | "\(.op):\($site)";

def creation: select(.created_by != null)
  | "CREATED \(own.function | plain)|\(.created_by.function | plain):\(.created_by.line)";

.races[]
| if .evidence == "fatal" then
    # of the goroutine that did not die only the last call is known
    .accesses[] | own | select(.line > 0) | "FATAL \(.function | plain):\(.line)"
  elif (.accesses | length) == 1 then
    # in flight, and whose write it was that was under way is not known
    "LONE \(.kind)|\(.accesses[0] | access)", (.accesses[].stack[].function | "FRAME \(. | plain)")
  else
    ([.accesses[] | access] | sort | join("|")) as $sites
    | "RACE \(.kind)|\($sites)", (.accesses[] | creation), (.accesses[].stack[].function | "FRAME \(. | plain)")
  end
