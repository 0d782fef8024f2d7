#!/usr/bin/env python3
"""Side by side: Switchyard, HAProxy, nginx, Envoy, Sōzu, pingap and a plain ProxyHttp proxy before the same substations.

One interleaved run of scenarios: each round measures every proxy once at every point, in an order that rotates from
round to round. Each measurement starts its proxy anew. Everything shares two cores. Prints medians, goals and pictures,
and writes them to bench/results/. `make bench` installs the peers, builds, and runs this; `make bench-readme` puts the
table into the README.

In slices: with --resume FILE what was measured is kept in FILE, and a later run with the same FILE adds to it. The result
is written once FILE has every scenario.
Exit code: 0, or 1 if a proxy did not start or a run had errors (the others are measured all the same).
"""

import datetime
import os
import resource
import tempfile
from dataclasses import asdict
from pathlib import Path

from lib import (
    clients, command, goals, machine, measure, peers, pictures, remarks, report, results, scenarios, state, summary,
)
from lib.points import HTTP1
from lib.processes import BenchError
from lib.rounds import Rounds

SCENARIOS = {scenario.name: scenario for scenario in scenarios.ALL}
CORES = 2
IDLE_CLIENTS = 5000
SOCKETS = 10000
# A client takes two files of the proxy. These are for listeners, logs and the proxy's own connections.
SPARE_FILES = 700


def arguments():
    """The command line."""
    parser = command.parser(__doc__)
    parser.add_argument("--only", nargs="+", metavar="SCENARIO", choices=list(SCENARIOS),
                        help=f"run only these scenarios: {', '.join(SCENARIOS)}")
    parser.add_argument("--ways", nargs="+", metavar="WAY", choices=scenarios.WAYS,
                        help=f"measure only these proxies: {', '.join(scenarios.WAYS)}")
    parser.add_argument("--rounds", type=command.positive, default=5, help="number of rounds (5)")
    parser.add_argument("--seconds", type=command.positive, default=2,
                        help="seconds of load for each measurement (2); two or three times as long at some points")
    parser.add_argument("--quick", action="store_true",
                        help="try that everything works: one round of 1 s without warm-up; writes no result")
    parser.add_argument("--resume", type=Path, metavar="FILE",
                        help="keep what was measured in FILE, and measure only what FILE lacks")
    parser.add_argument("--description", default="side by side", help="the name of the result (side by side)")
    parser.add_argument("--results", type=Path, default=command.RESULTS, metavar="FOLDER",
                        help="the folder for the result (bench/results)")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 1, 1
    options.scenarios = [scenario for name, scenario in SCENARIOS.items() if name in (options.only or SCENARIOS)]
    return options


def raise_file_limit():
    """Raises the soft limit of open files to the hard limit; returns how many clients fit under it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard == resource.RLIM_INFINITY:
        return SOCKETS
    count = (hard - SPARE_FILES) // 2
    if count <= 2 * measure.FIRST_CLIENTS:
        raise BenchError(f"only {hard} open files are allowed; type:  ulimit -Hn 12000")
    return count


def keep_to_few_cores():
    """Pins this process and all that it starts to two cores, so that results of different machines compare."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])


def result(found, options, idle_clients):
    """The result as it is stored: schema 2, see lib/results.py.

    `medians` has a row for each point and way (lib/summary.py), `cells` every measurement (lib/measure.py),
    `points` the settings behind the name of each point (lib/points.py), `goals` the project's goals (lib/goals.py).
    """
    rows = summary.medians(found.cells, scenarios.WAYS)
    chosen = [scenario for scenario in scenarios.ALL if scenario.name in found.scenarios]
    notes = {peer.name: peer.note for peer in peers.peers(options.binaries)
             if any(row["way"] == peer.name for row in rows)}
    return {
        "schema": results.SCHEMA,
        "description": " ".join([options.description, *([] if len(chosen) == len(scenarios.ALL) else found.scenarios)]),
        "date": datetime.date.today().isoformat(),
        "finished": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "commit": found.commit,
        "machine": machine.facts(),
        "versions": found.versions,
        "notes": notes,
        "settings": {"scenarios": [scenario.name for scenario in chosen], "rounds": options.rounds,
                     "seconds": options.seconds, "body_bytes": len(clients.BODY), "idle_clients": idle_clients,
                     "steady_rate": found.rate},
        "points": {point.key: asdict(point) for point in scenarios.points(chosen)},
        "medians": rows,
        "idle_kib": found.idle.get(HTTP1, {}),
        "idle_kib_by": {protocol: kib for protocol, kib in found.idle.items() if protocol != HTTP1},
        "own": found.own,
        "beside": found.beside,
        "goals": goals.judged(rows, found.cells, found.idle, found.own, found.beside),
        "remarks": remarks.remarks(rows, found.left_out + found.failures),
        "cells": [asdict(cell) for cell in found.cells],
    }


def main():
    """Runs the bench; prints and stores the result."""
    options = arguments()
    command.end_by_signals()
    keep_to_few_cores()
    found = state.resume(options.resume, {"build": machine.build(options.binaries / "switchyard"), "machine": machine.facts(),
                                          "rounds": options.rounds, "seconds": options.seconds})
    found.commit = found.commit or machine.commit()
    found.scenarios = [name for name in SCENARIOS
                       if name in found.scenarios or SCENARIOS[name] in options.scenarios]
    found.forget_void(scenarios.points(options.scenarios))
    with tempfile.TemporaryDirectory(prefix="switchyard-bench-") as directory:
        Path(directory).chmod(0o755)  # nginx's worker is another user if the bench runs as root
        most = raise_file_limit()
        rounds = Rounds(options, Path(directory), min(IDLE_CLIENTS, most), min(SOCKETS, most), found)
        rounds.run()
    run = result(found, options, rounds.idle_clients)
    print("\n" + report.markdown(run, []))
    measured = found.cells or found.idle or found.own or found.beside
    missing = [name for name in SCENARIOS if name not in found.scenarios]
    if options.quick:
        print("A quick run: no result is written.")
    elif options.resume and missing:
        print(f"Kept in {options.resume}; a result is written when it also has: {' '.join(missing)}")
    elif measured:
        drawn = pictures.pictures(run)
        name = results.save(run, options.results, report.markdown, drawn)
        print(f"Written to {options.results.name}/: {name}.md, {name}.json and {len(drawn)} pictures.")
    return 1 if found.failures or not measured or not all(cell.valid for cell in found.cells) else 0


if __name__ == "__main__":
    command.run("bench", main)
