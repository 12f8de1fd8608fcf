"""Runs the measurements and writes their figures as JSON; report.py shows them.

Every part returns a list of dictionaries of plain figures. What is compared is
measured in turn, run by run, so that a slow moment of the machine meets both.
"""
import argparse
import json
import os
import platform
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request

import psycopg2

PROVIDERS = ("voicy", "tryvox", "solomobile", "whippy", "ringyo")
WITH_DETAILS = ("voicy", "tryvox", "ringyo")
PAGE_SIZE = {"voicy": 1000, "tryvox": 100, "solomobile": 100, "whippy": 500, "ringyo": 100}
COLUMNS = ("provider, call_id, status, direction, agent_id, from_number, to_number, "
           "started_at, ended_at, duration")
CONNECTIONS = (1, 2, 4, 8, 16)
LATENCY = 50  # ms
DIRECTORY = os.path.dirname(os.path.abspath(__file__))

args = None


def say(text):
    print(text, file=sys.stderr, flush=True)


# ---- the simulator --------------------------------------------------------

def simulator(path, **options):
    query = "?" + urllib.parse.urlencode(options) if options else ""
    with urllib.request.urlopen(args.url + "/_sim/" + path + query) as reply:
        return reply.read().decode()


def prepare(calls, **switches):
    """Gives every provider so many calls, and has them made."""
    simulator("reset")
    simulator("set", provider="all", calls=calls, **switches)


def request_count():
    return int(simulator("stats").split()[1])


# ---- the server -----------------------------------------------------------

def connect():
    connection = psycopg2.connect(dbname="bench")
    connection.autocommit = True
    return connection


def execute(statement):
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute(statement)


def set_option(provider, name, value):
    """Sets a server option; None removes it."""
    connection = connect()
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(srvoptions::text, '') LIKE %s FROM pg_foreign_server WHERE srvname = %s",
                       (f"%{name}=%", provider))
        there = cursor.fetchone()[0]
        if value is None and there:
            cursor.execute(f"ALTER SERVER {provider} OPTIONS (DROP {name})")
        elif value is not None:
            cursor.execute(f"ALTER SERVER {provider} OPTIONS ({'SET' if there else 'ADD'} {name} '{value}')")
    connection.close()


def has_option(name, value):
    try:
        set_option(PROVIDERS[0], name, value)
    except psycopg2.Error:
        return False
    set_option(PROVIDERS[0], name, None)
    return True


def cpu_of(pid):
    """User and system seconds of a process and its threads."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def high_water(pid):
    """Peak of a process's memory, in kB."""
    with open(f"/proc/{pid}/status") as file:
        return int(next(line for line in file if line.startswith("VmHWM")).split()[1])


def run_in_backend(statement):
    """A statement in a session of its own that has the extension loaded: its cost, and the requests."""
    connection = connect()
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM voicy.calls WHERE false")
        pid = connection.get_backend_pid()
        requests, cpu, start = request_count(), cpu_of(pid), time.monotonic()
        cursor.execute(statement)
        result = {"seconds": time.monotonic() - start, "cpu": cpu_of(pid) - cpu,
                  "requests": request_count() - requests, "memory": high_water(pid)}
        result["rows"] = cursor.fetchall() if cursor.description else None
    connection.close()
    return result


def scan(table, columns=COLUMNS):
    """A full scan that sends nothing to the client."""
    return run_in_backend(f"EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF) SELECT {columns} FROM {table}")


