#!/usr/bin/env python3
"""Side by side: Switchyard, HAProxy and nginx in front of the same substations, in one interleaved run.

Each round measures every proxy once, in an order that rotates, each freshly started and limited to one thread.
Writes the medians to bench/results/ and prints them. `make bench` installs the peers, builds, and runs this.
Exit code: 0, or 1 if something did not start or a run had errors (the rest is measured all the same).
"""

import argparse
import datetime
import resource
import signal
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from lib import clients, machine, measure, peers, report
from lib.processes import BenchError

ROOT = Path(__file__).resolve().parent.parent
DIRECT = "direct"
IDLE_CLIENTS = 5000
# Each proxied client is two files; the rest is for listeners, logs and the proxy's own connections.
SPARE_FILES = 700


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=_positive, default=3, help="rounds, each proxy once in each (3)")
    parser.add_argument("--seconds", type=_positive, default=8, help="seconds of load a cell (8; CPU is counted in 10 ms)")
    parser.add_argument("--connections", type=_positive, default=64, help="connections of wrk (64)")
    parser.add_argument("--only", action="append", metavar="NAME",
                        choices=["switchyard", "haproxy", "nginx", DIRECT], help="only this way; may be repeated")
    parser.add_argument("--quick", action="store_true", help="one round of 2 s, not kept: does it all work?")
    parser.add_argument("--description", default="side by side", help="names the result (side by side)")
    parser.add_argument("--binaries", type=Path, default=ROOT / "target/dist", help="where switchyard and substation are")
    parser.add_argument("--results", type=Path, default=ROOT / "bench/results", help="where the result goes")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 1, 2
    return options


def _positive(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return value


def raise_file_limit():
    """Lifts the soft limit of open files to the hard one; gives back how many idle clients fit under it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard == resource.RLIM_INFINITY:
        return IDLE_CLIENTS
    count = min(IDLE_CLIENTS, (hard - SPARE_FILES) // 2)
    if count <= 2 * measure.FIRST_CLIENTS:
        raise BenchError(f"only {hard} open files are allowed; type:  ulimit -Hn 12000")
    return count


class Bench:
    """One run. A way that fails is named once and left out from then on."""

    def __init__(self, options, directory):
        self.options = options
        self.directory = directory
        self.idle_clients = raise_file_limit()
        self.proxies = {peer.name: peer for peer in peers.peers(options.binaries)}
        wanted = [*self.proxies, DIRECT]
        self.ways = [way for way in wanted if way in options.only] if options.only else wanted
        self.versions = {}
        self.cells = []
        self.idle = {}
        self.failures = []
        self.starts = 0

    def run(self):
        """Measures everything and gives back the report's dict."""
        self.find_versions()
        substations, port = peers.start_substations(self.options.binaries, self.directory)
        with substations:
            for each in range(port, port + 3):
                substations.wait_until(lambda: clients.answers(each, clients.request("/charge")))
            for number in range(self.options.rounds):
                turn = number % max(len(self.ways), 1)
                for way in self.ways[turn:] + self.ways[:turn]:
                    self.attempt(way, lambda: self.load_cell(way, number + 1, substations, port))
            for way in list(self.ways):
                if way != DIRECT:
                    self.attempt(way, lambda: self.idle_cell(way, port))
        return self.result()

    def find_versions(self):
        """Also finds out early which programs are missing."""
        self.versions["wrk"] = peers.version(["wrk", "-v"])
        for way in [way for way in self.ways if way in self.proxies]:
            def ask(way=way):
                self.versions[way] = peers.version(self.proxies[way].version)
            self.attempt(way, ask)

    def attempt(self, way, action):
        """Runs the action; where it fails, says so and goes on without this way."""
        try:
            action()
        except BenchError as error:
            print(f"FAILED {error}", flush=True)
            # What a program said may hold folders of this machine: it is printed, and not kept.
            self.failures.append(f"{way} failed and is left out from there on")
            self.ways = [other for other in self.ways if other != way]

    def start(self, way, substations_port):
        """A fresh proxy, as a `with` block gives it back, and its port."""
        self.starts += 1
        directory = self.directory / f"{self.starts}-{way}"
        return peers.start_proxy(self.proxies[way], substations_port, self.idle_clients + 100, directory)

    def load_cell(self, way, number, substations, substations_port):
        """One run of wrk."""
        settings = (self.options.connections, self.options.seconds)
        if way == DIRECT:
            url = f"http://127.0.0.1:{substations_port}/charge"
            cell = measure.load(way, number, url, None, substations, *settings)
        else:
            proxy, port = self.start(way, substations_port)
            with proxy:
                peers.wait_for_proxy(self.proxies[way], proxy, port)
                url = f"http://127.0.0.1:{port}/request_charge"
                cell = measure.load(way, number, url, proxy, substations, *settings)
        self.cells.append(cell)
        print(f"round {number} {way:11} {cell.rate:7,.0f} requests/s   CPU µs/request: proxy {cell.proxy_cpu_us:5.1f}, "
              f"substations {cell.substation_cpu_us:5.1f}   p99 {cell.p99_ms:.2f} ms"
              + ("" if cell.valid else f"   INVALID {cell.errors}"), flush=True)

    def idle_cell(self, way, substations_port):
        """The memory of idle clients."""
        proxy, port = self.start(way, substations_port)
        with proxy:
            peers.wait_for_proxy(self.proxies[way], proxy, port)
            self.idle[way] = measure.idle_kib(proxy, port, self.idle_clients)
        print(f"idle    {way:11} {self.idle[way]:7.1f} KiB a client, of {self.idle_clients:,}", flush=True)

    def result(self):
        """All that is worth keeping."""
        order = [*self.proxies, DIRECT]
        cells = sorted(self.cells, key=lambda cell: (order.index(cell.way), cell.round))
        rows = report.medians(cells, self.idle)
        options = self.options
        return {
            "schema": 1,
            "description": options.description,
            "date": datetime.date.today().isoformat(),
            "commit": machine.commit(),
            "machine": machine.facts(),
            "versions": self.versions,
            "settings": {"rounds": options.rounds, "seconds": options.seconds, "connections": options.connections,
                         "body_bytes": len(clients.BODY), "idle_clients": self.idle_clients},
            "medians": rows,
            "goals": [{"goal": text, "met": met} for text, met in report.goals(rows)],
            "remarks": report.remarks(rows, self.failures),
            "cells": [asdict(cell) for cell in cells],
        }


def interrupted(number, _):
    """Turns a signal into an exception, so that every `with` block ends what it started."""
    raise SystemExit(128 + number)


def main():
    """Runs the bench, prints and keeps the result."""
    options = arguments()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    with tempfile.TemporaryDirectory(prefix="switchyard-bench-") as directory:
        Path(directory).chmod(0o755)  # nginx's worker is another user where the bench is root
        bench = Bench(options, Path(directory))
        run = bench.run()
    print("\n" + report.markdown(run))
    if options.quick:
        print("a quick run: not kept")
    elif bench.cells:
        print(f"kept in {options.results.name}/ as {report.save(run, options.results)} and .json")
    return 1 if bench.failures or not bench.cells or not all(cell.valid for cell in bench.cells) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BenchError as failure:
        sys.exit(f"FAILED {failure}")
    except KeyboardInterrupt:
        sys.exit(130)
