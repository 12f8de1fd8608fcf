#!/bin/bash
# What people do today: loads TryVox's calls with curl, jq and COPY.
#
# usage: load_jq.sh BASE-URL PAGE-SIZE PAGES
#
# Prints the server's CPU seconds, then the number of rows. One curl asks for
# all pages by number, over one connection; that works only where an API
# counts its pages.
set -euo pipefail

url="$1/v1/voice/accounts/acc_1/calls?per_page=$2&page=[1-$3]"
# shellcheck disable=SC2016 # $p is jq's
program='.calls[] | ["tryvox", .call_uuid, (.status | gsub("-"; "_")), .direction, null, .from, .to,
    .start_time, .end_time, (if .duration == null then null else "\(.duration) s" end)] | @csv'

psql -X -q -d bench -c 'DROP TABLE IF EXISTS loaded' -c 'CREATE TABLE loaded (provider text, call_id text,
    status text, direction text, agent_id text, from_number text, to_number text, started_at timestamptz,
    ended_at timestamptz, duration interval)' 2>/dev/null
curl -sS --fail --compressed -H 'Authorization: Bearer tvx_sk_test' "$url" | jq -r "$program" |
    psql -X -q -A -t -d bench -c '\copy loaded FROM STDIN (FORMAT csv)' \
        -c "SELECT split_part(stat, ' ', 12)::numeric / 100 + split_part(stat, ' ', 13)::numeric / 100
            FROM (SELECT split_part(pg_read_file('/proc/' || pg_backend_pid() || '/stat'), ') ', 2)) s (stat)" \
        -c 'SELECT count(*) FROM loaded'
