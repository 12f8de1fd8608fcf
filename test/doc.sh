#!/bin/bash
# Makes the documents that are made: doc/providers.md.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

if (($# > 0)); then
    cat >&2 <<'END'
usage: test/doc.sh

Makes doc/providers.md from the definitions in providers/, with the SQL
functions of the extension in a throw-away PostgreSQL.

PG_CONFIG names the pg_config of the PostgreSQL to use.
END
    exit 2
fi

finish() { # STATUS
    clean_up 0
}

finish_at_end

require_packages
make_work
step "Copying the source" copy_source
step "Building the extension" build_extension
install_extension
step "Creating a cluster" init_cluster
start_cluster 60
as_user psql -XAtq -v ON_ERROR_STOP=1 -d postgres -c 'CREATE EXTENSION calls_fdw' -f "$work/src/doc/providers.sql" >"$work/providers.md"
cp "$work/providers.md" "$source_dir/doc/providers.md"
chown --reference="$source_dir" "$source_dir/doc/providers.md"
echo "doc/providers.md is made."
