# shellcheck shell=bash disable=SC2034,SC2154
# Fuzzing, for check.sh and fuzz.sh; sourced after ../lib.sh, never run.
#
# Every target has a single-user server of its own that loads calls_fuzz.so
# and hands a function of it to libFuzzer (see fuzz.c). It starts from inputs
# made of the definitions, of replies of the simulator and of fuzz/seeds, where
# inputs that once failed are kept.

fuzz_targets=(definition reply request)
fuzz_pids=()    # of the running ones, in the order they were asked for
fuzz_result=    # what fuzz_passed has to say

# The major version of clang, as installed or as apt would.
clang_version() {
    local version
    version=$(clang -dumpversion 2>/dev/null || apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]\+\)$/\1/p')
    version=${version%%[!0-9]*}
    echo "${version:-14}"
}

fuzz_requirements="
clang    command -v clang
libclang-rt-$(clang_version)-dev    test -e \"\$(clang -print-file-name=libclang_rt.fuzzer_no_main-\$(uname -m).a)\"
"

build_fuzzer() {
    as_user make -s -j2 -C "$work/src/test/fuzz" PG_CONFIG="$pg_config"
    as_user mkdir "$work/fuzz"
}

# One list request of a provider's API, as its page describes it.
fetch_page() { # PROVIDER
    local json=(-H 'Content-Type: application/json')
    case $1 in
        voicy) set -- /v1/list-calls -H 'Authorization: Bearer voicy_sk_test' "${json[@]}" -d '{"limit": 3}' ;;
        tryvox) set -- '/v1/voice/accounts/acc_1/calls?per_page=3' -H 'Authorization: Bearer tvx_sk_test' ;;
        solomobile) set -- /functions/v1/list-calls -H 'Authorization: Bearer solo_test' "${json[@]}" -d '{"limit": 3}' ;;
        whippy) set -- '/v1/calls/search?limit=3' -H 'X-WHIPPY-KEY: whippy_test' "${json[@]}" -d '{}' ;;
        ringyo) set -- '/v1/calls?limit=3' -H 'Authorization: Bearer ringyo_test' ;;
        acme) set -- '/acme/v2/call-records?per=3' -u acc_1:acme_test ;;
    esac
    curl -sSf "$simulator_url$1" "${@:2}"
}

