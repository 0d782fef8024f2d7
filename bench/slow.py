#!/usr/bin/env python3
"""Substations that are slow, silent, frozen or new, beside HAProxy's leastconn and Envoy's LEAST_REQUEST.

Each case starts its substations and one proxy anew, and sends the same load to each. Prints the table and which promises
are not kept, and writes them to bench/results/ and into docs/balancing.md. `make bench-slow` installs the peers, builds,
and runs this; it takes about eight minutes.
Exit code: 0, or 1 if a case could not be measured. A promise that is not kept is a finding and not a failure.
"""

import datetime
import json
import tempfile
from pathlib import Path

from lib import command, machine, marks, pages, peers, results, slow, slow_rig
from lib.processes import BenchError

DOCUMENT = command.ROOT / "docs/balancing.md"
MARK = "slow"
SCHEMA = "slow-1"


def arguments():
    """The command line."""
    parser = command.parser(__doc__)
    parser.add_argument("--case", action="append", choices=list(slow_rig.CASES), help="only this case; may be repeated")
    parser.add_argument("--only", action="append", choices=slow.WAYS, help="only this proxy; may be repeated")
    parser.add_argument("--envoy", default="envoy", metavar="PROGRAM", help="the Envoy program (envoy)")
    parser.add_argument("--more", default="", metavar="YAML",
                        help="lines for our configuration, such as 'upstream: {max_requests: off}'; writes no result")
    parser.add_argument("--parts", type=Path, metavar="FILE",
                        help="keep the figures in FILE, with those of earlier runs: a long run can be made in parts")
    parser.add_argument("--quick", action="store_true", help="try that everything works, a tenth as long; writes no result")
    parser.add_argument("--results", type=Path, default=command.RESULTS, metavar="FOLDER",
                        help="the folder for the result (bench/results)")
    return parser.parse_args()


def found(options):
    """The proxies that are here, and why others are left out."""
    here, left_out = [], []
    every = {peer.name: peer for peer in peers.peers(options.binaries, options.envoy)}
    every[slow.OURS].more = options.more
    for way in options.only or slow.WAYS:
        try:
            peers.find(every[way])
            here.append(every[way])
        except BenchError as error:
            if way == slow.OURS:
                raise
            left_out.append(str(error))
    return here, left_out


def measure(options, here, directory):
    """All cases; returns the figures by row and proxy, and what failed."""
    rig = slow_rig.Rig(options.binaries, directory, 0.1 if options.quick else 1.0)
    cells, failures = {}, []
    for name in options.case or slow_rig.CASES:
        for peer in here:
            try:
                figures = slow_rig.CASES[name](rig, peer)
            except (BenchError, OSError) as error:
                failures.append(f"{name}: {peer.name}: {error}")
                print(f"FAILED {failures[-1]}", flush=True)
                continue
            for row, measured in figures.items():
                cells.setdefault(row, {})[peer.name] = measured
                print(f"{row}: {peer.name}: {measured}", flush=True)
    return cells, failures


def kept(file, cells):
    """The figures of FILE with these in their place; FILE has them all from then on."""
    whole = json.loads(file.read_text()) if file.exists() else {}
    for row, figures in cells.items():
        whole.setdefault(row, {}).update(figures)
    file.write_text(json.dumps(whole, indent=1) + "\n")
    return whole


def is_whole(cells, ways):
    """Whether each row was measured with each of these proxies."""
    return all(way in cells.get(row.name, {}) for row in slow.ALL for way in ways)


def block(result):
    """What docs/balancing.md shows of a result."""
    cells = result["cells"]
    lines = [pages.measured(result, "clients and substations"), ""]
    lines += slow.markdown(cells, list(result["versions"]))
    behind = slow.broken(cells)
    lines += ["", f"Not kept: {len(behind)} of the promises (bold)." if behind else "Every promise is kept."]
    lines += [f"\nLeft out: {remark}." for remark in result["remarks"]]
    return "\n".join(lines)


def main():
    """Measures the cases; prints and stores the result."""
    options = arguments()
    command.end_by_signals()
    here, left_out = found(options)
    with tempfile.TemporaryDirectory(prefix="switchyard-slow-") as folder:
        Path(folder).chmod(0o755)
        cells, failures = measure(options, here, Path(folder))
    if options.parts:
        cells = kept(options.parts, cells)
    result = {
        "schema": SCHEMA, "description": "slow substations", "date": datetime.date.today().isoformat(),
        "commit": machine.commit(), "machine": machine.facts(),
        "versions": {peer.name: peers.version(peer.version) for peer in here},
        "remarks": left_out + failures, "cells": cells,
    }
    print("\n" + block(result))
    if options.quick or options.more or not is_whole(cells, [peer.name for peer in here]) or options.only:
        print("Not a whole run: no result is written.")
    elif not failures:
        print(f"Written to {options.results.name}/: {results.save(result, options.results, pages.page(block))}")
        DOCUMENT.write_text(marks.replaced(DOCUMENT.read_text(), MARK, block(result)))
        print("Written into docs/balancing.md")
    return 1 if failures else 0


if __name__ == "__main__":
    command.run("bench-slow", main)
