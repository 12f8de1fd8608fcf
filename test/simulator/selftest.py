"""Checks of the simulator; see selftest.sh."""
import base64
import csv
import datetime
import gzip
import http.client
import io
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import zlib

PROVIDERS = ["voicy", "tryvox", "solomobile", "whippy", "ringyo", "acme"]
UUID = "00000000-0000-4000-8000-000000000000"
passed = failed = 0


def check(what, good, detail=""):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print("FAILED:", what, detail)


class Simulator:
    def __init__(self, *args):
        self.process = subprocess.Popen([sys.argv[1], "--port", "0", *args], stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        self.port = int(re.fullmatch(r"listening on 127\.0\.0\.1:(\d+)\n", line).group(1))

    def stop(self):
        """Ends the program; returns its exit code and how long that took."""
        start = time.time()
        self.process.terminate()
        code = self.process.wait(10)
        self.process.stdout.close()
        return code, time.time() - start


class Reply:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.raw = response.read()
        how = self.headers.get("Content-Encoding")
        self.body = gzip.decompress(self.raw) if how == "gzip" else zlib.decompress(self.raw) if how else self.raw

    def json(self):
        return json.loads(self.body)


def http_request(method, target, headers=None, body=None, timeout=20):
    connection = http.client.HTTPConnection("127.0.0.1", sim.port, timeout=timeout)
    try:
        connection.request(method, target, body, headers or {})
        return Reply(connection.getresponse())
    finally:
        connection.close()


def control(path, **args):
    target = "/_sim/" + path + ("?" + urllib.parse.urlencode(args) if args else "")
    reply = http_request("GET", target)
    if reply.status != 200:
        raise RuntimeError(f"{target}: {reply.status} {reply.body}")
    return reply.body.decode()


KEYS = {
    "voicy": {"Authorization": "Bearer voicy_sk_test"},
    "tryvox": {"Authorization": "Bearer tvx_sk_test"},
    "solomobile": {"Authorization": "Bearer solo_test"},
    "whippy": {"X-WHIPPY-KEY": "whippy_test"},
    "ringyo": {"Authorization": "Bearer ringyo_test"},
    "acme": {"Authorization": "Basic " + base64.b64encode(b"acc_1:acme_test").decode()},
}
PATHS = {
    "voicy": "/v1/list-calls", "tryvox": "/v1/voice/accounts/acc_1/calls", "solomobile": "/functions/v1/list-calls",
    "whippy": "/v1/calls/search", "ringyo": "/v1/calls", "acme": "/acme/v2/call-records",
}
POSTS = {"voicy", "solomobile", "whippy"}
IDS = {"voicy": "call_id", "tryvox": "call_uuid", "acme": "ref"}
SIZES = {"voicy": ("limit", 1000), "tryvox": ("per_page", 100), "solomobile": ("limit", 100), "whippy": ("limit", 500),
         "ringyo": ("limit", 100), "acme": ("per", 50)}


def ask(provider, params=None, query=None, headers=None, target=None, timeout=20):
    """One list request; params go where the provider has its filters."""
    params = dict(params or {})
    query = dict(query or {})
    all_headers = dict(KEYS[provider])
    all_headers.update(headers or {})
    body = None
    if provider in POSTS:
        if provider == "whippy":
            query.update({k: params.pop(k) for k in ("limit", "offset") if k in params})
        body = json.dumps(params)
        all_headers.setdefault("Content-Type", "application/json")
    else:
        query.update(params)
    if target is None:
        target = PATHS[provider] + ("?" + urllib.parse.urlencode(query, doseq=True) if query else "")
    return http_request("POST" if provider in POSTS else "GET", target, all_headers, body, timeout)


def rows_of(provider, page):
    if provider == "voicy":
        return page
    if provider == "acme":
        return page["result"]["records"]
    return page["calls" if provider in ("tryvox", "solomobile") else "data"]


def walk(provider, size=None, **filters):
    """All rows of all pages, as a client reads them that trusts the provider."""
    name, largest = SIZES[provider]
    size = size or largest
    params = {name: size, **filters}
    target = None
    rows = []
    for number in range(1, 10000):
        reply = ask(provider, params, target=target)
        if reply.status != 200:
            raise RuntimeError(f"{provider}: {reply.status} {reply.body}")
        page = reply.json()
        got = rows_of(provider, page)
        rows += got
        if provider == "voicy":
            if not got:
                return rows
            params["pagination_key"] = got[-1]["call_id"]
        elif provider == "tryvox":
            if number >= page["pagination"]["total_pages"]:
                return rows
            params["page"] = number + 1
        elif provider == "ringyo":
            if not page["has_more"]:
                return rows
            params["cursor"] = page["next_cursor"]
        elif provider == "acme":
            if page["links"]["next"] is None:
                return rows
            parts = urllib.parse.urlsplit(page["links"]["next"])
            target = parts.path + "?" + parts.query
        else:
            if not (page["has_more"] if provider == "solomobile" else len(rows) < page["total"]):
                return rows
            params["offset"] = len(rows)
    raise RuntimeError(provider + ": paging does not end")


def ids(provider, rows):
    return [row[IDS.get(provider, "id")] for row in rows]


def table(provider):
    return list(csv.DictReader(io.StringIO(control("data", provider=provider, format="csv"))))


def log(provider):
    return [json.loads(line) for line in control("log", provider=provider).splitlines()]


def undocumented():
    return int(re.search(r"undocumented (\d+)", control("stats")).group(1))


def when(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def expect_filter(provider, what, filters, keep):
    """The filter gives exactly the table's rows for which keep is true, and some but not all."""
    all_rows = table(provider)
    wanted = {row["call_id"] for row in all_rows if keep(row)}
    got = ids(provider, walk(provider, **filters))
    check(f"{provider} filter {what}", len(got) == len(set(got)) and set(got) == wanted and 0 < len(wanted) < len(all_rows),
          f"got {len(got)}, wanted {len(wanted)} of {len(all_rows)}")


def test_walks():
    for provider in PROVIDERS:
        rows = table(provider)
        want = [row["call_id"] for row in rows]
        for size in (None, 7):
            got = walk(provider, size)
            check(f"{provider} walk {size}", sorted(ids(provider, got)) == sorted(want), f"{len(got)} of {len(want)}")
        raw = {row["call_id"]: json.loads(row["raw"]) for row in rows}
        check(f"{provider} raw as served", all(raw[k] == row for k, row in zip(ids(provider, got), got)))
        check(f"{provider} 1000 calls", len(want) == 1000)
        check(f"{provider} csv constants", all(row["provider"] == provider and row["status"] for row in rows))
        starts = [row["started_at"] for row in rows if row["started_at"]]
        ties = sum(1 for a, b in zip(starts, starts[1:]) if a[:19] == b[:19])
        check(f"{provider} ties", 80 <= ties <= 200, ties)
        check(f"{provider} summer time", any(s.startswith("2026-03-29T01:") for s in starts))
        check(f"{provider} undated", (len(starts) < len(rows)) == (provider in ("solomobile", "whippy")))


def test_orders():
    starts = [row["start_time"] for row in walk("tryvox")]
    check("tryvox order", starts == sorted(starts, reverse=True))
    for word, reverse in (("ascending", False), ("descending", True)):
        starts = [row["start_timestamp"] for row in walk("voicy", 9, sort_order=word)]
        check(f"voicy {word}", starts == sorted(starts, reverse=reverse) and len(starts) == 1000)
    for word, reverse in (("asc", False), ("desc", True)):
        starts = [row["created_at"] for row in walk("ringyo", 9, order=word)]
        check(f"ringyo {word}", starts == sorted(starts, reverse=reverse) and len(starts) == 1000)
    for word, reverse in (("oldest", False), ("newest", True)):
        starts = [row["begin"] for row in walk("acme", 9, sort=word)]
        check(f"acme {word}", starts == sorted(starts, reverse=reverse) and len(starts) == 1000)
    for provider in ("solomobile", "whippy"):
        seen = []
        for word in ("created", "id", "random"):
            control("set", provider=provider, order=word)
            seen.append(ids(provider, walk(provider, 50)))
            check(f"{provider} order {word} stable", seen[-1] == ids(provider, walk(provider, 50)))
        check(f"{provider} order id", seen[1] == sorted(seen[0]) and seen[2] not in seen[:2])
        control("reset")


def test_filters():
    rows = {provider: table(provider) for provider in PROVIDERS}
    some = lambda provider, column: next(row[column] for row in rows[provider] if row[column].startswith(("+", "a", "b", "c", "d", "e", "f", "0", "1", "2")))
    middle = "2026-04-01T00:00:00Z"
    later = "2026-05-01T00:00:00Z"
    after = lambda row: row["started_at"] and row["started_at"] >= middle[:19]
    before = lambda row: row["started_at"] and when(row["started_at"]) <= when(later)
    ms = lambda text: int(when(text).timestamp() * 1000)
    agent = some("voicy", "agent_id")
    nest = lambda **criteria: {"filter_criteria": criteria}
    expect_filter("voicy", "agent", nest(agent_id=[agent]), lambda r: r["agent_id"] == agent)
    expect_filter("voicy", "status", nest(call_status=["busy", "user_hangup"]), lambda r: r["provider_status"] in ("busy", "user_hangup"))
    expect_filter("voicy", "direction", nest(direction=["incoming"]), lambda r: r["direction"] == "inbound")
    expect_filter("voicy", "time", nest(start_timestamp={"lower_threshold": ms(middle), "upper_threshold": ms(later)}),
                  lambda r: after(r) and before(r))
    expect_filter("tryvox", "status", {"status": "no-answer"}, lambda r: r["status"] == "no_answer")
    expect_filter("tryvox", "direction", {"direction": "outbound"}, lambda r: r["direction"] == "outbound")
    for param, column in (("from", "from_number"), ("to", "to_number")):
        number = some("tryvox", column)
        expect_filter("tryvox", param, {param: number}, lambda r: r[column] == number)
    agent, number = some("solomobile", "agent_id"), some("solomobile", "from_number")
    expect_filter("solomobile", "status", {"status": "busy"}, lambda r: r["status"] == "busy")
    expect_filter("solomobile", "direction", {"direction": "inbound"}, lambda r: r["direction"] == "inbound")
    expect_filter("solomobile", "agent", {"agent_id": agent}, lambda r: r["agent_id"] == agent)
    expect_filter("solomobile", "phone", {"phone_number": number}, lambda r: number in (r["from_number"], r["to_number"]))
    expect_filter("solomobile", "from_date", {"from_date": middle}, after)
    expect_filter("solomobile", "to_date", {"to_date": later}, before)
    for param, column in (("from", "from_number"), ("to", "to_number"), ("agent_id", "agent_id"), ("contact_id", "contact_id"),
                          ("agent_version_id", "agent_version_id"), ("conversation_id", "conversation_id"), ("channel_id", "channel_id"),
                          ("mode", "mode"), ("language", "language"), ("delivery_status", "provider_status"),
                          ("call_completion_rating", "call_completion_rating"), ("direction", "direction")):
        values = sorted({row[column] for row in rows["whippy"]} - {"", "anonymous"})[:2]
        expect_filter("whippy", param, {param: values[0]}, lambda r: r[column] == values[0])
        if len(values) == 2 and param != "direction":
            expect_filter("whippy", param + " array", {param: values}, lambda r: r[column] in values)
    expect_filter("whippy", "voicemail", {"voicemail": True}, lambda r: r["voicemail"] == "true")
    expect_filter("whippy", "after", {"after": middle}, after)
    expect_filter("whippy", "before", {"before": "2026-05-01T02:00:00+02:00"}, before)
    length = lambda r: float(r["duration"].split()[0]) * 1000 if r["duration"] else -1
    expect_filter("whippy", "durations", {"min_duration": 60000, "max_duration": 200000}, lambda r: 60000 <= length(r) <= 200000)
    agent, number = some("ringyo", "agent_id"), some("ringyo", "to_number")
    expect_filter("ringyo", "status", {"status": "completed"}, lambda r: r["status"] == "completed")
    expect_filter("ringyo", "agent", {"agent_id": agent}, lambda r: r["agent_id"] == agent)
    expect_filter("ringyo", "phone", {"phone_number": number}, lambda r: r["to_number"] == number)
    expect_filter("ringyo", "dates", {"from_date": "2026-04-01", "to_date": later}, lambda r: after(r) and before(r))
    number = some("acme", "from_number")
    expect_filter("acme", "states", {"state": ["done", "missed"]}, lambda r: r["provider_status"] in ("done", "missed"))
    expect_filter("acme", "phone", {"phone": number}, lambda r: r["from_number"] == number)
    expect_filter("acme", "times", {"since": ms(middle) // 1000 - 1, "until": ms(later) // 1000 + 1}, lambda r: after(r) and before(r))


def expect_error(what, reply, status, wanted):
    """The reply has that status, and wanted(parsed body) holds."""
    try:
        good = reply.status == status and wanted(reply.json())
    except (ValueError, KeyError, TypeError):
        good = False
    check(f"error: {what}", good, f"{reply.status} {reply.body[:200]}")


FORMS = {
    "voicy": lambda b: isinstance(b["error"], str),
    "tryvox": lambda b: isinstance(b["error"]["details"], list) and b["error"]["code"] and b["error"]["message"],
    "solomobile": lambda b: b["error"]["code"] and b["error"]["message"],
    "whippy": lambda b: b["errors"][0]["description"] and b["status"] >= 400,
    "ringyo": lambda b: b["error"]["code"] and b["meta"]["request_id"],
    "acme": lambda b: b["error"]["code"] and b["error"]["message"],
}


def test_errors():
    bad = [
        ("voicy", {"filter_criteria": {"call_status": "busy"}}), ("voicy", {"filter_criteria": {"call_status": ["ended"]}}),
        ("voicy", {"filter_criteria": {"phone": ["+1"]}}), ("voicy", {"filter_criteria": {"agent_id": ["x"]}}),
        ("voicy", {"filter_criteria": {"direction": []}}), ("voicy", {"limit": 1001}), ("voicy", {"limit": "5"}),
        ("voicy", {"sort_order": "up"}), ("voicy", {"pagination_key": UUID}), ("voicy", {"pagination_key": None}),
        ("voicy", {"filter_criteria": {"start_timestamp": {"lower_threshold": "2026-01-01"}}}),
        ("voicy", {"filter_criteria": {"start_timestamp": {"lower": 1}}}), ("voicy", {"filter_criteria": []}),
        ("tryvox", {"per_page": 101}), ("tryvox", {"per_page": 0}), ("tryvox", {"page": 0}), ("tryvox", {"status": "no_answer"}),
        ("tryvox", {"status": ""}), ("tryvox", {"from": "14155551234"}), ("tryvox", {"status": ["busy", "failed"]}),
        ("tryvox", {"start_time": "2026-01-01"}), ("tryvox", {"page": "1.5"}),
        ("solomobile", {"limit": 101}), ("solomobile", {"agent_id": "agent"}), ("solomobile", {"from_date": "yesterday"}),
        ("solomobile", {"from_date": "2026-02-30T00:00:00Z"}), ("solomobile", {"phone_number": "anonymous"}),
        ("solomobile", {"status": ["busy"]}), ("solomobile", {"offset": -1}), ("solomobile", {"order": "asc"}),
        ("solomobile", {"to_date": ""}), ("solomobile", {"status": "queued"}),
        ("whippy", {"limit": 501}), ("whippy", {"min_duration": -1}), ("whippy", {"voicemail": "true"}), ("whippy", {"agent_id": ["x"]}),
        ("whippy", {"before": "2026-01-01"}), ("whippy", {"before": ["2026-01-01T00:00:00Z"]}), ("whippy", {"mode": []}),
        ("whippy", {"from": "+0123"}), ("whippy", {"delivery_status": ""}), ("whippy", {"status": "busy"}),
        ("ringyo", {"limit": 101}), ("ringyo", {"from_date": "01/02/2026"}), ("ringyo", {"cursor": "zzz"}), ("ringyo", {"order": "up"}),
        ("ringyo", {"status": "answered"}), ("ringyo", {"from_number": "+14155551234"}), ("ringyo", {"phone_number": "1"}),
        ("acme", {"per": 51}), ("acme", {"state": "gone"}), ("acme", {"since": "2026-01-01"}), ("acme", {"page": 2}),
    ]
    control("clear")
    before = undocumented()
    for provider, params in bad:
        expect_error(f"{provider} {params}", ask(provider, params), 400, FORMS[provider])
    check("undocumented counted", undocumented() == before + len(bad), undocumented() - before)
    check("logged as not ok", all(not entry["ok"] and entry["status"] == 400 for entry in log("tryvox")))
    control("clear")
    code = lambda word: lambda b: b["error"]["code"] == word
    expect_error("ringyo cursor", ask("ringyo", {"cursor": "zzz"}), 400, code("invalid_cursor"))
    expect_error("ringyo date", ask("ringyo", {"to_date": "now"}), 400, code("invalid_date_format"))
    expect_error("tryvox details", ask("tryvox", {"per_page": 101}), 400, lambda b: b["error"]["details"][0]["field"] == "per_page")
    expect_error("whippy timeout", ask("whippy", query={"timeout": 100}), 400, FORMS["whippy"])
    expect_error("voicy query", ask("voicy", query={"limit": 1}), 400, FORMS["voicy"])
    expect_error("ringyo body", http_request("GET", "/v1/calls", KEYS["ringyo"], "{}"), 400, FORMS["ringyo"])
    expect_error("not JSON", http_request("POST", "/v1/list-calls", {**KEYS["voicy"], "Content-Type": "application/json"}, "{'a':1}"), 400, FORMS["voicy"])
    expect_error("no content type", http_request("POST", "/v1/list-calls", KEYS["voicy"], "{}"), 400, FORMS["voicy"])
    before = undocumented()
    for provider in PROVIDERS:
        name = list(KEYS[provider])[0]
        expect_error(f"{provider} wrong key", ask(provider, headers={name: "Bearer wrong"}), 401, FORMS[provider])
        expect_error(f"{provider} wrong method", http_request("PUT", PATHS[provider], KEYS[provider]), 405, FORMS[provider])
    check("keys are not counted", undocumented() == before)
    check("wrong path", http_request("GET", "/v1/callz").status == 404)
    check("whippy timeout accepted", ask("whippy", query={"timeout": 15000}).status == 200)
    check("unknown control word", http_request("GET", "/_sim/set?provider=voicy&colour=red").body.count(b"colour") == 1)
    check("unknown switch value", http_request("GET", "/_sim/set?provider=voicy&bounds=open").status == 400)
    check("unknown fault kind", http_request("GET", "/_sim/fault?provider=voicy&kind=odd").status == 400)
    check("unknown provider", http_request("GET", "/_sim/set?provider=odd&latency=1").status == 400)


def call(provider, name, target=None, method="GET", **headers):
    """One call by its id."""
    return http_request(method, target or ONE[provider] + urllib.parse.quote(name, safe=""), {**KEYS[provider], **headers})


ONE = {"voicy": "/v1/get-call/", "tryvox": "/v1/voice/accounts/acc_1/calls/", "ringyo": "/v1/calls/"}
ADDED = {
    "voicy": {"transcript", "summary", "recording_url", "detected_gender", "vars_provided", "vars_extracted"},
    "tryvox": {"billed_duration", "ring_time", "price", "price_unit", "recording_urls", "machine_detection", "parent_call_uuid",
               "transfer_time"},
    "ringyo": {"transcript", "recording", "analysis"},
}


def test_single():
    control("reset")
    for provider in ONE:
        rows = rows_of(provider, ask(provider).json())
        name = rows[3][IDS.get(provider, "id")]
        control("clear")
        include = "?include=transcript,recording,analysis" if provider == "ringyo" else ""
        reply = call(provider, name, ONE[provider] + name + include)
        one = reply.json()
        check(f"single {provider}", reply.status == 200 and {k: v for k, v in one.items() if k not in ADDED[provider]} == rows[3])
        check(f"single adds {provider}", set(one) - set(rows[3]) == ADDED[provider], one)
        entry = log(provider)[0]
        check(f"single log {provider}", entry["rows"] == 1 and entry["ok"] and entry["path"] == ONE[provider] + name, entry)
        for bad in (UUID, "x", "../calls", "..", name + "x", name + "/", "a?b"):
            expect_error(f"single {provider} {bad!r}", call(provider, bad), 404, FORMS[provider])
        check(f"single 404 {provider}", call(provider, "", ONE[provider] + name + "/x").status == 404)
        before = undocumented()
        expect_error(f"single {provider} key", call(provider, name, Authorization="Bearer x"), 401, FORMS[provider])
        expect_error(f"single {provider} method", call(provider, name, method="DELETE"), 405, FORMS[provider])
        check(f"single documented {provider}", undocumented() == before)
        expect_error(f"single {provider} parameter", call(provider, name, ONE[provider] + name + "?limit=1"), 400, FORMS[provider])
        check(f"single undocumented {provider}", undocumented() == before + 1)
        fault(provider, "value", field="summary", json='"changed"')
        check(f"single fault {provider}", call(provider, name).json()["summary"] == "changed")
        fault(provider, "status", code=503)
        expect_error(f"single {provider} 503", call(provider, name), 503, lambda body: True)
        control("change", provider=provider, delete=1)
        newest = rows[0][IDS.get(provider, "id")]
        expect_error(f"single {provider} deleted", call(provider, newest), 404, FORMS[provider])
    check("single ringyo bare", ADDED["ringyo"].isdisjoint(call("ringyo", name).json()))
    check("single ringyo include", call("ringyo", name, ONE["ringyo"] + name + "?include=a").status == 400)
    check("single elsewhere", http_request("GET", "/acme/v2/call-records/AC-00000001", KEYS["acme"]).status == 404)


def test_log():
    control("reset")
    ask("acme", {"state": ["done", "missed"], "per": 3}, headers={"X-Tenant-ID": "t1"})
    ask("whippy", {"limit": 2, "mode": "voice"})
    entry = log("acme")[0]
    check("log query", entry["query"] == {"state": ["done", "missed"], "per": "3"} and entry["body"] is None)
    check("log facts", entry["rows"] == 3 and entry["status"] == 200 and entry["ok"] and entry["path"] == PATHS["acme"])
    check("log headers", entry["headers"]["x-tenant-id"] == "t1" and entry["headers"]["authorization"] == "***")
    entry = log("whippy")[0]
    check("log body", entry["body"] == {"mode": "voice"} and entry["query"] == {"limit": "2"} and entry["headers"]["x-whippy-key"] == "***")
    check("log of all", len(log("all")) == 2)
    control("clear")
    check("clear", log("all") == [])


def test_switches():
    first = table("ringyo")[500]["started_at"]
    control("set", provider="all", bounds="inclusive")
    inclusive = ids("ringyo", walk("ringyo", from_date=first))
    control("set", provider="ringyo", bounds="exclusive")
    exclusive = ids("ringyo", walk("ringyo", from_date=first))
    ties = {row["call_id"] for row in table("ringyo") if row["started_at"] == first}
    check("bounds", set(inclusive) - set(exclusive) == ties)
    control("set", provider="all", max_limit=7)
    check("max_limit", len(rows_of("ringyo", ask("ringyo", {"limit": 50}).json())) == 7 and len(walk("tryvox", 7)) == 1000)
    control("reset")
    control("set", provider="voicy", pagination_key="inclusive")
    page = ask("voicy", {"limit": 5}).json()
    check("pagination_key", ask("voicy", {"limit": 5, "pagination_key": page[-1]["call_id"]}).json()[0] == page[-1])
    control("reset")
    want = {row["call_id"] for row in table("ringyo")}
    control("set", provider="ringyo", cursor="inclusive")
    got = ids("ringyo", walk("ringyo", 20))
    check("cursor inclusive", set(got) == want and len(got) > len(want), len(got))
    control("set", provider="ringyo", cursor="exclusive")
    got = ids("ringyo", walk("ringyo", 6))
    check("cursor exclusive", len(got) == len(set(got)) < len(want), len(got))
    words = lambda provider: {row["provider_status"] for row in table(provider)}
    listed = {provider: words(provider) for provider in PROVIDERS}
    control("set", provider="all", statuses="all")
    check("statuses", {"ended", "in_progress"} == words("voicy") - listed["voicy"] and "queued" in words("tryvox") - listed["tryvox"]
          and words("ringyo") - listed["ringyo"] == {"initiated", "answered", "transferred"}
          and words("solomobile") - listed["solomobile"] == {"initiated", "queued", "in-progress"})
    control("set", provider="all", empty="ignore")
    check("empty ignored", ask("tryvox", {"status": ""}).status == 200 and ask("voicy", {"filter_criteria": {"call_status": []}}).status == 200)
    control("set", provider="tryvox", filters="off")
    check("filters off", ask("tryvox", {"status": "busy", "direction": "inbound"}).json()["pagination"]["total_count"] == 1000)
    control("set", provider="voicy", filters="start_timestamp,direction")
    check("filters list", len(walk("voicy", filter_criteria={"direction": ["incoming"]})) == 1000 and
          len(walk("voicy", filter_criteria={"call_status": ["busy"]})) < 1000)
    control("reset")
    total = lambda: ask("solomobile").json().get("total")
    for word, want in (("missing", None), ("+5", 1005), ("-5", 995), ("exact", 1000)):
        control("set", provider="solomobile", total=word)
        check("total " + word, total() == want, total())
    control("set", provider="solomobile", calls=1500, total="capped")
    check("total capped", total() == 1000 and len(walk("solomobile")) == 1500)
    control("set", provider="acme", latency=200)
    start = time.time()
    ask("acme")
    check("latency", 0.2 <= time.time() - start < 1)
    for provider in ("tryvox", "voicy"):
        control("set", provider=provider, rate=1)
        replies = [ask(provider) for _ in range(4)]
        last = replies[-1]
        check("rate " + provider, replies[0].status == 200 and [r.status for r in replies].count(429) >= 2)
        check("rate's hint " + provider, last.headers["Retry-After"] == "1" if provider == "tryvox" else
              int(last.headers["X-RateLimit-Reset"]) > time.time() - 1 and b"retry after 1" in last.body)
        time.sleep(1.1)
        check("rate recovers " + provider, ask(provider).status == 200)
        control("set", provider=provider, rate=0)
        check("rate off " + provider, {ask(provider).status for _ in range(5)} == {200})
    control("set", provider="tryvox", quota=2)
    time.sleep(2.05 - time.time() % 2)
    replies = [ask("tryvox") for _ in range(3)]
    check("quota", [r.status for r in replies] == [200, 200, 429])
    check("quota's headers", [r.headers["X-RateLimit-Remaining"] for r in replies] == ["1", "0", "0"] and
          {r.headers["X-RateLimit-Limit"] for r in replies} == {"2"} and
          0 < int(replies[0].headers["X-RateLimit-Reset"]) - time.time() <= 2)
    control("set", provider="tryvox", quota=0)
    check("quota off", ask("tryvox").headers["X-RateLimit-Limit"] is None)
    for word in ("gzip", "deflate"):
        control("set", provider="acme", latency=0, compress=word)
        reply = ask("acme")
        check("compress " + word, reply.headers["Content-Encoding"] == word and len(reply.json()["result"]["records"]) == 10)
    control("set", provider="acme", compress="auto")
    check("compress auto", ask("acme", headers={"Accept-Encoding": "deflate, gzip;q=0"}).headers["Content-Encoding"] == "deflate" and
          ask("acme", headers={"Accept-Encoding": "gzip"}).headers["Content-Encoding"] == "gzip" and
          ask("acme").headers["Content-Encoding"] is None)
    control("set", provider="acme", compress="none")
    check("compress none", ask("acme", headers={"Accept-Encoding": "gzip"}).headers["Content-Encoding"] is None)
    control("reset")
    check("reset", log("all") == [] and total() == 1000 and words("voicy") == listed["voicy"])


def test_changes():
    for provider in PROVIDERS:
        before = {row["call_id"]: row for row in table(provider)}
        control("change", provider=provider, insert=3, delete=2, update=4)
        after = {row["call_id"]: row for row in table(provider)}
        newest = max(row["started_at"] for row in before.values())
        new = [row for k, row in after.items() if k not in before]
        check(f"{provider} insert", len(new) == 3 and all(row["started_at"] > newest for row in new if row["started_at"]))
        check(f"{provider} delete", len(set(before) - set(after)) == 2)
        check(f"{provider} update", sum(before[k]["provider_status"] != after[k]["provider_status"] for k in after if k in before) == 2)
        made = list(csv.reader(io.StringIO(control("changes", provider=provider))))
        check(f"{provider} changes", [row[0] for row in made] == ["update"] * 4 + ["delete"] * 2 + ["insert"] * 3 and
              [row[2] for row in made[:2]] == [row[2] for row in made[4:6]] and
              all(row[2] in after and row[3] == after[row[2]]["status"] for row in made[2:4] + made[6:]))
        check(f"{provider} changed walk", sorted(ids(provider, walk(provider, 37 if provider != "whippy" else 500))) == sorted(after))
    control("reset")
    control("change", provider="voicy", delete=5, after=1)
    first = ask("voicy", {"limit": 5}).json()
    second = ask("voicy", {"limit": 5, "pagination_key": first[-1]["call_id"]})
    rest = table("voicy")
    check("deleted key still a position", second.status == 200 and len(rest) == 995 and
          second.json()[0]["call_id"] == rest[-1]["call_id"])
    control("reset")
    check("reset brings data back", len(table("voicy")) == 1000 and control("changes", provider="voicy") == "")
    control("change", provider="ringyo", update=10, where="random", after=2)
    ask("ringyo")
    before = control("data", provider="ringyo", format="csv")
    ask("ringyo")
    check("change after", before != control("data", provider="ringyo", format="csv"))
    control("reset")


def fault(provider, kind, **args):
    control("fault", provider=provider, kind=kind, **args)


def fails(provider, kinds):
    try:
        ask(provider)
    except kinds:
        return True
    return False


def test_faults():
    for provider in PROVIDERS:
        fault(provider, "status", code=503, message="try later", after=1)
        check(f"{provider} fault after", ask(provider).status == 200)
        reply = ask(provider)
        form = (lambda b: b["status"] == "error") if provider == "voicy" else FORMS[provider]
        expect_error(f"{provider} 503", reply, 503, lambda b: form(b) and b"try later" in reply.body)
        check(f"{provider} fault count", ask(provider).status == 200)
        for kind in ("refuse", "reset"):
            fault(provider, kind)
            check(f"{provider} {kind}", fails(provider, (http.client.RemoteDisconnected, ConnectionResetError)
                                             if kind == "refuse" else http.client.IncompleteRead))
        fault(provider, "norows")
        page = ask(provider).json()
        check(f"{provider} norows", isinstance(page, dict) and b"2025-" not in json.dumps(page).encode())
        fault(provider, "rowsobject")
        page = ask(provider).json()
        check(f"{provider} rowsobject", isinstance(rows_of(provider, page), dict))
        name = IDS.get(provider, "id")
        fault(provider, "value", row=2, field=name, json='{"odd":1}')
        check(f"{provider} value", rows_of(provider, ask(provider).json())[2][name] == {"odd": 1})
    fault("ringyo", "status", code=429, retry_after="Wed, 21 Oct 2026 07:28:00 GMT", reset=7, hint="Please retry after 30 seconds.")
    reply = ask("ringyo")
    date = datetime.datetime.strptime(reply.headers["Date"], "%a, %d %b %Y %H:%M:%S %Z").replace(tzinfo=datetime.timezone.utc)
    check("429", reply.status == 429 and reply.headers["Retry-After"].startswith("Wed") and b"after 30 seconds" in reply.body)
    check("429 reset", int(reply.headers["X-RateLimit-Reset"]) == date.timestamp() + 7 and reply.headers["X-RateLimit-Remaining"] == "0")
    check("ringyo rate headers", "X-RateLimit-Reset" in ask("ringyo").headers)
    fault("acme", "delay", ms=300)
    start = time.time()
    ask("acme")
    check("delay", time.time() - start >= 0.3)
    fault("acme", "truncate")
    reply = ask("acme")
    check("truncate", reply.status == 200 and len(reply.body) > 100 and fails_to_parse(reply))
    fault("acme", "html")
    check("html", b"<html>" in ask("acme").body)
    fault("acme", "empty")
    reply = ask("acme")
    check("empty", reply.status == 200 and reply.body == b"")
    fault("acme", "deep")
    check("deep", b"[" * 10000 + b"]" * 10000 in ask("acme").body)
    fault("acme", "big", bytes=3000000, compress="gzip")
    reply = ask("acme")
    check("big", len(reply.body) > 3000000 and len(reply.raw) < 100000 and reply.headers["Content-Encoding"] == "gzip")
    fault("acme", "value", field="team.name", json="17", row=1)
    check("value nested", rows_of("acme", ask("acme").json())[1]["team"] == {"name": 17})
    fault("acme", "value", field="tags", json="")
    check("value removed", "tags" not in rows_of("acme", ask("acme").json())[0])
    fault("acme", "value", field="links.next", json='""', row=-1)
    check("value of the page", ask("acme").json()["links"]["next"] == "")
    fault("acme", "raw", field="callee")
    check("raw", b'"callee":"\xff' in ask("acme").body)
    fault("acme", "foreignlink")
    check("foreignlink", "127.0.0.1" not in ask("acme").json()["links"]["next"])
    fault("acme", "nocursor")
    check("nocursor acme", ask("acme").json()["links"] == {})
    fault("ringyo", "nocursor")
    page = ask("ringyo").json()
    check("nocursor ringyo", page["has_more"] and page["next_cursor"] is None)
    cursor = ask("ringyo").json()["next_cursor"]
    fault("ringyo", "samecursor")
    check("samecursor ringyo", ask("ringyo", {"cursor": cursor}).json()["next_cursor"] == cursor)
    page = ask("solomobile", {"limit": 3}).json()
    fault("solomobile", "samecursor", count=-1)
    check("samecursor offset", all(ask("solomobile", {"limit": 3, "offset": n}).json()["calls"] == page["calls"] for n in (3, 6)))
    control("reset")


def fails_to_parse(reply):
    try:
        reply.json()
    except ValueError:
        return True
    return False


def connections():
    return int(re.search(r"connections (\d+)", control("stats")).group(1))


def test_hang():
    fault("tryvox", "hang")
    start = time.time()
    check("hang", hangs("tryvox", 0.5))
    check("others go on", ask("tryvox").status == 200 and time.time() - start < 2)
    time.sleep(0.1)
    check("a client that left is noticed", connections() == 0, connections())
    fault("tryvox", "delay", ms=500, count=8)
    start = time.time()
    threads = [threading.Thread(target=ask, args=("tryvox",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    time.sleep(0.2)
    check("connections while waiting", connections() == 8, connections())
    check("control while waiting", time.time() - start < 0.45)
    for thread in threads:
        thread.join()
    check("delays run side by side", 0.5 <= time.time() - start < 1.5)
    check("most in flight", max(entry["inflight"] for entry in log("tryvox")) == 8)


def hangs(provider, seconds):
    try:
        ask(provider, timeout=seconds)
    except (socket.timeout, TimeoutError):
        return True
    return False


def test_program():
    global sim
    same = table("whippy")
    fault("voicy", "hang")
    left = socket.create_connection(("127.0.0.1", sim.port))
    left.sendall(b"POST /v1/list-calls HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
    time.sleep(0.2)
    code, took = sim.stop()
    left.close()
    check("SIGTERM", code == 0 and took < 0.5, f"{code} {took}")
    sim = Simulator("--seed", "1")
    check("same seed, same data", table("whippy") == same)
    sim.stop()
    sim = Simulator("--seed", "2", "--calls", "0", "--threads", "2")
    check("no calls", all(walk(provider) == [] for provider in PROVIDERS) and table("acme") == [])
    control("change", provider="all", insert=2)
    check("inserted into nothing", all(len(walk(provider)) == 2 for provider in PROVIDERS))
    sim.process.send_signal(signal.SIGINT)
    check("SIGINT", sim.stop()[0] == 0)
    if shutil.which("openssl"):
        test_tls()


def test_tls():
    global sim
    with tempfile.TemporaryDirectory() as folder:
        cert, key = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2",
                        "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", cert],
                       check=True, stderr=subprocess.DEVNULL)
        sim = Simulator("--tls", cert, key)
        connection = http.client.HTTPSConnection("127.0.0.1", sim.port, context=ssl.create_default_context(cafile=cert), timeout=10)
        connection.request("GET", PATHS["acme"], headers=KEYS["acme"])
        reply = Reply(connection.getresponse())
        check("tls", reply.status == 200 and reply.json()["links"]["next"].startswith("https://"))
        connection.close()
        sim.stop()


sim = Simulator()
try:
    for test in (test_walks, test_orders, test_filters, test_errors, test_single, test_log, test_switches, test_changes, test_faults,
                 test_hang, test_program):
        try:
            if sim.process.poll() is None:
                control("reset")
            test()
        except Exception as problem:
            check(test.__name__, False, repr(problem))
finally:
    if sim.process.poll() is None:
        sim.stop()
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
