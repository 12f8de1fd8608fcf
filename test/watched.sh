# shellcheck shell=bash disable=SC2034,SC2154
# What asan.sh and valgrind.sh share: the regression tests in a server that a
# tool watches. Sourced after lib.sh, never run.

names=()        # tests to run; all, if there are none
found=0         # what the tool found
found_what=     # its name for that: errors, reports
tests=1         # the tests' exit status
completed=0     # the script came to its end

read_arguments() { # ARGUMENT...
    local argument
    for argument; do
        case $argument in
            -h | --help) usage; exit ;;
            -v) verbose=1 ;;
            -*) usage >&2; exit 2 ;;
            *) names+=("$argument") ;;
        esac
    done
}

prepare_server() { # BUILD
    require_packages
    make_work
    build_all "$1" test/providers
    start_simulator --calls 1000
    step "Creating a cluster" init_cluster
}

installcheck() {
    as_user make -s -C "$work/src" installcheck with_llvm=no PG_CONFIG="$pg_config" ${names:+REGRESS="${names[*]}"} ||
        {
            cat "$work/src/regression.diffs"
            return 1
        }
}

# Runs the tests in the server that was started, and ends it. Sets tests.
run_tests() {
    add_expected
    try "Running the regression tests" installcheck
    tests=$tried
    stop_servers
}

finish() { # STATUS
    clean_up "$(($1 + found))"
    if ((completed)); then
        echo "$found $found_what; the tests $( (($1 == 0)) && echo passed || echo failed)"
        exit "$(($1 + found > 0))"
    fi
    if ((tried == 0)); then echo "$(basename "$0") stopped: $last_error"; fi
    exit "$(($1 == 0 ? 1 : $1))"
}
