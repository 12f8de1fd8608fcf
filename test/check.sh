#!/bin/bash
# Builds calls_fdw and its simulator, and runs all tests.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=fuzz/lib.sh
source "$source_dir/test/fuzz/lib.sh"

usage() {
    cat <<'END'
usage: test/check.sh [-v] [--accept] [regress | tap | fuzz | asan | NAME]...

Installs what is missing (Debian packages, by apt), builds the extension and
the simulator, and runs the tests against a throw-away PostgreSQL. Ends with
"N passed, N failed", where a regression test counts once and a TAP test by
its assertions, but for those that it skips; the exit status is 0 only if
something passed and nothing failed. After a failure, logs and diffs are in
test/tmp_check.

regress   only the regression tests, sql/*.sql
tap       only the TAP tests, test/t/*.pl
fuzz      only fuzzing, FUZZ_SECONDS (60) per target; a target counts once
asan      only the regression tests with the sanitizers; they count once
NAME      only this test: the name of a file in sql or test/t, without suffix
-v        show the output of every step
--accept  afterwards copy the results of the regression tests to expected/

PG_CONFIG names the pg_config of the PostgreSQL to test with. By default it is
the newest that is installed with its server headers.
END
}

accept=0
passed=0
failed=0
regress=()      # names of the tests to run
tap=()
fuzz=()         # targets
asan=0
test_pid=       # what runs in the background
# Tests that mostly wait, and assert no upper bound on time: they run beside the
# others.
beside=(085_concurrency 095_rate_limit 124_fault_scans)
declare -A tap_pids=() tap_started=()   # of tests under way, by name

# ---- steps -----------------------------------------------------------------

# A step whose failure does not keep the tests from running.
check() { # LABEL COMMAND...
    try "$@"
    if ((tried != 0)); then failed=$((failed + 1)); fi
}

all_names() { # PATTERN SUFFIX: the names of the files, a line each
    local file name
    for file in $1; do
        name=$(basename "$file" "$2")
        [[ ! -e $file || $name == _* ]] || echo "$name"
    done
}

choose_tests() { # [regress | tap | fuzz | asan | NAME]...
    local all_regress all_tap name
    mapfile -t all_regress < <(cd "$source_dir" && all_names 'sql/*.sql' .sql)
    mapfile -t all_tap < <(cd "$source_dir" && all_names 'test/t/*.pl' .pl)
    (($# > 0)) || set -- regress tap fuzz asan
    for name; do
        if [[ $name == regress ]]; then
            regress+=("${all_regress[@]}")
        elif [[ $name == tap ]]; then
            tap+=("${all_tap[@]}")
        elif [[ $name == fuzz ]]; then
            fuzz=("${fuzz_targets[@]}")
        elif [[ $name == asan ]]; then
            asan=1
        elif [[ $name != _* && -e $source_dir/sql/$name.sql ]]; then
            regress+=("$name")
        elif [[ -e $source_dir/test/t/$name.pl ]]; then
            tap+=("$name")
        else
            die "no test is called $name"
        fi
    done
}

# clang judges the sources too, where one is installed.
check_clang() {
    local clang='' file flags
    for file in /usr/bin/clang-[0-9]* /usr/bin/clang; do
        if [[ -x $file ]]; then clang=$file; fi
    done
    if [[ -z $clang ]]; then
        echo "clang is not installed: its warnings are not checked"
        return
    fi
    read -ra flags <<<"$(pkg-config --cflags libcurl json-c)"
    check "Checking with $(basename "$clang")" clang_sources "$clang" "${flags[@]}"
}

clang_sources() { # CLANG FLAG...
    local clang=$1
    shift
    as_user "$clang" -fsyntax-only -Werror -Wall -Wextra -D_GNU_SOURCE \
        "$@" -isystem "$("$pg_config" --includedir-server)" "$work"/src/src/*.c
    as_user "$clang" -fsyntax-only -Werror -Wall -Wextra -std=c11 -pthread -D_GNU_SOURCE "$work"/src/test/simulator/*.c
}

check_definitions() {
    as_user /usr/bin/python3 - "$work"/src/providers/schema.json "$work"/src/{,test/}providers/*.json <<'END'
import json, sys
import jsonschema

def read(name):
    with open(name, encoding="utf-8") as file:
        return json.load(file)

schema = read(sys.argv[1])
checker = jsonschema.validators.validator_for(schema)
checker.check_schema(schema)
faults = 0
for name in sys.argv[2:]:
    if name == sys.argv[1]:
        continue
    for error in checker(schema).iter_errors(read(name)):
        print(f"{name}: {error.json_path}: {error.message}")
        faults += 1
sys.exit(faults > 0)
END
}

# pg_cron, for some of the tests, where apt knows it for this PostgreSQL: Debian
# has it for one, apt.postgresql.org for all.
require_cron() {
    local major package
    major=$("$pg_config" --version | sed 's/^PostgreSQL \([0-9]*\).*/\1/')
    package=postgresql-$major-cron
    if [[ ! -e $("$pg_config" --sharedir)/extension/pg_cron.control && -n $(apt-cache madison "$package" 2>/dev/null) ]]; then
        check "Installing $package by apt" install_packages "$package"
        remove_no_main_cluster
    fi
}

