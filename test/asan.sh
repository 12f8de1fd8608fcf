#!/bin/bash
# Runs the regression tests with the extension built for the sanitizers.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage() {
    cat <<'END'
usage: test/asan.sh [-v] [NAME]...

Runs the regression tests (all, or those named) with the extension built for
AddressSanitizer and UndefinedBehaviorSanitizer, its assertions on, and each
piece of its own memory contexts watched for itself. Ends with "N reports; the
tests passed" or "failed"; the exit status is 0 only if there are no reports
and the tests passed. After a failure, the reports are in test/tmp_check.
END
}

completed=0
reports=()

build_for_sanitizers() {
    local fuzz=$work/src/test/fuzz
    as_user gcc -O2 -g -fPIC -c -isystem "$("$pg_config" --includedir-server)" -o "$fuzz/guarded_memory.o" "$fuzz/guarded_memory.c"
    as_user gcc -O2 -fPIC -shared -Wl,-z,initfirst -o "$fuzz/asan_first.so" "$fuzz/asan_first.c"
    build_extension COPT='-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -DUSE_ASSERT_CHECKING=1' \
        PG_LDFLAGS="-Wl,--wrap=AllocSetContextCreateInternal $fuzz/guarded_memory.o"
}

run_tests() {
    as_user make -s -C "$work/src" installcheck with_llvm=no PG_CONFIG="$pg_config" ${names:+REGRESS="${names[*]}"} ||
        {
            cat "$work/src/regression.diffs"
            return 1
        }
}

finish() {
    local status=$?
    trap - EXIT
    trap '' INT TERM HUP PIPE
    set +e
    stop_servers 2>/dev/null
    remove_no_main_cluster
    if ((status != 0 || ${#reports[@]} > 0)) && [[ -n $work ]]; then keep_logs; fi
    remove_work
    if ((completed)); then
        echo "${#reports[@]} reports; the tests $( ((status == 0)) && echo passed || echo failed)"
        ((status == 0 && ${#reports[@]} == 0))
        exit
    fi
    if ((tried == 0)); then echo "asan.sh stopped: $last_error"; fi
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
step "Building the extension" build_for_sanitizers
step "Building the simulator" build_simulator
install_extension "$work"/src/test/providers/*.json
start_simulator --calls 1000
step "Creating a cluster" init_cluster
as_user mkdir "$log_dir/asan"
start_cluster 60 env \
    LD_PRELOAD="$(gcc -print-file-name=libasan.so):$(gcc -print-file-name=libubsan.so):$work/src/test/fuzz/asan_first.so" \
    ASAN_OPTIONS="detect_leaks=0:abort_on_error=1:detect_stack_use_after_return=0:log_path=$log_dir/asan/address" \
    UBSAN_OPTIONS="print_stacktrace=1:log_path=$log_dir/asan/undefined"
add_expected
try "Running the regression tests" run_tests
tests=$tried
stop_servers
shopt -s nullglob
reports=("$log_dir"/asan/*)
for report in "${reports[@]}"; do head -n 40 "$report"; done
completed=1
((tests == 0))
