# shellcheck shell=bash disable=SC2034
# What the scripts here and bench/run.sh share; sourced, never run.
#
# One run has one directory below /tmp, $work, owned by an unprivileged user
# and closed to others. It holds everything: a copy of the source (PGXS cannot
# build below a path with spaces), a private installation of PostgreSQL with
# the extension in it, the cluster, its socket, the logs. The system gets
# nothing but missing Debian packages, and a PostgreSQL that already runs is
# not touched: neither its files nor its port.

source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=
verbose=0
tried=0         # the last step's exit status
run_user=()     # the command prefix that gives up root
pg_config=      # the program of the PostgreSQL that is used
bin_dir=        # its programs, once privately installed
log_dir=
postgres_pid=
simulator_pid=
simulator_url=

# Settings of the caller's own database work, or of the make that called us,
# must not reach the servers and builds started here.
caller_pg_config=${PG_CONFIG-}
unset "${!PG@}" MAKEFLAGS MFLAGS MAKELEVEL PERL5LIB CDPATH
export LANG=C.UTF-8 LC_ALL=C.UTF-8 PATH="$PATH:/usr/sbin:/sbin"
umask 022

# Where set -e ended the script, for who reports the end.
last_error=
set -E
trap 'last_error="${BASH_SOURCE[0]##*/}, line $LINENO: exit status $?"' ERR

die() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

# Runs COMMAND and says in one line how it went; its output is shown if it
# failed, or with -v. Sets tried to its status and returns 0 in any case: where
# a caller asked with "if" or "||", bash would suspend set -e in COMMAND.
try() { # LABEL COMMAND...
    local label=$1 started=$SECONDS log fd
    shift
    printf '%-42s ' "$label"
    log=$(mktemp /tmp/calls_fdw_step.XXXXXX)
    exec {fd}<>"$log"
    rm "$log" # the open file goes with us, whatever happens
    set +e
    (
        set -e
        "$@"
    ) >&"$fd" 2>&1 </dev/null
    tried=$?
    set -e
    if ((tried == 0)); then
        printf 'ok (%d s)\n' $((SECONDS - started))
        if ((verbose)); then cat "/dev/fd/$fd"; fi
    else
        printf 'FAILED\n'
        tail -n 200 "/dev/fd/$fd"
    fi
    exec {fd}>&-
}

# The same for what all that follows depends on.
step() { # LABEL COMMAND...
    try "$@"
    ((tried == 0)) || exit 1
}

# ---- the end ---------------------------------------------------------------

# Has "finish STATUS", a function of the script's, called when the script ends,
# however it ends: with signals ignored, and errors passed over. It says what
# there is to say, calls clean_up, and may exit with another status, as a
# number: without one, "exit" in a trap repeats the script's.
finish_at_end() {
    trap 'end_script $?' EXIT
    trap 'last_error=interrupted; exit 130' INT TERM HUP PIPE
}

end_script() { # STATUS
    trap - EXIT ERR
    trap '' INT TERM HUP PIPE
    set +e
    finish "$1"
    exit "$1"
}

# Ends the servers and removes what the run made; the logs are kept if
# something failed.
clean_up() { # FAILURES
    stop_servers 2>/dev/null
    remove_no_main_cluster
    if (($1 > 0)) && [[ -n $work ]]; then keep_logs; fi
    remove_work
}

# ---- what the machine needs ------------------------------------------------

# Each line: a Debian package and the command that says whether it is there.
requirements='
gcc                   command -v gcc
libc6-dev             test -e /usr/include/stdlib.h
make                  command -v make
pkg-config            command -v pkg-config
libcurl4-openssl-dev  pkg-config --exists libcurl
libjson-c-dev         pkg-config --exists json-c
libmicrohttpd-dev     pkg-config --exists libmicrohttpd
zlib1g-dev            pkg-config --exists zlib
curl                  command -v curl
'
check_requirements='
perl                  command -v prove
libipc-run-perl       perl -MIPC::Run -e 1
python3-jsonschema    /usr/bin/python3 -c "import jsonschema"
'

missing_packages() {
    local package test
    while read -r package test; do
        [[ -z $package ]] || eval "$test" >/dev/null 2>&1 || echo "$package"
    done <<<"$requirements"
}

as_root() {
    if ((EUID == 0)); then "$@"; else sudo "$@"; fi
}

# Prints the newest PostgreSQL that has both a server and what PGXS needs.
installed_pg_config() {
    local bin
    while read -r bin; do
        if [[ -x $bin/postgres && -x $bin/pg_config && -e $bin/../lib/pgxs/src/makefiles/pgxs.mk ]]; then
            echo "$bin/pg_config"
            return
        fi
    done < <(printf '%s\n' /usr/lib/postgresql/*/bin | sort -rV)
    return 1
}

# The major version to install: that of a server that lacks only its headers,
# else Debian's default.
version_to_install() {
    local bin versions
    while read -r bin; do
        if [[ -x $bin/postgres ]]; then
            basename "$(dirname "$bin")"
            return
        fi
    done < <(printf '%s\n' /usr/lib/postgresql/*/bin | sort -rV)
    versions=$(apt-cache depends postgresql | sed -n 's/.*Depends: postgresql-\([0-9]\+\)$/\1/p')
    echo "${versions%%$'\n'*}"
}

