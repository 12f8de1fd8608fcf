#!/bin/bash
# Fuzzes the definition loader, the reply parser and what becomes a request.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=fuzz/lib.sh
source "$source_dir/test/fuzz/lib.sh"

usage() {
    cat <<'END'
usage: test/fuzz.sh [-v] [definition | reply | request]...

Fuzzes the targets, by default all, for FUZZ_SECONDS each (600), with
AddressSanitizer and UndefinedBehaviorSanitizer. What an input did wrong is
shown; the input is in test/tmp_check, as fuzz_TARGET_crash-..., and once the
fault is mended it belongs in test/fuzz/seeds/TARGET.
END
}

failed=0

finish() {
    local status=$?
    trap - EXIT
    trap '' INT TERM HUP PIPE
    set +e
    stop_fuzzers
    stop_servers 2>/dev/null
    remove_no_main_cluster
    if ((status != 0 || failed > 0)) && [[ -n $work ]]; then keep_logs; fi
    remove_work
    ((status == 0 && failed == 0))
    exit
}

names=()
for argument; do
    case $argument in
        -h | --help) usage; exit ;;
        -v) verbose=1 ;;
        -*) usage >&2; exit 2 ;;
        *)
            [[ " ${fuzz_targets[*]} " == *" $argument "* ]] || die "no target is called $argument"
            names+=("$argument")
            ;;
    esac
done
if ((${#names[@]} == 0)); then names=("${fuzz_targets[@]}"); fi

trap finish EXIT
trap 'exit 130' INT TERM HUP PIPE
requirements+=$fuzz_requirements
require_packages
make_work "$(mktemp -d /tmp/calls_fdw.XXXXXX)"
step "Copying the source" copy_source
step "Building the extension" build_extension
step "Building the simulator" build_simulator
install_extension "$work"/src/test/providers/*.json
step "Building the fuzzer" build_fuzzer
start_simulator --calls 100
step "Making seeds" make_seeds
step "Creating clusters" make_fuzz_clusters
start_fuzzers "${FUZZ_SECONDS:-600}" "${names[@]}"
pids=("${fuzz_pids[@]}")
for i in "${!names[@]}"; do
    log=$log_dir/fuzz_${names[i]}.log
    status=0
    wait "${pids[i]}" || status=$?
    if fuzz_passed "${names[i]}" "$status"; then
        echo "${names[i]}: $fuzz_result"
        if ((verbose)); then tail -n 5 "$log"; fi
    else
        failed=$((failed + 1))
        echo "${names[i]}: FAILED: $fuzz_result"
        grep -aA 40 -E 'VIOLATION|INTERNAL ERROR|ERROR: (Address|Leak|libFuzzer)|runtime error' "$log" || tail -n 40 "$log"
    fi
done
