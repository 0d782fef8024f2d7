#!/usr/bin/env python3
"""Do three load testers agree? requester, wrk and oha offer the same rush hour to the same proxy, one after the other.

What each says it got is set beside what the proxy itself counted meanwhile. Each round runs each tester once, in an
order that rotates. Needs wrk and oha (`cargo install oha --locked`; OHA names another one) and built binaries.
Exit code: 0 if every tester's count is the proxy's to the request, else 1.
"""

import argparse
import datetime
import os
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from statistics import median

from lib import clients, machine, peers, results, testers
from lib.fleets import Fleets
from lib.processes import BenchError

ROOT = Path(__file__).resolve().parent.parent
SETTLING = 50


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="rounds, each tester once in each (3)")
    parser.add_argument("--seconds", type=int, default=30, help="how long the six hours take (30)")
    parser.add_argument("--cars", type=int, default=12000, help="cars of the whole day (12000)")
    parser.add_argument("--binaries", type=Path, default=ROOT / "target/release", help="where ours are")
    parser.add_argument("--results", type=Path, default=ROOT / "bench/results", help="where the result goes")
    parser.add_argument("--not-kept", action="store_true", help="print only")
    return parser.parse_args()


def counted(admin):
    """How many requests the proxy has answered, and how many of them booked. It counts an answer a moment after the
    client has it, so it is asked until it says the same twice."""
    last = None
    for _ in range(SETTLING):
        now = _counted(admin)
        if now == last:
            return now
        last = now
        time.sleep(0.1)
    raise BenchError("the proxy goes on counting although nobody asks it")


def _counted(admin):
    page = clients.page(admin, "/metrics")
    series = [line for line in page.splitlines() if line.startswith("switchyard_requests_total{")]
    total = sum(float(line.rsplit(" ", 1)[1]) for line in series)
    booked = sum(float(line.rsplit(" ", 1)[1]) for line in series if 'result="booked"' in line)
    return int(total), int(booked)


def measure(options, directory):
    """All cells."""
    cells = []
    peer = next(peer for peer in peers.peers(options.binaries) if peer.name == "switchyard")
    with Fleets(options.binaries, directory) as fleets:
        _, first = fleets.of(3, ("0s",))
        proxy, charge = peers.start_proxy(peer, range(first, first + 3), 1, 1000, directory / "proxy")
        with proxy:
            peers.wait_for_proxy(peer, proxy, charge)
            url = f"http://127.0.0.1:{charge}/request_charge"
            for number in range(options.rounds):
                names = testers.names()
                turn = number % len(names)
                for name in names[turn:] + names[:turn]:
                    before = counted(charge + 1)
                    result = testers.run(name, options.binaries, url, options.cars, options.seconds, number + 1)
                    total, booked = (b - a for a, b in zip(before, counted(charge + 1)))
                    cell = {"tester": name, "round": number + 1, "proxy_requests": total, "proxy_booked": booked,
                            **asdict(result)}
                    cells.append(cell)
                    print(f"round {number + 1} {name:9} says {result.succeeded:6} booked, the proxy {booked:6}   "
                          f"p50 {result.p50_ms:.2f} ms, p99 {result.p99_ms:.2f} ms", flush=True)
    return cells


def rows(cells):
    """One for each tester: sums of counts, medians of the rest."""
    found = []
    for name in testers.names():
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
    """The report of a person."""
    settings, facts = run["settings"], run["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in run["versions"].items())
    lines = [
        f"# {run['description']}, {run['date']}", "",
        f"Commit {run['commit']} · {facts['cpu']}, {facts['cores']} cores, kernel {facts['kernel']} · {versions}", "",
        f"{settings['rounds']} interleaved rounds: the evening (16:00 to 22:00) of a day of {settings['cars']:,} cars in "
        f"{settings['seconds']} s, through one proxy to three substations. Counts are summed over the rounds, latencies are "
        "medians. requester's latency counts from when a request was meant to leave, oha's is corrected to that, wrk's "
        "counts from when it left. oha's quantiles are means over its six runs.", "",
        "| tester | requests | booked, it says | booked, the proxy says | agree | p50 ms | p99 ms | CPU µs/request |",
        "| --- | ---: | ---: | ---: | --- | ---: | ---: | ---: |",
    ]
    lines += [f"| {row['tester']} | {row['requests']:,} | {row['booked']:,} | {row['proxy_booked']:,} | "
              f"{'yes' if row['agrees'] else 'NO'} | {row['p50_ms']:.2f} | {row['p99_ms']:.2f} | {row['cpu_us']:.0f} |"
              for row in run["rows"]]
    return "\n".join(lines) + "\n"


def main():
    """Runs, prints and keeps the result."""
    options = arguments()
    with tempfile.TemporaryDirectory(prefix="switchyard-testers-") as directory:
        cells = measure(options, Path(directory))
    run = {
        "schema": 1, "description": "three testers", "date": datetime.date.today().isoformat(),
        "commit": machine.commit(), "machine": machine.facts(),
        "versions": {"wrk": peers.version(["wrk", "-v"]), "oha": peers.version([os.environ.get("OHA", "oha"), "--version"])},
        "settings": {"rounds": options.rounds, "seconds": options.seconds, "cars": options.cars},
        "rows": rows(cells), "cells": cells,
    }
    print("\n" + markdown(run))
    if not options.not_kept:
        name = results.save(run, options.results, lambda run, _: markdown(run))
        print(f"kept in {options.results.name}/ as {name}.md and .json")
    return 0 if all(row["agrees"] for row in run["rows"]) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BenchError as failure:
        sys.exit(f"FAILED {failure}")
    except KeyboardInterrupt:
        sys.exit(130)