def run_program(*command):
    """A program's output and its cost, children included."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    output = process.stdout.read().split()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = status
    if status != 0:
        raise RuntimeError(f"{command[0]} failed")
    return output, {"seconds": time.monotonic() - start, "cpu": usage.ru_utime + usage.ru_stime}


# ---- the parts ------------------------------------------------------------

def check_floor(provider, sums):
    """The C program must have built what the table shows."""
    rows = run_in_backend(f"""
        SELECT count(*), sum(octet_length(concat(provider, call_id, status, direction, agent_id, from_number, to_number))),
               coalesce(sum(floor(extract(epoch FROM started_at) * 1000)), 0)::bigint,
               coalesce(sum(floor(extract(epoch FROM ended_at) * 1000)), 0)::bigint,
               coalesce(sum(extract(epoch FROM duration) * 1000), 0)::bigint
        FROM {provider}.calls""")["rows"]
    if [str(value) for value in rows[0]] != sums:
        raise RuntimeError(f"{provider}: the C program built {sums}, the table has {rows[0]}")


def load_with_python(provider, threads, calls):
    output, cost = run_program("/usr/bin/python3", "-B", f"{DIRECTORY}/load.py", provider, args.url,
                               str(PAGE_SIZE[provider]), str(threads))
    if int(output[0]) != calls:
        raise RuntimeError(f"{provider}: load.py loaded {output[0]} of {calls} calls")
    return {"seconds": cost["seconds"], "cpu": cost["cpu"] + float(output[2])}


def load_with_jq(calls):
    size = PAGE_SIZE["tryvox"]
    output, cost = run_program(f"{DIRECTORY}/load_jq.sh", args.url, str(size), str(-(-calls // size)))
    if int(output[1]) != calls:
        raise RuntimeError(f"load_jq.sh loaded {output[1]} of {calls} calls")
    return {"seconds": cost["seconds"], "cpu": cost["cpu"] + float(output[0])}


def measure_cpu():
    calls = 20000 if args.quick else 200000
    results = []
    prepare(calls)
    for provider in PROVIDERS:
        floor_command = (args.floor, provider, args.url, str(PAGE_SIZE[provider]))
        check_floor(provider, run_program(*floor_command)[0])
        for run in range(args.runs):
            say(f"cpu: {provider}, run {run + 1}")
            floor = run_program(*floor_command)[1]
            fdw = scan(f"{provider}.calls")
            ways = {"floor": floor, "fdw": fdw}
            execute("DROP TABLE IF EXISTS loaded")
            ways["table"] = run_in_backend(f"CREATE TABLE loaded AS SELECT {COLUMNS} FROM {provider}.calls")
            ways["python"] = load_with_python(provider, 1, calls)
            ways["python8"] = load_with_python(provider, 8, calls)
            if provider == "tryvox":
                ways["jq"] = load_with_jq(calls)
            for way, cost in ways.items():
                results.append({"provider": provider, "run": run, "way": way, "calls": calls,
                                "cpu": cost["cpu"], "seconds": cost["seconds"]})
            simulator("clear")
    return results


def connections_to_try():
    return CONNECTIONS if has_option("max_connections", 2) else (1,)


def set_connections(provider, connections):
    if has_option("max_connections", 2):
        set_option(provider, "max_connections", connections)


def measure_latency():
    results = []
    tried = connections_to_try()
    for pages in (20, 40) if args.quick else (100, 400):
        prepare(pages * 100, latency=LATENCY)
        for provider in PROVIDERS:
            set_option(provider, "page_size", 100)
            for run in range(args.runs):
                say(f"latency: {pages} pages of {provider}, run {run + 1}")
                for connections in tried:
                    set_connections(provider, connections)
                    cost = scan(f"{provider}.calls")
                    results.append({"provider": provider, "pages": pages, "connections": connections, "run": run,
                                    "seconds": cost["seconds"], "requests": cost["requests"]})
            set_connections(provider, None)
            set_option(provider, "page_size", None)
    return results


def measure_uneven():
    """Nine of ten calls newer than all others; providers whose pages cannot be asked for by number."""
    pages = 40 if args.quick else 400
    results = []
    prepare(pages * 10)
    for provider in ("voicy", "ringyo"):
        simulator("change", provider=provider, insert=pages * 90)
        simulator("set", provider=provider, latency=LATENCY)
        set_option(provider, "page_size", 100)
        for run in range(args.runs):
            say(f"uneven: {provider}, run {run + 1}")
            for order in ("DESC", "ASC"):
                for connections in (1, 8):
                    set_connections(provider, connections)
                    cost = scan(f"(SELECT * FROM {provider}.calls ORDER BY started_at {order}) s")
                    results.append({"provider": provider, "pages": pages, "order": order, "connections": connections,
                                    "run": run, "seconds": cost["seconds"], "requests": cost["requests"]})
        set_connections(provider, None)
        set_option(provider, "page_size", None)
    return results


def measure_append():
    results = []
    prepare(2000 if args.quick else 10000, latency=LATENCY)
    for provider in PROVIDERS:
        set_option(provider, "page_size", 100)
    for run in range(args.runs):
        say(f"append: run {run + 1}")
        for table in [f"{provider}.calls" for provider in PROVIDERS] + ["all_calls"]:
            results.append({"table": table, "run": run, "seconds": scan(table)["seconds"]})
    for provider in PROVIDERS:
        set_option(provider, "page_size", None)
    return results


def measure_requests():
    queries = {
        "LIMIT 10": "SELECT * FROM {}.calls LIMIT 10",
        "count(*)": "SELECT count(*) FROM {}.calls",
        "join, 20 contacts": "SELECT c.name, count(v.call_id) FROM contact c "
                             "LEFT JOIN {}.calls v ON v.to_number = c.phone GROUP BY c.name",
    }
    results = []
    calls = 2000 if args.quick else 12000
    prepare(calls)
    execute("TRUNCATE contact; INSERT INTO contact SELECT 'Contact ' || phone, phone FROM ("
            "SELECT DISTINCT to_number AS phone FROM tryvox.calls WHERE direction = 'outbound') s "
            "ORDER BY md5(phone) LIMIT 20; ANALYZE contact")
    for provider in PROVIDERS:
        execute(f"ANALYZE {provider}.calls")
    simulator("set", provider="all", latency=LATENCY)
    for provider in PROVIDERS:
        for run in range(args.runs):
            say(f"requests: {provider}, run {run + 1}")
            for name, query in queries.items():
                cost = run_in_backend(query.format(provider))
                results.append({"provider": provider, "query": name, "run": run, "calls": calls,
                                "seconds": cost["seconds"], "requests": cost["requests"]})
    return results


def measure_details():
    calls = 20 if args.quick else 200
    results = []
    prepare(2000)
    for provider in WITH_DETAILS:
        simulator("set", provider="all", latency=0)
        execute(f"DROP TABLE IF EXISTS wanted; "
                f"CREATE TABLE wanted AS SELECT source, call_id FROM {provider}.calls LIMIT {calls}; ANALYZE wanted")
        simulator("set", provider="all", latency=LATENCY)
        for run in range(args.runs):
            say(f"details: {provider}, run {run + 1}")
            for connections in connections_to_try():
                set_connections(provider, connections)
                cost = run_in_backend(f"SELECT count(*) FROM wanted JOIN {provider}.call_details USING (source, call_id)")
                if cost["rows"] != [(calls,)]:
                    raise RuntimeError(f"{provider}: {cost['rows'][0][0]} of {calls} calls have details")
                results.append({"provider": provider, "calls": calls, "connections": connections, "run": run,
                                "seconds": cost["seconds"], "requests": cost["requests"]})
        set_connections(provider, None)
    return results


def measure_memory():
    results = []
    for calls in (2000, 20000) if args.quick else (2000, 200000, 1000000):
        for provider in PROVIDERS:
            say(f"memory: {calls} calls of {provider}")
            prepare(2000)
            simulator("set", provider=provider, calls=calls)
            results.append({"provider": provider, "calls": calls, "memory": scan(f"{provider}.calls")["memory"]})
    return results


def scan_in_sessions(provider, sessions):
    """The same query in so many sessions at once; their results and the time all of them took."""
    query = (f"SELECT count(*), count(DISTINCT call_id), sum(hashtext(call_id)::bigint), sum(duration) "
             f"FROM {provider}.calls")
    results = [None] * sessions

    def run(number):
        try:
            results[number] = run_in_backend(query)["rows"]
        except psycopg2.Error as error:
            results[number] = str(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(sessions)]
    start = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results, time.monotonic() - start


def measure_limit():
    sessions, rate = 16, 25
    results = []
    prepare(500 if args.quick else 2500)
    for provider in ("whippy", "ringyo"):
        set_option(provider, "page_size", 100)
        expected = scan_in_sessions(provider, 1)[0][0]
        for run in range(args.runs):
            say(f"limit: {provider}, run {run + 1}")
            simulator("set", provider=provider, rate=rate)
            simulator("clear")
            answers, seconds = scan_in_sessions(provider, sessions)
            log = [json.loads(line) for line in simulator("log", provider=provider).splitlines()]
            simulator("set", provider=provider, rate=0)
            throttled = sum(entry["status"] == 429 for entry in log)
            results.append({"provider": provider, "run": run, "sessions": sessions, "rate": rate, "seconds": seconds,
                            "requests": len(log), "throttled": throttled,
                            "wrong": sum(answer != expected for answer in answers)})
        set_option(provider, "page_size", None)
    return results


PARTS = {
    "cpu": measure_cpu, "latency": measure_latency, "uneven": measure_uneven, "append": measure_append,
    "requests": measure_requests, "details": measure_details, "memory": measure_memory, "limit": measure_limit,
}


def machine():
    with open("/proc/cpuinfo") as file:
        models = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
    connection = connect()
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        version = cursor.fetchone()[0].split()[0]
    connection.close()
    return {"cpu": models[0] if models else platform.machine(), "cores": os.cpu_count(), "postgresql": version,
            "load": os.getloadavg()[0]}


def main():
    global args
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--floor", required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("parts", nargs="*")
    args = parser.parse_args()
    if args.quick:
        args.runs = 1
    results = {"machine": machine(), "runs": args.runs, "quick": args.quick}
    for part in args.parts or PARTS:
        results[part] = PARTS[part]()
    with open(args.output, "w") as file:
        json.dump(results, file)


main()
