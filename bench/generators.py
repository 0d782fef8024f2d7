#!/usr/bin/env python3
"""Do three load generators agree? requester, wrk and oha offer the same rush hour to the same proxy, in turn.

Compares what each of them reports with what the proxy counted meanwhile. Each round runs each load generator once, in
an order that rotates. Needs wrk and oha (`cargo install oha --locked`; the variable OHA names another one). `make
bench-testers` builds and runs it. Exit code: 0 if every load generator counted exactly what the proxy counted, else 1.
"""

import datetime
import os
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from statistics import median

from lib import clients, command, generators, machine, metrics, peers, results
from lib.fleets import Fleets
from lib.processes import BenchError
from lib.tables import table

HEAD = ["load generator", "requests", "booked, it says", "booked, the proxy says", "agree", "p50 ms", "p99 ms",
        "CPU µs/request"]
# How often the proxy's counters are read until they stand still, 0.1 s apart.
READS = 50


def arguments():
    """The command line."""
    parser = command.parser(__doc__)
    parser.add_argument("--rounds", type=command.positive, default=3, help="number of rounds (3)")
    parser.add_argument("--seconds", type=command.positive, default=30, help="seconds in which the six hours pass (30)")
    parser.add_argument("--cars", type=command.positive, default=12000, help="cars of the whole day (12000)")
    parser.add_argument("--results", type=Path, default=command.RESULTS, metavar="FOLDER",
                        help="the folder for the result (bench/results)")
    parser.add_argument("--not-kept", action="store_true", help="print the result, but do not write it")
    return parser.parse_args()


def counted(admin):
    """How many requests the proxy has answered, and how many of them it booked.

    It counts an answer a moment after the client has it, so this reads until two readings are the same.
    """
    last = None
    for _ in range(READS):
        page = clients.page(admin, "/metrics")
        now = [int(metrics.total(page, "switchyard_requests_total", **labels)) for labels in ({}, {"result": "booked"})]
        if now == last:
            return now
        last = now
        time.sleep(0.1)
    raise BenchError("the proxy's count of requests still grows although nothing sends any")


def measure(options, directory):
    """All measurements."""
    cells = []
    peer = next(peer for peer in peers.peers(options.binaries) if peer.name == "switchyard")
    with Fleets(options.binaries, directory) as fleets:
        proxy, charge = peers.start_proxy(peer, fleets.of(3, ("0s",)).ports, 1, 1000, directory / "proxy")
        with proxy:
            peers.wait_for_proxy(peer, proxy, charge)
            url = f"http://127.0.0.1:{charge}/request_charge"
            for number in range(options.rounds):
                names = generators.names()
                turn = number % len(names)
                for name in names[turn:] + names[:turn]:
                    before = counted(charge + 1)
                    result = generators.run(name, options.binaries, url, options.cars, options.seconds, number + 1)
                    total, booked = (b - a for a, b in zip(before, counted(charge + 1)))
                    cell = {"tester": name, "round": number + 1, "proxy_requests": total, "proxy_booked": booked,
                            **asdict(result)}
                    cells.append(cell)
                    print(f"round {number + 1} {name:9} booked {result.succeeded:6}, by the proxy's count {booked:6}   "
                          f"p50 {result.p50_ms:.2f} ms, p99 {result.p99_ms:.2f} ms", flush=True)
    return cells


def rows(cells):
    """A row for each load generator: sums of counts, medians of latencies."""
    found = []
    for name in generators.names():
        own = [cell for cell in cells if cell["tester"] == name]
        if own:
            found.append({
                "tester": name,
                "requests": sum(cell["requests"] for cell in own),
                "booked": sum(cell["succeeded"] for cell in own),
                "proxy_booked": sum(cell["proxy_booked"] for cell in own),
                "p50_ms": median(cell["p50_ms"] for cell in own),
                "p99_ms": median(cell["p99_ms"] for cell in own),
                "cpu_us": 1e6 * sum(cell["cpu_seconds"] for cell in own) / max(sum(cell["requests"] for cell in own), 1),
                "agrees": all(cell["succeeded"] == cell["proxy_booked"] and cell["requests"] == cell["proxy_requests"]
                              for cell in own),
            })
    return found


def markdown(run):
    """The report."""
    settings, facts = run["settings"], run["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in run["versions"].items())
    listed = [[row["tester"], f"{row['requests']:,}", f"{row['booked']:,}", f"{row['proxy_booked']:,}",
               "yes" if row["agrees"] else "NO", f"{row['p50_ms']:.2f}", f"{row['p99_ms']:.2f}", f"{row['cpu_us']:.0f}"]
              for row in run["rows"]]
    lines = [
        f"# {run['description']}, {run['date']}", "",
        f"Commit {run['commit']} · {facts['cpu']}, {facts['cores']} cores, kernel {facts['kernel']} · {versions}", "",
        f"{settings['rounds']} interleaved rounds: the evening (16:00 to 22:00) of a day of {settings['cars']:,} cars in "
        f"{settings['seconds']} s, through one proxy to three substations.",
        "Counts are sums over the rounds, latencies are medians.",
        "A latency of requester begins when the request was due, and oha corrects its latencies to the same. A latency of wrk "
        "begins when the request was sent.",
        "oha runs once for each of the six hours; its quantiles are means over the six.", "",
        *table(HEAD, listed),
    ]
    return "\n".join(lines) + "\n"


def main():
    """Runs, prints and stores the result."""
    options = arguments()
    with tempfile.TemporaryDirectory(prefix="switchyard-generators-") as directory:
        cells = measure(options, Path(directory))
    run = {
        "schema": 1, "description": "three load generators", "date": datetime.date.today().isoformat(),
        "commit": machine.commit(), "machine": machine.facts(),
        "versions": {"wrk": peers.version(["wrk", "-v"]), "oha": peers.version([os.environ.get("OHA", "oha"), "--version"])},
        "settings": {"rounds": options.rounds, "seconds": options.seconds, "cars": options.cars},
        "rows": rows(cells), "cells": cells,
    }
    print("\n" + markdown(run))
    if not options.not_kept:
        name = results.save(run, options.results, lambda run, _: markdown(run))
        print(f"Written to {options.results.name}/: {name}.md and {name}.json.")
    return 0 if all(row["agrees"] for row in run["rows"]) else 1


if __name__ == "__main__":
    command.run("bench-testers", main)
