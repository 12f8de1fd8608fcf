#!/bin/bash
# Builds the Debian package and tries what is in it.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage() {
    cat <<'END'
usage: test/package.sh [-v] [--system] [--keep DIRECTORY]

Installs what is missing (Debian packages, by apt), builds the package with
dpkg-buildpackage in a copy of the source, without network where this is
possible, looks at what is in it (with lintian, where that is installed), and
runs debian/tests/installed against a throw-away PostgreSQL that has nothing of
calls_fdw but the package's files.

--system  then install the package by apt, and try it there too: for machines
          that are thrown away
--keep    copy the package to DIRECTORY
-v        show the output of every step

PG_CONFIG names the pg_config of the PostgreSQL to build for. By default it is
the newest that is installed with its server headers.
END
}

system=0
keep_in=
package=        # the .deb

# What the package must have, below these directories of PostgreSQL's.
check_contents() {
    local file list
    list=$(dpkg-deb --fsys-tarfile "$package" | tar -tf -)
    for file in "$("$pg_config" --pkglibdir)/calls_fdw.so" \
        "$("$pg_config" --sharedir)"/extension/{calls_fdw.control,calls_fdw--1.0.sql} \
        "$("$pg_config" --sharedir)"/extension/calls_fdw/{voicy,tryvox,solomobile,whippy,ringyo}.json \
        "/usr/share/doc/postgresql-$major-calls-fdw"/{README.md,doc/cookbook.md,changelog,copyright}; do
        grep -qE "^\.$file(\.gz)?$" <<<"$list" || die "the package lacks $file"
    done
    ! grep -vF /bitcode/ <<<"$list" | grep -E '/(test|bench|src)/|\.o$|/usr/local' || die "the package has files that do not belong into it"
    dpkg-deb --info "$package"
}

build_package() {
    cd "$work/src"
    as_user env PG_SUPPORTED_VERSIONS="$major" pg_buildext updatecontrol
    as_user env PG_SUPPORTED_VERSIONS="$major" dpkg-buildpackage -us -uc -b
}

# As root without network; a container may forbid that.
without_network() { # COMMAND...
    local outside=("${run_user[@]}")
    if ((EUID == 0)) && unshare --net true; then
        run_user=(unshare --net "${run_user[@]}")
    else
        echo "with network"
    fi
    "$@"
    run_user=("${outside[@]}")
}

run_lintian() {
    as_user lintian --fail-on error --suppress-tags bogus-mail-host,initial-upload-closes-no-bugs,no-manual-page "$package"
}

unpack_package() {
    make_installation
    as_user dpkg-deb -x "$package" "$work/pg"
}

try_package() {
    as_user "$work/src/debian/tests/installed"
}

try_system() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$package"
    # pg_virtualenv starts a server of that version for the command
    env -u PGHOST -u PGUSER -u PGPORT PATH="$PATH" pg_virtualenv -v "$major" -o jit=off "$work/src/debian/tests/installed"
}

finish() { # STATUS
    clean_up 0
    (($1 == 0)) || echo "package.sh stopped: $last_error"
}

while (($# > 0)); do
    case $1 in
        -h | --help) usage; exit ;;
        -v) verbose=1 ;;
        --system) system=1 ;;
        --keep) keep_in=$(realpath "${2:?}"); shift ;;
        *) usage >&2; exit 2 ;;
    esac
    shift
done

finish_at_end
requirements+='
build-essential             dpkg --status build-essential
debhelper                   command -v dh
postgresql-server-dev-all   dpkg --status postgresql-server-dev-all
'
require_packages
major=$("$pg_config" --version | sed 's/^PostgreSQL \([0-9]*\).*/\1/')
make_work
bin_dir=$work/pg$("$pg_config" --bindir)
step "Copying the source" copy_source
step "Building the package" without_network build_package
package=$(echo "$work"/postgresql-"$major"-calls-fdw_*.deb)
step "Checking what is in it" check_contents
if command -v lintian >/dev/null; then step "Checking it with lintian" run_lintian; fi
step "Unpacking it into a private tree" unpack_package
simulator_url=
step "Creating a cluster" init_cluster
start_cluster 60
step "Trying it there" try_package
stop_servers
if ((system)); then step "Installing it by apt, and trying it" try_system; fi
if [[ -n $keep_in ]]; then cp "$package" "$keep_in/"; fi
echo "$(basename "$package") works"