# ---- tests -----------------------------------------------------------------

report() { # PASSED FAILED LABEL DETAIL
    passed=$((passed + $1))
    failed=$((failed + $2))
    printf '%-42s %s (%s)\n' "$3" "$( (($2 == 0)) && echo ok || echo FAILED)" "$4"
}

# pg_regress says "test NAME ... ok 12 ms" up to PostgreSQL 15, and in TAP since.
report_regress() {
    local line old='^test ([^ ]+) +\.\.\. +(ok|FAILED) +(.*)' new='^(not )?ok +[0-9]+ +[-+] ([^ ]+) +(.*)'
    while IFS= read -r line; do
        if ((verbose)); then echo "$line"; fi
        if [[ $line =~ $old ]]; then
            if [[ ${BASH_REMATCH[2]} == ok ]]; then
                report 1 0 "regress ${BASH_REMATCH[1]}" "${BASH_REMATCH[3]}"
            else
                report 0 1 "regress ${BASH_REMATCH[1]}" "${BASH_REMATCH[3]}"
            fi
        elif [[ $line =~ $new ]]; then
            if [[ -z ${BASH_REMATCH[1]} ]]; then
                report 1 0 "regress ${BASH_REMATCH[2]}" "${BASH_REMATCH[3]}"
            else
                report 0 1 "regress ${BASH_REMATCH[2]}" "${BASH_REMATCH[3]}"
            fi
        fi
    done
}

