#!/usr/bin/env python3
"""Side by side: Switchyard, HAProxy, nginx, Envoy and a plain ProxyHttp proxy in front of the same substations.

One interleaved run of scenarios: each round measures every proxy once at every point, in an order that rotates, each
freshly started. Everything shares two cores. Writes medians, goals and pictures to bench/results/ and prints them.
`make bench` installs the peers, builds, and runs this; `make bench-readme` puts the table into the README.
Exit code: 0, or 1 if something did not start or a run had errors (the rest is measured all the same).
"""

import argparse
import datetime
import os
import resource
import signal
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from lib import clients, goals, machine, measure, pictures, remarks, report, results, scenarios, summary
from lib.processes import BenchError
from lib.rounds import DIRECT, Rounds

ROOT = Path(__file__).resolve().parent.parent
WAYS = ["switchyard", "switchyard-pooled", "haproxy", "nginx", "envoy", "plain", DIRECT]
SCENARIOS = {scenario.name: scenario for scenario in scenarios.ALL}
CORES = 2
IDLE_CLIENTS = 5000
# Each proxied client is two files; the rest is for listeners, logs and the proxy's own connections.
SPARE_FILES = 700


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", action="append", metavar="NAME", choices=list(SCENARIOS),
                        help=f"only this one of {', '.join(SCENARIOS)}; may be repeated")
    parser.add_argument("--rounds", type=_positive, default=5, help="rounds, each proxy once at each point in each (5)")
    parser.add_argument("--seconds", type=_positive, default=2, help="seconds of load a cell (2; three times that for latency)")
    parser.add_argument("--only", action="append", metavar="NAME", choices=WAYS,
                        help=f"only this one of {', '.join(WAYS)}; may be repeated")
    parser.add_argument("--quick", action="store_true", help="one round of 1 s without warming up, not kept: does it all work?")
    parser.add_argument("--description", default="side by side", help="names the result (side by side)")
    parser.add_argument("--binaries", type=Path, default=ROOT / "target/dist", help="where our programs are")
    parser.add_argument("--envoy", default="envoy", metavar="PROGRAM", help="which Envoy (envoy)")
    parser.add_argument("--results", type=Path, default=ROOT / "bench/results", help="where the result goes")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 1, 1
    options.scenarios = [scenario for name, scenario in SCENARIOS.items() if name in (options.scenario or SCENARIOS)]
    if options.scenario:
        options.description = " ".join([options.description, *(scenario.name for scenario in options.scenarios)])
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


def keep_to_few_cores():
    """All that is started from here on shares as many cores, whatever machine it is: else no two results compare."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])


def result(rounds, options):
    """All that is worth keeping: schema 2, see lib/results.py.

    `medians` has a row for each point and way (lib/summary.py), `cells` what each run of load gave (lib/measure.py),
    `points` what is behind each name of a point (lib/scenarios.py), `goals` what was promised (lib/goals.py).
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


def interrupted(number, _):
    """Turns a signal into an exception, so that every `with` block ends what it started."""
    raise SystemExit(128 + number)


def main():
    """Runs the bench, prints and keeps the result."""
    options = arguments()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    keep_to_few_cores()
    with tempfile.TemporaryDirectory(prefix="switchyard-bench-") as directory:
        Path(directory).chmod(0o755)  # nginx's worker is another user where the bench is root
        rounds = Rounds(options, Path(directory), raise_file_limit())
        rounds.run()
    run = result(rounds, options)
    drawn = pictures.pictures(run)
    print("\n" + report.markdown(run, []))
    if options.quick:
        print("a quick run: not kept")
    elif rounds.cells or rounds.idle:
        name = results.save(run, options.results, report.markdown, drawn)
        print(f"kept in {options.results.name}/ as {name}.md, .json and {len(drawn)} pictures")
    measured = rounds.cells or rounds.idle
    return 1 if rounds.failures or not measured or not all(cell.valid for cell in rounds.cells) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BenchError as failure:
        sys.exit(f"FAILED {failure}")
    except KeyboardInterrupt:
        sys.exit(130)