# A throw-away cluster is all we want: keep postgresql-common, where it is new
# to the machine, from setting up and starting a permanent one.
no_main_cluster=/etc/postgresql-common/createcluster.d/calls_fdw.conf

install_packages() { # PACKAGE...; may print much
    local version
    as_root apt-get update || echo "apt-get update failed; trying with the lists that are there"
    if [[ -z $caller_pg_config ]] && ! installed_pg_config; then
        version=$(version_to_install)
        [[ -n $version ]] || die "apt knows no package postgresql"
        set -- "$@" "postgresql-$version" "postgresql-server-dev-$version"
    fi
    if ! command -v pg_createcluster; then
        as_root mkdir -p "${no_main_cluster%/*}"
        echo 'create_main_cluster = false' | as_root tee "$no_main_cluster" >/dev/null
    fi
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
}

remove_no_main_cluster() {
    if [[ -e $no_main_cluster ]]; then
        as_root rm -f "$no_main_cluster"
        as_root rmdir --ignore-fail-on-non-empty "${no_main_cluster%/*}"
    fi
}

# Sets pg_config, after installing by apt whatever is missing.
require_packages() {
    local packages
    mapfile -t packages < <(missing_packages)
    if ((${#packages[@]} > 0)) || { [[ -z $caller_pg_config ]] && ! installed_pg_config >/dev/null; }; then
        command -v apt-get >/dev/null || die "missing: ${packages[*]} PostgreSQL with its server headers"
        if ((EUID != 0)); then
            command -v sudo >/dev/null || die "neither root nor sudo; let root run: apt-get install ${packages[*]} postgresql postgresql-server-dev-all"
            sudo -v
        fi
        step "Installing packages by apt" install_packages "${packages[@]}"
        remove_no_main_cluster
        mapfile -t packages < <(missing_packages)
        ((${#packages[@]} == 0)) || die "still missing after apt: ${packages[*]}"
    fi
    if [[ -n $caller_pg_config ]]; then
        pg_config=$(command -v "$caller_pg_config") || die "PG_CONFIG: no such program: $caller_pg_config"
    else
        pg_config=$(installed_pg_config) || die "found no PostgreSQL with its server headers"
    fi
}

# ---- the run's directory ---------------------------------------------------

# Makes DIRECTORY, new and empty, the run's own. Sets work, log_dir and
# run_user. Root works as postgres, or as nobody where PostgreSQL did not come
# from Debian: initdb refuses root.
use_work() { # DIRECTORY
    local user=postgres
    if ((EUID == 0)); then
        id "$user" >/dev/null 2>&1 || user=nobody
        run_user=(setpriv "--reuid=$user" "--regid=$(id -g "$user")" --init-groups --)
    fi
    work=$1
    mkdir "$work"/{src,pg,log,tmp}
    log_dir=$work/log
    if ((EUID == 0)); then chown -R "$user:" "$work"; fi
    cd "$work"
}

make_work() {
    use_work "$(mktemp -d /tmp/calls_fdw.XXXXXX)"
}

remove_work() {
    if [[ -n $work ]]; then
        cd /
        rm -rf "$work"
    fi
}

# Copies what helps to find out why a test failed to test/tmp_check.
keep_logs() {
    local kept=$source_dir/test/tmp_check
    mkdir -p "$kept" || return 0
    cp -r "$work"/log/. "$kept/"
    for file in "$work"/src/{regression.diffs,results} "$work"/src/test/tmp_check/log; do
        if [[ -e $file ]]; then cp -r "$file" "$kept/"; fi
    done
    if ((EUID == 0)); then chown -R --reference="$source_dir" "$kept"; fi
    echo "logs and diffs are in $kept"
}

# Runs COMMAND as the unprivileged user, with the private installation first
# in PATH.
as_user() { # COMMAND...
    "${run_user[@]}" env HOME="$work" TMPDIR="$work/tmp" PATH="${bin_dir:+$bin_dir:}$PATH" "$@"
}

# The same in place of this shell, so that $! is COMMAND's.
exec_as_user() { # COMMAND...
    exec "${run_user[@]}" env HOME="$work" TMPDIR="$work/tmp" PATH="${bin_dir:+$bin_dir:}$PATH" "$@"
}

# Build products stay behind, whoever made them and with whatever compiler.
copy_source() {
    tar -C "$source_dir" -cf - --exclude-vcs --exclude='*.o' --exclude='*.bc' --exclude='*.so' \
        --exclude=./results --exclude='./regression.*' --exclude=tmp_check --exclude=./test/simulator/calls-simulator . |
        as_user tar -C "$work/src" -xf - --no-same-owner --no-same-permissions
}

# ---- building and installing -----------------------------------------------

build_extension() { # [MAKE-VARIABLE...]
    as_user make -s -j2 -C "$work/src" with_llvm=no PG_CONFIG="$pg_config" "$@"
}

build_simulator() { # [COMPILER-FLAG...]
    CFLAGS="-O2 -g $*" as_user make -s -j2 -C "$work/src/test/simulator"
}

# PostgreSQL finds its directories relative to the server program, so a copy
# of the programs, beside links to all else, is an installation of its own.
# What "make install" adds to it exists nowhere else.
link_all() { # FROM TO
    as_user mkdir -p "$2"
    as_user find "$1" -mindepth 1 -maxdepth 1 ! -name 'calls_fdw*' ! -path "$1/extension" -exec ln -st "$2" {} +
}

make_installation() {
    local from share
    from=$("$pg_config" --bindir)
    as_user mkdir -p "$bin_dir"
    as_user cp "$from"/* "$bin_dir"
    link_all "$("$pg_config" --pkglibdir)" "$work/pg$("$pg_config" --pkglibdir)"
    share=$("$pg_config" --sharedir)
    link_all "$share" "$work/pg$share"
    link_all "$share/extension" "$work/pg$share/extension"
}

# make_installation, and the extension in it. Sets bin_dir.
install_extension() {
    bin_dir=$work/pg$("$pg_config" --bindir)
    step "Installing into a private tree" install_all "$@"
}

install_all() { # [DIRECTORY]: with further provider definitions, in the source
    make_installation
    as_user make -s -C "$work/src" install with_llvm=no PG_CONFIG="$pg_config" DESTDIR="$work/pg"
    if (($# > 0)); then
        as_user cp "$work/src/$1"/*.json "$work/pg$("$pg_config" --sharedir)/extension/calls_fdw/"
    fi
}

# The steps from the source to an installation with the extension in it, and a
# simulator. BUILD is build_extension, or a function in its place.
build_all() { # BUILD [DIRECTORY]
    step "Copying the source" copy_source
    step "Building the extension" "$1"
    step "Building the simulator" build_simulator
    install_extension "${@:2}"
}

# ---- servers ---------------------------------------------------------------

# The prefix for a process that must not outlive this script, however it ends.
tied=(setpriv --pdeathsig TERM)

wait_until() { # SECONDS COMMAND...
    local tries=$(($1 * 20))
    shift
    until "$@" >/dev/null 2>&1; do
        ((tries-- > 0)) || return 1
        sleep 0.05
    done
}

# Starts the simulator and sets simulator_pid and simulator_url.
start_simulator() { # [OPTION...]
    local log=$log_dir/simulator.log
    as_user touch "$log"
    exec_as_user "${tied[@]}" "$work/src/test/simulator/calls-simulator" --port 0 "$@" >"$log" 2>&1 </dev/null &
    simulator_pid=$!
    if ! wait_until 10 grep -q '^listening on' "$log"; then
        cat "$log"
        die "the simulator did not start"
    fi
    simulator_url=http://$(sed -n 's/^listening on //p;q' "$log")
}

init_cluster() {
    as_user initdb -D "$work/data" -U postgres -A trust --locale=C.UTF-8 --encoding=UTF8 --no-sync
    cat <<END | as_user tee -a "$work/data/postgresql.conf" >/dev/null

# a throw-away cluster, reached only through the socket in its own directory
listen_addresses = ''
unix_socket_directories = '$work'
cluster_name = 'calls_fdw'
fsync = off
wal_level = minimal
max_wal_senders = 0
autovacuum = off
jit = off
sim.url = '$simulator_url'
END
}

# pg_regress stops at a test that has no expected file; give it an empty one.
add_expected() {
    local file
    for file in "$work"/src/sql/*.sql; do
        file=$work/src/expected/$(basename "$file" .sql).out
        [[ -e $file ]] || as_user touch "$file"
    done
}

# Starts PostgreSQL, below the programs given, and sets postgres_pid.
start_cluster() { # SECONDS-TO-WAIT [WRAPPER...]
    local seconds=$1
    shift
    exec_as_user "${tied[@]}" "$@" "$bin_dir/postgres" -D "$work/data" >"$log_dir/postgres.log" 2>&1 </dev/null &
    postgres_pid=$!
    export PGHOST=$work PGUSER=postgres PGPORT=5432
    if ! wait_until "$seconds" as_user pg_isready; then
        cat "$log_dir/postgres.log"
        die "PostgreSQL did not start"
    fi
}

# Ends a process that we started and waits for it.
stop_process() { # SIGNAL PID
    local tries=200
    kill -s "$1" "$2" 2>/dev/null || return 0
    while kill -0 "$2" 2>/dev/null; do
        if ((tries-- == 0)); then
            kill -s QUIT "$2" 2>/dev/null || true
            tries=200
        fi
        sleep 0.05
    done
}

stop_servers() {
    if [[ -n $postgres_pid ]]; then stop_process INT "$postgres_pid"; fi
    if [[ -n $simulator_pid ]]; then stop_process TERM "$simulator_pid"; fi
    wait
    postgres_pid=
    simulator_pid=
}
