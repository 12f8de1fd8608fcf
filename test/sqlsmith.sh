#!/bin/bash
# Lets sqlsmith loose on foreign tables: random SQL must neither crash the
# server nor end in an internal error.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage() {
    cat <<'END'
usage: test/sqlsmith.sh [-v] [--seed N] [MINUTES]

Runs sqlsmith (Debian package, by apt) for some minutes, by default 10, against
the tables of the five providers, a partitioned table of them, a security
barrier view and a few CRM tables in a throw-away PostgreSQL. Reports how many
queries it ran and which errors they met, by SQLSTATE. The exit status is 0 only if
no server process crashed and no error was an internal one (class XX).
After a failure, the server's log with the statements is in test/tmp_check.

--seed N  sqlsmith's seed; by default the time

PG_CONFIG names the pg_config of the PostgreSQL to use.
END
}

minutes=10
seed=$(date +%s)
smith_pid=
faults=0
completed=0

# Installed by apt if need be, as all else.
requirements+='
sqlsmith              command -v sqlsmith
'

# sqlsmith is no superuser: the functions it calls must not reach beyond the
# cluster.
create_tables() {
    as_user psql -X -q -d postgres -v ON_ERROR_STOP=1 -v url="$simulator_url" <<'SQL'
CREATE EXTENSION calls_fdw;
CREATE ROLE smith LOGIN;
ALTER ROLE smith SET statement_timeout = '5s';
ALTER ROLE smith SET temp_file_limit = '200MB';
CREATE SCHEMA crm;
CREATE SCHEMA everyone;
CREATE TABLE everyone.calls (source text, provider text, call_id text, status text, direction text, agent_id text,
  from_number text, to_number text, started_at timestamptz, ended_at timestamptz, duration interval) PARTITION BY LIST (source);
CREATE TABLE provider (name text, key text, account text);
INSERT INTO provider VALUES ('voicy', 'voicy_sk_test', NULL), ('tryvox', 'tvx_sk_test', 'acc_1'), ('solomobile', 'solo_test', NULL),
  ('whippy', 'whippy_test', NULL), ('ringyo', 'ringyo_test', NULL);
SELECT set_config('sim.url', :'url', false) \g /dev/null
DO $$
DECLARE
  p provider;
BEGIN
  FOR p IN TABLE provider LOOP
    EXECUTE format('CREATE SERVER %I FOREIGN DATA WRAPPER calls_fdw OPTIONS (provider %L, base_url %L, page_size ''50'', request_timeout ''5'', max_requests ''1000'')',
      p.name, p.name, current_setting('sim.url'));
    IF p.account IS NOT NULL THEN
      EXECUTE format('ALTER SERVER %I OPTIONS (ADD account_id %L)', p.name, p.account);
    END IF;
    EXECUTE format('CREATE USER MAPPING FOR PUBLIC SERVER %I OPTIONS (api_key %L)', p.name, p.key);
    EXECUTE format('CREATE SCHEMA %I', p.name);
    EXECUTE format('IMPORT FOREIGN SCHEMA %I FROM SERVER %I INTO %I', p.name, p.name, p.name);
    EXECUTE format('CREATE FOREIGN TABLE everyone.%I PARTITION OF everyone.calls FOR VALUES IN (%L) SERVER %I', p.name, p.name, p.name);
    EXECUTE format('CREATE FOREIGN TABLE %I.retyped (call_id text, status varchar, agent_id text,
      started_local timestamp OPTIONS (column_name ''started_at''), started_day date OPTIONS (column_name ''started_at''),
      started_ms bigint OPTIONS (column_name ''started_at''), seconds integer OPTIONS (column_name ''duration''),
      seconds_numeric numeric OPTIONS (column_name ''duration'')) SERVER %I', p.name, p.name);
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO smith', p.name);
    EXECUTE format('GRANT ALL ON ALL TABLES IN SCHEMA %I TO smith', p.name);
    EXECUTE format('GRANT USAGE ON FOREIGN SERVER %I TO smith', p.name);
  END LOOP;
END $$;
DROP TABLE provider;
CREATE VIEW everyone.barrier WITH (security_barrier) AS SELECT * FROM tryvox.calls WHERE status <> 'busy';
CREATE TABLE crm.contact AS
SELECT n AS id, 'Contact ' || n AS name,
  CASE WHEN n % 10 = 0 THEN NULL WHEN n % 10 = 1 THEN '555-1234' ELSE '+1800555' || 1000 + n % 40 END AS phone,
  ARRAY['busy', 'completed', 'no_answer'] AS statuses, timestamptz '2026-10-31' - n * interval '5 days' AS since
FROM generate_series(1, 60) AS n;
CREATE TABLE crm.note (contact_id int, call_id text, at timestamptz DEFAULT now(), body jsonb);
INSERT INTO crm.note SELECT row_number() OVER (), call_id, started_at, raw FROM voicy.calls LIMIT 20;
ANALYZE crm.contact, crm.note;
GRANT USAGE ON SCHEMA crm, everyone TO smith;
GRANT ALL ON ALL TABLES IN SCHEMA crm, everyone TO smith;
SQL
}

