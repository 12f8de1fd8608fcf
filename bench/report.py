"""Turns the figures of measure.py into tables and a plot.

usage: report.py RESULTS.json DIRECTORY

Prints the tables and writes results.md and results.svg to the directory.
Figures are medians; a ratio is the median of the ratios of single runs.
"""
import json
import statistics
import sys

import plot

NAMES = {"voicy": "Voicy", "tryvox": "TryVox", "solomobile": "Solo Mobile", "whippy": "Whippy", "ringyo": "Ringyo"}
PROVIDERS = tuple(NAMES)


class Figures:
    """The rows of one part that have the given values."""

    def __init__(self, rows):
        self.rows = rows

    def where(self, **wanted):
        return Figures([row for row in self.rows if all(row[key] == value for key, value in wanted.items())])

    def median(self, key):
        return statistics.median(row[key] for row in self.rows) if self.rows else None

    def highest(self, key):
        return max(row[key] for row in self.rows)

    def by_run(self, key):
        return {row["run"]: row[key] for row in self.rows}

    def values(self, key):
        return list(dict.fromkeys(row[key] for row in self.rows))

    def ratio(self, key, other):
        """Median of the ratios of single runs."""
        others = other.by_run(key)
        return statistics.median(value / others[run] for run, value in self.by_run(key).items())


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def number(value, digits=2):
    return "" if value is None else f"{value:,.{digits}f}"


def verdict(good):
    return "PASS" if good else "MISS"


def report_cpu(figures):
    calls = figures.rows[0]["calls"]
    ways = {"floor": "C, json-c", "fdw": "calls_fdw", "table": "calls_fdw to table", "python": "Python",
            "python8": "Python, 8 threads", "jq": "curl, jq"}
    rows = []
    for provider in PROVIDERS:
        own = figures.where(provider=provider)
        fdw = own.where(way="fdw")
        ratio = fdw.ratio("cpu", own.where(way="floor"))
        rows.append([NAMES[provider], *(number(own.where(way=way).median("cpu")) for way in ways),
                     number(calls / fdw.median("seconds"), 0), f"{ratio:.2f}", verdict(ratio <= 0.9)])
    return (f"### CPU seconds of reading {calls:,} calls, 0 ms latency\n\n"
            "From the download to ten columns: the C program only builds values, calls_fdw scans "
            "(`EXPLAIN ANALYZE`) or also writes a table, the others end in `COPY` (server included). "
            "Must reach: calls_fdw at most 0.9 times the C program (goal 0.6).\n\n" +
            table(["provider", *ways.values(), "rows/s", "calls_fdw / C", "at most 0.9"], rows))


def report_latency(figures):
    parts = []
    connections = figures.values("connections")
    for pages, wanted in zip(figures.values("pages"), (4, 6)):
        rows = []
        for provider in PROVIDERS:
            own = figures.where(provider=provider, pages=pages)
            row = [NAMES[provider], *(number(own.where(connections=n).median("seconds")) for n in connections)]
            if 8 in connections:
                ratio = own.where(connections=1).ratio("seconds", own.where(connections=8))
                row += [f"{ratio:.1f}", verdict(ratio >= wanted)]
            else:
                row += ["", "MISS"]
            bad = [n for n in connections
                   if own.where(connections=n).highest("requests") > 1.05 * pages + 2 * n + 2]
            row += [str(own.where(connections=connections[-1]).highest("requests")), verdict(not bad)]
            rows.append(row)
        parts.append(f"### Seconds for {pages} pages of 100 calls, 50 ms latency, by `max_connections`\n\n"
                     f"Must reach: with 8 at least {wanted} times as fast as with 1; never more than "
                     "1.05 x pages + 2 x max_connections + 2 requests.\n\n" +
                     table(["provider", *map(str, connections), "1 / 8", f"at least {wanted}",
                            f"requests ({connections[-1]})", "requests"], rows))
    return "\n".join(parts)


def report_uneven(figures):
    orders = {"DESC": "newest first", "ASC": "oldest first"}
    rows = []
    for provider in figures.values("provider"):
        for order, words in orders.items():
            own = figures.where(provider=provider, order=order)
            one, eight = own.where(connections=1), own.where(connections=8)
            pages = own.rows[0]["pages"]
            ratio = one.ratio("seconds", eight)
            rows.append([NAMES[provider], words, number(one.median("seconds")), number(eight.median("seconds")),
                         f"{ratio:.1f}", verdict(ratio >= 6), str(eight.highest("requests")),
                         verdict(eight.highest("requests") <= 1.05 * pages + 2 * 8 + 2)])
    return (f"### Seconds for {pages} pages of which nine tenths are newer than the rest, 50 ms latency, "
            "by `max_connections`\n\n"
            "Providers whose lists are read in time windows. Must reach: as for an even log.\n\n" +
            table(["provider", "ORDER BY started_at", "1", "8", "1 / 8", "at least 6", "requests (8)", "requests"], rows))


