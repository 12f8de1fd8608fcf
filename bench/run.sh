#!/bin/bash
# Measures calls_fdw against the simulator; see README.md.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../test/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../test/lib.sh"

usage() {
    cat <<'END'
usage: bench/run.sh [-v] [--quick] [PART]...

Installs what is missing (Debian packages, by apt), builds the extension, a
simulator and a C program to compare with, starts a throw-away PostgreSQL, and
measures. Prints tables and writes them to bench/results.md, with a plot in
bench/results.svg; a run of single parts prints only.

PART     one of cpu, latency, uneven, append, requests, details,
         memory, limit (default: all)
--quick  one run of everything, and less data
-v       show the output of every step

BENCH_RUNS is the number of runs of which medians are taken (default 5).
PG_CONFIG names the pg_config of the PostgreSQL to use.
END
}

requirements+='
jq                    command -v jq
python3-requests      /usr/bin/python3 -c "import requests"
python3-psycopg2      /usr/bin/python3 -c "import psycopg2"
'

build_floor() {
    local flags
    read -ra flags <<<"$(pkg-config --cflags --libs libcurl json-c)"
    as_user cc -O2 -Wall -Wextra -o "$work/floor" "$work/src/bench/floor.c" "${flags[@]}"
}

set_up() {
    as_user createdb bench
    as_user psql -X -q -d bench -v ON_ERROR_STOP=1 -v sim_url="$simulator_url" -f "$work/src/bench/setup.sql"
}

measure() {
    as_user /usr/bin/python3 -B "$work/src/bench/measure.py" --url "$simulator_url" --floor "$work/floor" \
        --output "$work/results.json" "${options[@]}"
}

# Results of a whole run replace those in the source directory.
keep_results() {
    local file
    as_user /usr/bin/python3 -B "$work/src/bench/report.py" "$work/results.json" "$work"
    if ((whole)); then
        for file in results.md results.svg; do
            cp "$work/$file" "$source_dir/bench/$file"
            if ((EUID == 0)); then chown --reference="$source_dir" "$source_dir/bench/$file"; fi
        done
        echo "written to bench/results.md and bench/results.svg"
    fi
}

finish() { # STATUS
    if (($1 != 0)) && [[ -n $work ]]; then echo "The benchmark failed: $last_error" >&2; fi
    clean_up "$1"
}

options=()
whole=1
for argument; do
    case $argument in
        -h | --help) usage; exit ;;
        -v) verbose=1 ;;
        --quick) options+=(--quick); whole=0 ;;
        cpu | latency | uneven | append | requests | details | memory | limit) options+=("$argument"); whole=0 ;;
        *) usage >&2; exit 2 ;;
    esac
done
options+=(--runs "${BENCH_RUNS:-5}")

finish_at_end
require_packages
make_work
build_all build_extension
step "Building the C program" build_floor
start_simulator --calls 2000
step "Creating a cluster" init_cluster
start_cluster 60
step "Creating the tables" set_up
measure
keep_results
