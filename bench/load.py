"""What people do today: loads a provider's calls with requests and COPY.

usage: load.py PROVIDER BASE-URL PAGE-SIZE THREADS

Creates the table "loaded", fills it with the common columns, and prints the
number of rows and the CPU seconds of this program and of the server's process.
One thread follows the provider's own paging. Several divide pages by number
where the API counts them, and the time of the log, by date, where it does not.
"""
import concurrent.futures
import csv
import datetime
import io
import os
import resource
import sys
import threading

import psycopg2
import requests

DAY = datetime.timedelta(days=1)
START = datetime.datetime(2025, 9, 1, tzinfo=datetime.timezone.utc)  # before the simulator's oldest call
END = datetime.datetime(2026, 11, 2, tzinfo=datetime.timezone.utc)

VOICY_STATUS = {
    "initiated": "queued", "ongoing": "in_progress", "user_hangup": "completed", "agent_hangup": "completed",
    "inactivity": "completed", "error_inactivity": "completed", "error": "failed",
}
SOLOMOBILE_STATUS = {"initiated": "queued"}
DIRECTION = {"incoming": "inbound", "outgoing": "outbound"}


def hyphenated(status):
    return status and status.replace("-", "_")


def epoch_ms(value):
    return None if value is None else datetime.datetime.fromtimestamp(value / 1000, datetime.timezone.utc).isoformat()


def seconds(value):
    return None if value is None else f"{value} s"


def milliseconds(value):
    return None if value is None else f"{value} ms"


def voicy_row(c):
    agent = c.get("agent")
    return (c.get("call_id"), VOICY_STATUS.get(c.get("call_status"), c.get("call_status")),
            DIRECTION.get(c.get("direction"), c.get("direction")), agent and agent.get("id"), c.get("from_number"), c.get("to_number"),
            epoch_ms(c.get("start_timestamp")), None, milliseconds(c.get("duration_ms")))


def tryvox_row(c):
    return (c.get("call_uuid"), hyphenated(c.get("status")), c.get("direction"), None, c.get("from"), c.get("to"),
            c.get("start_time"), c.get("end_time"), seconds(c.get("duration")))


def solomobile_row(c):
    status = c.get("status")
    return (c.get("id"), SOLOMOBILE_STATUS.get(status, hyphenated(status)), c.get("direction"), c.get("agent_id"),
            c.get("from_number"), c.get("to_number"), c.get("created_at"), None, seconds(c.get("duration")))


def whippy_row(c):
    return (c.get("id"), c.get("delivery_status"), c.get("direction"), c.get("agent_id"), c.get("from"), c.get("to"),
            c.get("created_at"), None, milliseconds(c.get("duration")))


def ringyo_row(c):
    return (c.get("id"), c.get("status"), None, c.get("agent_id"), c.get("from_number"), c.get("phone_number"),
            c.get("created_at"), c.get("ended_at"), seconds(c.get("duration")))


# One session per thread, so that connections are kept.
local = threading.local()


def session():
    if not hasattr(local, "session"):
        local.session = requests.Session()
    return local.session


def checked(response):
    response.raise_for_status()
    return response.json()


class Provider:
    """A provider's requests; pages are lists of rows."""

    def __init__(self, name, url, size):
        self.name, self.url, self.size = name, url, size
        self.row = globals()[name + "_row"]
        self.headers = {
            "voicy": {"Authorization": "Bearer voicy_sk_test"}, "tryvox": {"Authorization": "Bearer tvx_sk_test"},
            "solomobile": {"Authorization": "Bearer solo_test"}, "whippy": {"X-WHIPPY-KEY": "whippy_test"},
            "ringyo": {"Authorization": "Bearer ringyo_test"},
        }[name]

    def get(self, path, params):
        return checked(session().get(self.url + path, params=params, headers=self.headers))

    def post(self, path, body, params=None):
        return checked(session().post(self.url + path, params=params, json=body, headers=self.headers))

    def numbered_page(self, number):
        """Page number (from 0) and the total; for the APIs that count."""
        if self.name == "tryvox":
            reply = self.get("/v1/voice/accounts/acc_1/calls", {"page": number + 1, "per_page": self.size})
            return reply["calls"], reply["pagination"]["total_count"]
        if self.name == "solomobile":
            reply = self.post("/functions/v1/list-calls", {"limit": self.size, "offset": number * self.size})
            return reply["calls"], reply["total"]
        reply = self.post("/v1/calls/search", {}, {"limit": self.size, "offset": number * self.size})
        return reply["data"], reply["total"]

    def window(self, start, end):
        """Pages of the calls from start to before end; for the APIs with cursors."""
        position = None
        while True:
            if self.name == "voicy":
                threshold = {"lower_threshold": int(start.timestamp() * 1000),
                             "upper_threshold": int(end.timestamp() * 1000) - 1}
                body = {"limit": self.size, "filter_criteria": {"start_timestamp": threshold}}
                if position:
                    body["pagination_key"] = position
                page = self.post("/v1/list-calls", body)
                position = page[-1]["call_id"] if page else None
            else:
                params = {"limit": self.size, "from_date": start.isoformat(),
                          "to_date": (end - datetime.timedelta(seconds=1)).isoformat()}
                if position:
                    params["cursor"] = position
                reply = self.get("/v1/calls", params)
                page, position = reply["data"], reply["next_cursor"]
            yield page
            if not position:
                return


def load(provider, pages, lock, cursor):
    """COPYs pages; many at a time, as a person would who cares."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    for page in pages:
        for call in page:
            writer.writerow((provider.name, *provider.row(call)))
    buffer.seek(0)
    with lock:
        cursor.copy_expert("COPY loaded FROM STDIN (FORMAT csv)", buffer)


def load_numbered(provider, threads, lock, cursor):
    first, total = provider.numbered_page(0)
    load(provider, [first], lock, cursor)
    numbers = range(1, -(-total // provider.size))
    groups = [numbers[i:i + 20] for i in range(0, len(numbers), 20)]

    def load_group(group):
        load(provider, (provider.numbered_page(n)[0] for n in group), lock, cursor)

    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        list(pool.map(load_group, groups))


def load_windows(provider, threads, lock, cursor):
    length = (END - START) / threads // DAY * DAY + DAY
    windows = [(START + i * length, START + (i + 1) * length) for i in range(threads)]

    def load_window(window):
        pages = []
        for page in provider.window(*window):
            pages.append(page)
            if len(pages) == 20:
                load(provider, pages, lock, cursor)
                pages = []
        load(provider, pages, lock, cursor)

    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        list(pool.map(load_window, windows))


def server_cpu(cursor):
    cursor.execute("SELECT pg_read_file('/proc/' || pg_backend_pid() || '/stat')")
    fields = cursor.fetchone()[0].rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main():
    name, url, size, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    provider = Provider(name, url, size)
    connection = psycopg2.connect(dbname="bench")
    lock = threading.Lock()
    with connection, connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS loaded")
        cursor.execute("CREATE TABLE loaded (provider text, call_id text, status text, direction text, agent_id text, "
                       "from_number text, to_number text, started_at timestamptz, ended_at timestamptz, "
                       "duration interval)")
        if name in ("voicy", "ringyo"):
            load_windows(provider, threads, lock, cursor)
        else:
            load_numbered(provider, threads, lock, cursor)
        cpu = server_cpu(cursor)
        cursor.execute("SELECT count(*) FROM loaded")
        usage = resource.getrusage(resource.RUSAGE_SELF)
        print(cursor.fetchone()[0], usage.ru_utime + usage.ru_stime, cpu)


main()