# The inputs to start from, in $work/fuzz/TARGET; needs a running simulator.
make_seeds() {
    local target name number=0 octal kind
    for target in "${fuzz_targets[@]}"; do
        as_user mkdir -p "$work/fuzz/$target/corpus"
        as_user cp -r "$work/src/test/fuzz/seeds/$target/." "$work/fuzz/$target/corpus/"
    done
    for name in "$work"/src/providers/*.json "$work"/src/test/providers/*.json; do
        as_user cp "$name" "$work/fuzz/definition/corpus/"
    done

    # the installed definitions in the order of their names, as in fuzz.c
    for name in acme ringyo solomobile tryvox voicy whippy; do
        octal=$(printf '%03o' "$number")
        fetch_page "$name" | as_user tee "$work/fuzz/$name.json" >/dev/null
        for kind in '000\0001' '005\0003' '013\0003'; do
            { printf '%b' "\\0$octal\\0$kind"; cat "$work/fuzz/$name.json"; } |
                as_user tee "$work/fuzz/reply/corpus/$name-${kind:0:3}" >/dev/null
        done
        curl -sS -D - -o /dev/null "$simulator_url/nowhere" | { printf '\004\001'; cat; } |
            as_user tee "$work/fuzz/request/corpus/head-$name" >/dev/null
        number=$((number + 1))
    done
    cat "$work"/src/{,test/}providers/*.json | words | as_user tee "$work/fuzz/definition/words" >/dev/null
    { cat "$work"/fuzz/*.json | words; cat "$work/src/test/fuzz/reply.words"; } | as_user tee "$work/fuzz/reply/words" >/dev/null
    as_user cp "$work/src/test/fuzz/request.words" "$work/fuzz/request/words"
}

# The quoted words of a text as libFuzzer's dictionary, quotes and all.
words() {
    grep -ao '"[A-Za-z0-9_.{} -]*"' | sort -u | sed 's/^"\(.*\)"$/"\\"\1\\""/'
}

# A cluster that knows calls_fuzz and the types that fuzz_reply.c names; one
# copy per target, since a single-user server has its data for itself.
make_fuzz_clusters() {
    local target
    as_user initdb -D "$work/fuzz/data" -U postgres -A trust --locale=C.UTF-8 --encoding=UTF8 --no-sync
    as_user tee "$work/fuzz/setup.sql" >/dev/null <<END
CREATE FUNCTION calls_fuzz(text, VARIADIC text[]) RETURNS integer AS '$work/src/test/fuzz/calls_fuzz.so' LANGUAGE C
CREATE TYPE fuzz_word AS ENUM ('completed', 'busy', 'failed')
CREATE DOMAIN fuzz_short AS varchar(8) NOT NULL CHECK (value <> 'bad')
CREATE DOMAIN fuzz_positive AS numeric CHECK (value > 0)
END
    (exec_single_user data) <"$work/fuzz/setup.sql"
    for target in "${fuzz_targets[@]}"; do
        as_user cp -r "$work/fuzz/data" "$work/fuzz/$target/data"
    done
}

# A single-user server below $work/fuzz, with the sanitizers, in place of this
# shell. It reads a command per line from its input.
exec_single_user() { # DATA
    exec_as_user "${tied[@]}" env \
        LD_PRELOAD="$(clang -print-file-name="libclang_rt.asan-$(uname -m).so"):$work/src/test/fuzz/asan_first.so" \
        ASAN_OPTIONS="detect_stack_use_after_return=0:allocator_may_return_null=1:quarantine_size_mb=32" \
        UBSAN_OPTIONS=print_stacktrace=1 LSAN_OPTIONS="suppressions=$work/src/test/fuzz/leaks.supp:print_suppressions=0" \
        "$bin_dir/postgres" --single -D "$work/fuzz/$1" -c fsync=off -c shared_buffers=16MB -c autovacuum=off \
        -c log_min_messages=panic -c timezone=Europe/Berlin postgres
}

# Starts one target for so many seconds; its output is in $log_dir.
start_fuzzer() { # TARGET SECONDS
    local dir=$work/fuzz/$1
    as_user tee "$dir/run.sql" >/dev/null <<END
SELECT calls_fuzz('$1', '-max_total_time=$2', '-timeout=10', '-rss_limit_mb=1500', '-max_len=16384', '-dict=$dir/words', '-artifact_prefix=$log_dir/fuzz_$1_', '$dir/corpus')
END
    exec_single_user "$1/data" <"$dir/run.sql" >"$log_dir/fuzz_$1.log" 2>&1 &
    fuzz_pids+=($!)
}

# Starts all targets at once. With fewer processors than targets each runs so
# much longer.
start_fuzzers() { # SECONDS TARGET...
    local processors target seconds=$1
    shift
    processors=$(nproc)
    if ((processors < $#)); then seconds=$((seconds * $# / processors)); fi
    for target; do start_fuzzer "$target" "$seconds"; done
}

# Fuzzes the targets with an installation that is there, and calls
# "report_target TARGET ENDED-WELL LOG", a function of the script's, for each.
run_fuzzers() { # SECONDS TARGET...
    local i pids status ended_well
    step "Building the fuzzer" build_fuzzer
    start_simulator --calls 100
    step "Making inputs to start from" make_seeds
    step "Creating clusters" make_fuzz_clusters
    stop_servers
    start_fuzzers "$@"
    shift
    pids=("${fuzz_pids[@]}")
    for i in "${!pids[@]}"; do
        status=0
        wait "${pids[i]}" || status=$?
        ended_well=0
        if fuzz_passed "$1" "$status"; then ended_well=1; fi
        report_target "$1" "$ended_well" "$log_dir/fuzz_$1.log"
        shift
    done
    fuzz_pids=()
}

stop_fuzzers() {
    local pid
    for pid in "${fuzz_pids[@]}"; do stop_process KILL "$pid"; done
    fuzz_pids=()
}

# Did a target run to its end without a finding? Sets fuzz_result to a line
# about it.
fuzz_passed() { # TARGET STATUS
    local log=$log_dir/fuzz_$1.log runs
    runs=$(grep -ao 'Done [0-9]* runs in [0-9]* second' "$log") || true
    if (($2 == 0)) && [[ -n $runs ]]; then
        fuzz_result="${runs/Done /}s, $(grep -ac '^#.*NEW' "$log") of them reached something new"
        return 0
    fi
    fuzz_result=$(grep -aE 'VIOLATION|INTERNAL ERROR|ERROR: (Address|Leak|libFuzzer)|runtime error|SUMMARY' "$log" | head -n 1) || true
    fuzz_result=${fuzz_result:-did not run to its end}
    return 1
}
