#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Format, static checks and house rules. `make lint` calls it and passes the compilers' flags in CPPFLAGS.
# All complaints are printed; the exit status says whether there was one.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
max_lines=600
failures=0

# what git has or would have, that exists
files()
{
	local file
	git ls-files -co --exclude-standard -- "$@" | while read -r file; do
		[[ ! -f $file ]] || echo "$file"
	done
}

step()
{
	printf '  LINT   %s\n' "$1"
}

fail()
{
	echo "$*" >&2
	failures=$((failures + 1))
}

mapfile -t c_files < <(files '*.c' '*.h' ':!vmlinux/*/vmlinux.h')
mapfile -t user_sources < <(files 'user/*.c' 'tests/unit/*.c' 'tests/fuzz/*.c')
mapfile -t scripts < <(files '*.sh' '.ci/run')
mapfile -t all_files < <(files ':!vmlinux/*/vmlinux.h' ':!LICENSE*' ':!*.golden' ':!tests/fuzz/seeds/*/*' ':!*.mrec' ':!*.png')
mapfile -t c_folders < <(files "user/*.c" "tests/*.c" | sed "s,[^/]*$,," | grep -v "\.bpf" | sort -u)
declare -a cppflags
eval "cppflags=(${CPPFLAGS:?set by make lint})"

step 'clang-format'
clang-format --dry-run -Werror "${c_files[@]}" || fail 'lint: run `make format`'

step 'house rules'
for file in "${all_files[@]}"; do
	case $file in
	*.md | *.json | *.json.in | *.tsv | *.txt | *.supp | *.svg | *.html | *.xsd | *.mod | *.8 | .gitignore) ;;
	*) head -n 2 "$file" | grep -q 'SPDX-License-Identifier: ' || fail "$file: no SPDX line" ;;
	esac
	case $file in
	tests/e2e/bpf/audit_cases.bpf.c) ;; # a list of cases, of one file by their lines
	*.c | *.h | *.sh | *.go | Makefile)
		lines=$(wc -l <"$file")
		((lines <= max_lines)) || fail "$file: $lines lines, more than $max_lines"
		;;
	esac
	# a word in capitals alone on its line stands where something was to be filled in
	case $file in
	*.md | *.1) ! grep -nHE '^[A-Z]{3,}$' "$file" || fail "$file: a placeholder" ;;
	esac
	case $file in
	*.md) ;;
	*) ! grep -nHE '[[:blank:]]+$' "$file" || fail "$file: trailing blanks" ;;
	esac
done
scripts/layers.sh || fail 'lint: an include that goes against the order of the folders'

step 'shellcheck'
shellcheck "${scripts[@]}" || fail 'lint: shellcheck'

step 'cppcheck'
cppcheck --quiet --std=c11 --language=c --error-exitcode=1 --inline-suppr -j 2 --max-configs=4 \
	--enable=warning,performance,portability --suppress=missingInclude --suppress=missingIncludeSystem \
	--suppress=unknownMacro --suppress=nullPointerRedundantCheck:tests/* -Iinclude -Iuser -D__x86_64__ "${c_folders[@]}" || fail 'lint: cppcheck'

step 'clang-tidy'
printf '%s\0' "${user_sources[@]}" |
	xargs -0 -n 4 -P 2 scripts/tidy.sh "${cppflags[@]}" --sources || fail "lint: clang-tidy"

if ((failures)); then
	echo "lint: $failures complaints" >&2
	exit 1
fi
echo 'lint: clean'