def report_append(figures):
    alone = [figures.where(table=f"{provider}.calls") for provider in PROVIDERS]
    together = figures.where(table="all_calls")
    slowest = {run: max(one.by_run("seconds")[run] for one in alone) for run in together.by_run("seconds")}
    ratio = statistics.median(value / slowest[run] for run, value in together.by_run("seconds").items())
    return ("### Five providers under one Append, 100 pages each, 50 ms latency\n\n"
            "Seconds. Must reach: at most 1.2 times the slowest alone.\n\n" +
            table([*NAMES.values(), "all five", "five / slowest", "at most 1.2"],
                  [[*(number(one.median("seconds")) for one in alone), number(together.median("seconds")),
                    f"{ratio:.2f}", verdict(ratio <= 1.2)]]))


def report_requests(figures):
    queries = figures.values("query")
    rows = []
    for provider in PROVIDERS:
        row = [NAMES[provider]]
        for query in queries:
            own = figures.where(provider=provider, query=query)
            row.append(f"{own.median('seconds'):.2f} s, {own.median('requests'):.0f}")
        rows.append(row)
    return ("### Seconds and requests of small questions, 50 ms latency, documented page sizes\n\n"
            f"Of {figures.rows[0]['calls']:,} calls.\n\n" +
            table(["provider", *queries], rows))


def report_details(figures):
    connections = figures.values("connections")
    rows = []
    for provider in figures.values("provider"):
        own = figures.where(provider=provider)
        rows.append([NAMES[provider], *(number(own.where(connections=n).median("seconds")) for n in connections),
                     number(own.where(connections=1).ratio("seconds", own.where(connections=8)), 1),
                     str(own.highest("requests"))])
    return (f"### Seconds of a join of {figures.rows[0]['calls']} calls with their details, 50 ms latency, "
            "by `max_connections`\n\nOne request for each call.\n\n" +
            table(["provider", *map(str, connections), "1 / 8", "requests"], rows))


def report_memory(figures):
    sizes = figures.values("calls")
    rows = []
    for provider in PROVIDERS:
        peaks = [figures.where(provider=provider, calls=size).median("memory") / 1024 for size in sizes]
        rows.append([NAMES[provider], *(number(peak, 1) for peak in peaks), number(peaks[-1] - peaks[0], 1),
                     verdict(peaks[-1] - peaks[0] <= 32)])
    return ("### Peak memory of the backend (VmHWM, MB), by number of calls\n\n"
            "Must reach: the most within 32 MB of the least.\n\n" +
            table(["provider", *(f"{size:,}" for size in sizes), "more", "at most 32"], rows))


def report_limit(figures):
    rows = []
    for provider in figures.values("provider"):
        own = figures.where(provider=provider)
        served = own.median("requests") - own.median("throttled")
        least = served / own.rows[0]["rate"] - 1
        rows.append([NAMES[provider], number(own.median("seconds"), 1), number(least, 1), number(served, 0),
                     number(own.median("throttled"), 0), str(sum(own.by_run("wrong").values()))])
    first = figures.rows[0]
    return (f"### {first['sessions']} sessions at once, {first['rate']} requests a second allowed\n\n"
            "Least: what the limit alone makes of the requests served. Wrong: sessions with another result "
            "than one alone, or an error.\n\n" +
            table(["provider", "seconds", "least", "served", "throttled (429)", "wrong"], rows))


REPORTS = {"cpu": report_cpu, "latency": report_latency, "uneven": report_uneven, "append": report_append,
           "requests": report_requests, "details": report_details, "memory": report_memory, "limit": report_limit}


def main():
    with open(sys.argv[1]) as file:
        results = json.load(file)
    machine = results["machine"]
    runs = "one run" if results["runs"] == 1 else f"medians of {results['runs']} runs"
    text = [f"PostgreSQL {machine['postgresql']}, {machine['cores']} cores of {machine['cpu']}, "
            f"load {machine['load']:.1f} at the start; {runs}. `make bench` repeats it.\n"]
    text += [report(Figures(results[part])) for part, report in REPORTS.items() if part in results]
    print("\n".join(text))
    with open(sys.argv[2] + "/results.md", "w") as file:
        file.write("\n".join(["# Benchmark results\n", *text]))
    if "cpu" in results and "latency" in results:
        with open(sys.argv[2] + "/results.svg", "w") as file:
            file.write(plot.draw(Figures(results["cpu"]), Figures(results["latency"]), NAMES))


if __name__ == "__main__":
    main()
