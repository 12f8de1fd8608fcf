#!/bin/bash
# Runs the regression tests with the extension built for the sanitizers.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=watched.sh
source "$source_dir/test/watched.sh"

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

found_what=reports

build_for_sanitizers() {
    local fuzz=$work/src/test/fuzz
    as_user gcc -O2 -g -fPIC -c -isystem "$("$pg_config" --includedir-server)" -o "$fuzz/guarded_memory.o" "$fuzz/guarded_memory.c"
    as_user gcc -O2 -fPIC -shared -Wl,-z,initfirst -o "$fuzz/asan_first.so" "$fuzz/asan_first.c"
    build_extension COPT='-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -DUSE_ASSERT_CHECKING=1' \
        PG_LDFLAGS="-Wl,--wrap=AllocSetContextCreateInternal $fuzz/guarded_memory.o"
}

read_arguments "$@"
finish_at_end
prepare_server build_for_sanitizers
as_user mkdir "$log_dir/asan"
start_cluster 60 env \
    LD_PRELOAD="$(gcc -print-file-name=libasan.so):$(gcc -print-file-name=libubsan.so):$work/src/test/fuzz/asan_first.so" \
    ASAN_OPTIONS="detect_leaks=0:abort_on_error=1:detect_stack_use_after_return=0:log_path=$log_dir/asan/address" \
    UBSAN_OPTIONS="print_stacktrace=1:log_path=$log_dir/asan/undefined"
run_tests
shopt -s nullglob
reports=("$log_dir"/asan/*)
found=${#reports[@]}
for report in "${reports[@]}"; do head -n 40 "$report"; done
completed=1
((tests == 0))
