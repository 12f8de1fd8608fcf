#!/bin/bash
# Runs the regression tests in a PostgreSQL whose processes run under valgrind.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

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

errors=0
completed=0

# Installed by apt if need be, as all else.
requirements+='
valgrind              command -v valgrind
'

run_tests() {
    as_user make -s -C "$work/src" installcheck with_llvm=no PG_CONFIG="$pg_config" ${names:+REGRESS="${names[*]}"} ||
        {
            cat "$work/src/regression.diffs"
            return 1
        }
}

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

finish() {
    local status=$?
    trap - EXIT
    trap '' INT TERM HUP PIPE
    set +e
    stop_servers 2>/dev/null
    remove_no_main_cluster
    if ((status != 0 || errors > 0)) && [[ -n $work ]]; then keep_logs; fi
    remove_work
    if ((completed)); then
        echo "$errors errors; the tests $( ((status == 0)) && echo passed || echo failed)"
        ((status == 0 && errors == 0))
        exit
    fi
    if ((tried == 0)); then echo "valgrind.sh stopped: $last_error"; fi
    exit "$((status == 0 ? 1 : status))"
}

names=()
for argument; do
    case $argument in
        -h | --help) usage; exit ;;
        -v) verbose=1 ;;
        -*) usage >&2; exit 2 ;;
        *) names+=("$argument") ;;
    esac
done

trap finish EXIT
trap 'last_error=interrupted; exit 130' INT TERM HUP PIPE
require_packages
make_work "$(mktemp -d /tmp/calls_fdw.XXXXXX)"
step "Copying the source" copy_source
step "Building the extension" build_extension
step "Building the simulator" build_simulator
install_extension "$work"/src/test/providers/*.json
start_simulator --calls 1000
step "Creating a cluster" init_cluster
as_user mkdir "$log_dir/valgrind"
start_cluster 300 valgrind --quiet --trace-children=yes --trace-children-skip='/bin/*,/usr/bin/*' \
    --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite --undef-value-errors=yes \
    --num-callers=40 --fullpath-after= --gen-suppressions=no --error-limit=no \
    --suppressions="$source_dir/test/valgrind.supp" --log-file="$log_dir/valgrind/%p.log"
add_expected
try "Running the regression tests" run_tests
tests=$tried
stop_servers
shopt -s nullglob
report=$(select_errors "$log_dir"/valgrind/*.log /dev/null)
read -r errors all <<<"${report##*$'\n'}"
if ((errors > 0)); then printf '%s\n' "${report%$'\n'*}"; fi
echo "valgrind reported $all errors and leaks; $((all - errors)) without the extension on the stack"
completed=1
((tests == 0))