# In the background, since bash puts off signals while a command runs in
# front. sqlsmith never ends by itself, unless it loses its connection for good.
run_sqlsmith() {
    local end=$((SECONDS + minutes * 60))
    while ((SECONDS < end)); do
        exec_as_user "${tied[@]}" timeout "$((end - SECONDS))" sqlsmith --verbose --exclude-catalog --seed="$seed" \
            --target="host=$work port=5432 user=smith dbname=postgres" >>"$log_dir/sqlsmith.log" 2>&1 </dev/null &
        smith_pid=$!
        wait "$smith_pid" || true
        smith_pid=
        seed=$((seed + 1))
        sleep 1
    done
}

# Internal errors that are PostgreSQL's own: functions called with what only
# the server calls them with, and literals of no type.
core_errors='(invalid INTERVAL|unrecognized interval) typmod|failed to find conversion function from unknown'

# What the server's log says, whose lines begin with "SQLSTATE PID "; sqlsmith
# prints a character for each query.
report() {
    local log=$log_dir/postgres.log ran requests
    ran=$(grep -xE '[.etSC]+' "$log_dir/sqlsmith.log" | tr -d '\n' | wc -c)
    requests=$(curl -sS --noproxy '*' "$simulator_url/_sim/stats" | sed -n 's/^requests //p')
    echo "sqlsmith ran $ran queries in $minutes minutes, with $requests requests to the providers"
    echo "errors by SQLSTATE:"
    sed -nE 's/^([0-9A-Z]{5}) [0-9]+ (ERROR|FATAL|PANIC): .*/\1/p' "$log" | sort | uniq -c | sort -rn
    echo "errors of requests and replies (classes HV and 53):"
    sed -nE 's/^((HV|53)[0-9A-Z]{3}) [0-9]+ (ERROR|FATAL): (.*)/\1 \4/p' "$log" | sort | uniq -c | sort -rn | head -n 20
    grep -aE '^XX[0-9A-Z]{3} [0-9]+ (ERROR|FATAL):|PANIC:|was terminated by (signal|exception)|^TRAP:' "$log" |
        as_user tee "$log_dir/all_faults" | grep -vE "$core_errors" | as_user tee "$log_dir/faults" >/dev/null || true
    faults=$(wc -l <"$log_dir/faults")
    echo "$(($(wc -l <"$log_dir/all_faults") - faults)) internal errors were PostgreSQL's own"
    cat "$log_dir/faults"
}

finish() { # STATUS
    if [[ -n $smith_pid ]]; then stop_process TERM "$smith_pid"; fi
    clean_up "$(($1 + faults))"
    if ((completed)); then
        echo "$faults crashes and internal errors"
        exit "$((faults > 0))"
    fi
    echo "sqlsmith.sh stopped: $last_error" >&2
    exit "$(($1 == 0 ? 1 : $1))"
}

while (($# > 0)); do
    case $1 in
        -h | --help) usage; exit ;;
        -v) verbose=1 ;;
        --seed) seed=${2:?} && shift ;;
        -*) usage >&2; exit 2 ;;
        *) minutes=$1 ;;
    esac
    shift
done
[[ $minutes =~ ^[0-9]+$ && $seed =~ ^[0-9]+$ ]] || { usage >&2; exit 2; }

finish_at_end
require_packages
make_work
build_all build_extension
start_simulator --calls 500
step "Creating a cluster" init_cluster
as_user tee -a "$work/data/postgresql.conf" >/dev/null <<<"log_line_prefix = '%e %p '"
start_cluster 60
step "Creating tables" create_tables
echo "Running sqlsmith with seed $seed"
run_sqlsmith
report
completed=1
