#!/bin/bash
# Shows the main job: five providers as tables, joined with a CRM, in a report.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage() {
    cat <<'END'
usage: test/demo.sh [-v] [--keep]
       test/demo.sh --stop

Installs what is missing (Debian packages, by apt), builds the extension,
starts a throw-away PostgreSQL and a simulator of the five providers' APIs, and
runs the SQL of test/demo/*.sql. Everything is removed at the end, but for the
packages.

--keep  leave PostgreSQL and the simulator running, and say how to connect
--stop  end what --keep left running
-v      show the output of every step

PG_CONFIG names the pg_config of the PostgreSQL to use.
END
}

keep=0
kept_dir=/tmp/calls_fdw_demo_$(id -un)

is_ours() { # FILE-WITH-PID: whether that process still works in kept_dir
    local pid
    pid=$(cat "$1" 2>/dev/null) && [[ $pid =~ ^[0-9]+$ ]] && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF "$kept_dir/"
}

stop_demo() {
    local owner file
    [[ -d $kept_dir && ! -L $kept_dir ]] || die "no demo is running"
    owner=$(stat -c %U "$kept_dir")
    [[ $owner == "$(id -un)" || ($EUID == 0 && $owner =~ ^(postgres|nobody)$) ]] || die "$kept_dir is not ours"
    for file in postgres simulator; do
        if is_ours "$kept_dir/$file.pid"; then
            stop_process INT "$(<"$kept_dir/$file.pid")"
        fi
    done
    rm -rf "$kept_dir"
    echo "The demo is stopped and removed."
}

show() {
    local file
    as_user createdb demo
    for file in "$work"/src/test/demo/*.sql; do
        echo
        as_user psql -X -q -d demo -v ON_ERROR_STOP=1 -v ECHO=queries -v sim_url="$simulator_url" -P pager=off -P null=- -f "$file"
    done
}

explain_keep() {
    echo "$postgres_pid" >"$work/postgres.pid"
    echo "$simulator_pid" >"$work/simulator.pid"
    cat <<END
PostgreSQL and the simulator are still running. To connect:

    psql -h $work -U postgres demo

The providers' tables are voicy.calls, tryvox.calls, solomobile.calls,
whippy.calls and ringyo.calls. To end and remove everything:

    $(printf %q "$source_dir/test/demo.sh") --stop

END
    work= # not to be removed
}

finish() { # STATUS
    if [[ -n $work ]]; then
        clean_up 0
        (($1 == 0)) || echo "The demo failed: $last_error" >&2
    else
        remove_no_main_cluster
    fi
}

for argument; do
    case $argument in
        -h | --help) usage; exit ;;
        -v) verbose=1 ;;
        --keep) keep=1 ;;
        --stop) stop_demo; exit ;;
        *) usage >&2; exit 2 ;;
    esac
done

finish_at_end
require_packages
if ((keep)); then
    mkdir -m 700 "$kept_dir" 2>/dev/null || die "a demo is already there; first: test/demo.sh --stop"
    use_work "$kept_dir"
    tied=(setsid) # must outlive this script and its terminal
else
    make_work
fi
build_all build_extension
start_simulator --calls 3000
export SIMULATOR_URL=$simulator_url
step "Creating a cluster" init_cluster
start_cluster 60
show
echo
if ((keep)); then explain_keep; else echo "That was the demo; everything it started is removed. To look around: test/demo.sh --keep"; fi
