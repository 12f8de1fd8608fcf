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

finish() { # STATUS
    stop_fuzzers
    clean_up "$(($1 + failed))"
    exit "$(($1 + failed > 0))"
}

report_target() { # TARGET ENDED-WELL LOG
    if (($2)); then
        echo "$1: $fuzz_result"
        if ((verbose)); then tail -n 5 "$3"; fi
    else
        failed=$((failed + 1))
        echo "$1: FAILED: $fuzz_result"
        grep -aA 40 -E 'VIOLATION|INTERNAL ERROR|ERROR: (Address|Leak|libFuzzer)|runtime error' "$3" || tail -n 40 "$3"
    fi
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

finish_at_end
requirements+=$fuzz_requirements
require_packages
make_work
build_all build_extension test/providers
run_fuzzers "${FUZZ_SECONDS:-600}" "${names[@]}"
