#!/usr/bin/env python3
"""Side by side: Switchyard, HAProxy, nginx, Envoy and a plain ProxyHttp proxy in front of the same substations.

One interleaved run of scenarios: each round measures every proxy once at every point, in an order that rotates from
round to round. Each measurement starts its proxy anew. Everything shares two cores. Prints medians, goals and pictures,
and writes them to bench/results/. `make bench` installs the peers, builds, and runs this; `make bench-readme` puts the
table into the README.
Exit code: 0, or 1 if a proxy did not start or a run had errors (the others are measured all the same).
"""

import datetime
import os
import resource
import tempfile
from dataclasses import asdict
from pathlib import Path

from lib import clients, command, goals, machine, measure, pictures, remarks, report, results, scenarios, summary
from lib.processes import BenchError
from lib.rounds import DIRECT, Rounds

WAYS = ["switchyard", "switchyard-pooled", "haproxy", "nginx", "envoy", "plain", DIRECT]
SCENARIOS = {scenario.name: scenario for scenario in scenarios.ALL}
CORES = 2
IDLE_CLIENTS = 5000
# A client takes two files of the proxy. These are for listeners, logs and the proxy's own connections.
SPARE_FILES = 700


def arguments():
    """The command line."""
    parser = command.parser(__doc__)
    parser.add_argument("--scenario", action="append", metavar="NAME", choices=list(SCENARIOS),
                        help=f"run only this scenario: {', '.join(SCENARIOS)}; may be repeated")
    parser.add_argument("--rounds", type=command.positive, default=5, help="number of rounds (5)")
    parser.add_argument("--seconds", type=command.positive, default=2,
                        help="seconds of load for each measurement (2); three times as long at a constant rate")
    parser.add_argument("--only", action="append", metavar="NAME", choices=WAYS,
                        help=f"measure only this proxy: {', '.join(WAYS)}; may be repeated")
    parser.add_argument("--quick", action="store_true",
                        help="try that everything works: one round of 1 s without warm-up; writes no result")
    parser.add_argument("--description", default="side by side", help="the name of the result (side by side)")
    parser.add_argument("--envoy", default="envoy", metavar="PROGRAM", help="the Envoy program (envoy)")
    parser.add_argument("--results", type=Path, default=command.RESULTS, metavar="FOLDER",
                        help="the folder for the result (bench/results)")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 1, 1
    options.scenarios = [scenario for name, scenario in SCENARIOS.items() if name in (options.scenario or SCENARIOS)]
    if options.scenario:
        options.description = " ".join([options.description, *(scenario.name for scenario in options.scenarios)])
    return options


def raise_file_limit():
    """Raises the soft limit of open files to the hard limit; returns how many idle clients fit under it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard == resource.RLIM_INFINITY:
        return IDLE_CLIENTS
    count = min(IDLE_CLIENTS, (hard - SPARE_FILES) // 2)
    if count <= 2 * measure.FIRST_CLIENTS:
        raise BenchError(f"only {hard} open files are allowed; type:  ulimit -Hn 12000")
    return count


def keep_to_few_cores():
    """Pins this process and all that it starts to two cores, so that results of different machines compare."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])


def result(rounds, options):
    """The result as it is stored: schema 2, see lib/results.py.

    `medians` has a row for each point and way (lib/summary.py), `cells` every measurement (lib/measure.py),
    `points` the settings behind the name of each point (lib/scenarios.py), `goals` the project's goals (lib/goals.py).
    """
    rows = summary.medians(rounds.cells, WAYS)
    return {
        "schema": results.SCHEMA,
        "description": options.description,
        "date": datetime.date.today().isoformat(),
        "finished": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "commit": machine.commit(),
        "machine": machine.facts(),
        "versions": rounds.versions,
        "settings": {"scenarios": [scenario.name for scenario in options.scenarios], "rounds": options.rounds,
                     "seconds": options.seconds, "body_bytes": len(clients.BODY), "idle_clients": rounds.idle_clients,
                     "steady_rate": rounds.rate},
        "points": {point.key: asdict(point) for point in scenarios.points(options.scenarios)},
        "medians": rows,
        "idle_kib": rounds.idle,
        "goals": goals.judged(rows, rounds.cells, rounds.idle),
        "remarks": remarks.remarks(rows, rounds.left_out + rounds.failures),
        "cells": [asdict(cell) for cell in rounds.cells],
    }


def main():
    """Runs the bench; prints and stores the result."""
    options = arguments()
    command.end_by_signals()
    keep_to_few_cores()
    with tempfile.TemporaryDirectory(prefix="switchyard-bench-") as directory:
        Path(directory).chmod(0o755)  # nginx's worker is another user if the bench runs as root
        rounds = Rounds(options, Path(directory), raise_file_limit())
        rounds.run()
    run = result(rounds, options)
    drawn = pictures.pictures(run)
    print("\n" + report.markdown(run, []))
    measured = rounds.cells or rounds.idle
    if options.quick:
        print("A quick run: no result is written.")
    elif measured:
        name = results.save(run, options.results, report.markdown, drawn)
        print(f"Written to {options.results.name}/: {name}.md, {name}.json and {len(drawn)} pictures.")
    return 1 if rounds.failures or not measured or not all(cell.valid for cell in rounds.cells) else 0


if __name__ == "__main__":
    command.run("bench", main)