run_regress() {
    local before=$((passed + failed)) log=$log_dir/pg_regress.log
    start_simulator --calls 1000
    step "Creating a cluster" init_cluster
    start_cluster 60
    add_expected
    report_regress < <(as_user make -s -C "$work/src" installcheck with_llvm=no PG_CONFIG="$pg_config" \
        REGRESS="${regress[*]}" 2>&1 </dev/null | as_user tee "$log")
    stop_servers
    if ((passed + failed != before + ${#regress[@]})); then
        report 0 1 "pg_regress" "did not run every test"
        cat "$log"
    fi
    grep -a 'was terminated by signal' "$log_dir/postgres.log" || true
    if [[ -s $work/src/regression.diffs ]]; then
        cat "$work/src/regression.diffs"
    fi
    if ((accept)); then
        for name in "${regress[@]}"; do
            cp -v "$work/src/results/$name.out" "$source_dir/expected/"
        done
        chown --reference="$source_dir" "$source_dir"/expected/*.out
    fi
}

# In the background, since bash puts off signals while a command runs in front.
start_tap() { # NAME
    local pgxs
    pgxs=$(dirname "$("$pg_config" --pgxs)")/..
    # TESTDIR is what PostgreSQL 15 asks for, the other two are later versions.
    exec_as_user env -C "$work/src/test" TESTDIR="$work/src/test" TESTDATADIR="$work/src/test/tmp_check" \
        TESTLOGDIR="$work/src/test/tmp_check/log" PG_REGRESS="$pgxs/test/regress/pg_regress" \
        PG_TEST_TIMEOUT_DEFAULT=60 PG_CONFIG="$pg_config" PERL5LIB="$pgxs/test/perl:$work/src/test/perl" \
        SIMULATOR="$work/src/test/simulator/calls-simulator" \
        "${tied[@]}" timeout 900 prove --nocolor --verbose --timer "t/$1.pl" >"$log_dir/tap_$1.log" 2>&1 </dev/null &
    tap_pids[$1]=$!
    tap_started[$1]=$SECONDS
}

finish_tap() { # NAME
    local log=$log_dir/tap_$1.log status=0 good bad skipped
    wait "${tap_pids[$1]}" || status=$?
    unset "tap_pids[$1]"
    if ((verbose)); then cat "$log"; fi
    skipped=$(grep -ac '^ok .* # skip' "$log") || true
    good=$(($(grep -ac '^ok ' "$log") - skipped)) || true
    bad=$(grep -ac '^not ok ' "$log") || true
    if ((status != 0 && bad == 0)); then bad=1; fi
    report "$good" "$bad" "tap $1" "$good of $((good + bad)) in $((SECONDS - tap_started[$1])) s"
    sed -nE 's/^(ok .* # skip|\[.*\] t\/.* skipped:) /    skipped: /p' "$log"
    if ((bad > 0)); then grep -avE '^ok |^1\.\.' "$log" | head -n 200 || true; fi
}

run_tap() { # NAME...
    local name
    for name; do
        if [[ " ${beside[*]} " == *" $name "* ]]; then start_tap "$name"; fi
    done
    for name; do
        if [[ -z ${tap_pids[$name]-} ]]; then
            start_tap "$name"
            finish_tap "$name"
        fi
    done
    for name; do
        if [[ -n ${tap_pids[$name]-} ]]; then finish_tap "$name"; fi
    done
}

# Ends a running test and the servers that it leaves behind.
stop_test() {
    local file
    local pid
    for pid in $test_pid "${tap_pids[@]}"; do stop_process TERM "$pid"; done
    for file in "$work"/src/test/tmp_check/*/pgdata/postmaster.pid; do
        if [[ -e $file ]]; then stop_process INT "$(head -n 1 "$file")"; fi
    done
}

report_target() { # TARGET ENDED-WELL LOG
    report "$2" "$((!$2))" "fuzz $1" "$fuzz_result"
    if ((!$2)); then grep -av '^#[0-9]' "$3" | tail -n 100 || true; fi
}

run_asan() {
    local log=$log_dir/asan.log started=$SECONDS status=0
    PG_CONFIG=$pg_config "${tied[@]}" "$source_dir/test/asan.sh" >"$log" 2>&1 </dev/null &
    test_pid=$!
    wait "$test_pid" || status=$?
    test_pid=
    if ((verbose)); then cat "$log"; fi
    report "$((status == 0))" "$((status != 0))" "regress with sanitizers" \
        "$(tail -n 1 "$log" | sed 's/; the tests passed//'), $((SECONDS - started)) s"
    if ((status != 0)); then tail -n 200 "$log"; fi
}

# ---- the end ---------------------------------------------------------------

finish() { # STATUS
    if [[ -n $test_pid || ${#tap_pids[@]} -gt 0 ]]; then stop_test; fi
    stop_fuzzers
    if (($1 != 0 && failed == 0)); then
        failed=1
        if ((tried == 0)); then echo "check.sh stopped: $last_error"; fi
    fi
    clean_up "$failed"
    echo "$passed passed, $failed failed"
    exit "$((passed == 0 || failed > 0))"
}

verbose=0
names=()
for argument; do
    case $argument in
        -h | --help) usage; exit ;;
        -v) verbose=1 ;;
        --accept) accept=1 ;;
        -*) usage >&2; exit 2 ;;
        *) names+=("$argument") ;;
    esac
done
choose_tests "${names[@]}"
rm -rf "$source_dir/test/tmp_check"

finish_at_end
requirements+=$check_requirements
if ((${#fuzz[@]} > 0)); then requirements+=$fuzz_requirements; fi
require_packages
if [[ " ${tap[*]} " =~ " 130_sync "|" 110_documents " ]]; then require_cron; fi
echo "Testing with $("$pg_config" --version), $(uname -m)"
make_work
step "Copying the source" copy_source
step "Building the extension" build_extension WERROR=-Werror
step "Building the simulator" build_simulator -Werror
check_clang
check "Checking the provider definitions" check_definitions
check "Checking the simulator" as_user make -s -C "$work/src/test/simulator" check
install_extension test/providers
if ((${#regress[@]} > 0)); then run_regress; fi
if ((${#tap[@]} > 0)); then run_tap "${tap[@]}"; fi
if ((${#fuzz[@]} > 0)); then run_fuzzers "${FUZZ_SECONDS:-60}" "${fuzz[@]}"; fi
if ((asan)); then run_asan; fi
