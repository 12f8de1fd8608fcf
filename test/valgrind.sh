#!/bin/bash
# Runs the regression tests in a PostgreSQL whose processes run under valgrind.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=watched.sh
source "$source_dir/test/watched.sh"

usage() {
    cat <<'END'
usage: test/valgrind.sh [-v] [NAME]...

Runs the regression tests (all, or those named) with every server process
under valgrind, which takes some minutes. Reports memory errors and leaks with
a function of the extension on the stack; those of the server alone are counted
only. Ends with "N errors; the tests passed" or "failed"; the exit status is 0 only
if there are no errors and the tests passed. After a failure, valgrind's reports are in test/tmp_check.
END
}

found_what=errors

# Installed by apt if need be, as all else.
requirements+='
valgrind              command -v valgrind
'

# valgrind writes a report per process; its errors are apart by lines that hold
# the process id only. Prints those that name one of the extension's sources
# and, as last line, how many there were and of how many in all.
select_errors() {
    awk -v ours="$work/src/src/" '
        function finish() {
            if (text ~ /(at|by) 0x/) {
                all++
                if (index(text, ours) > 0) { mine++; print text }
            }
            text = ""
        }
        FNR == 1 || /^==[0-9]+== *$/ { finish() }
        { text = text $0 "\n" }
        END { finish(); print mine + 0, all + 0 }' "$@"
}

read_arguments "$@"
finish_at_end
prepare_server build_extension
as_user mkdir "$log_dir/valgrind"
start_cluster 300 valgrind --quiet --trace-children=yes --trace-children-skip='/bin/*,/usr/bin/*' \
    --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite --undef-value-errors=yes \
    --num-callers=40 --fullpath-after= --gen-suppressions=no --error-limit=no \
    --suppressions="$source_dir/test/valgrind.supp" --log-file="$log_dir/valgrind/%p.log"
run_tests
shopt -s nullglob
report=$(select_errors "$log_dir"/valgrind/*.log /dev/null)
read -r found all <<<"${report##*$'\n'}"
if ((found > 0)); then printf '%s\n' "${report%$'\n'*}"; fi
echo "valgrind reported $all errors and leaks; $((all - found)) without the extension on the stack"
completed=1
((tests == 0))
