#!/usr/bin/env python3
"""How even the load of inference servers is behind 1, 4 and 16 proxies, beside HAProxy and Envoy.

Starts eight mock servers with vLLM's habits and so many processes of one proxy after the other, and sends the same
requests at the same moments to each: chats that stream, with lengths that have a long tail, at four fifths of what the
servers can do. Reads the gauges of the servers all the while. Prints the table, and writes it to bench/results/ and into
docs/balancing.md. `make bench-inference` installs the peers, builds, and runs this; it takes about eight minutes.
Exit code: 0, or 1 if a proxy could not be measured. A peer that is more even is a finding and not a failure.
"""

import datetime
import tempfile
from dataclasses import asdict
from pathlib import Path

from lib import command, inference, machine, marks, pages, peers, results
from lib.processes import BenchError

DOCUMENT = command.ROOT / "docs/balancing.md"
MARK = "inference"
SCHEMA = "inference-1"
PROXIES = (1, 4, 16)


def arguments():
    """The command line."""
    parser = command.parser(__doc__)
    parser.add_argument("--proxies", type=inference.number, nargs="+", default=list(PROXIES), metavar="N", help="how many (1 4 16)")
    parser.add_argument("--only", action="append", choices=list(inference.WAYS), help="only this proxy; may be repeated")
    parser.add_argument("--seconds", type=float, default=30, help="measure each for so many seconds (30)")
    parser.add_argument("--warm-up", type=float, default=6, help="seconds before that (6)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--envoy", default=None, metavar="PROGRAM", help="the Envoy program (that of target/bench-tools)")
    parser.add_argument("--quick", action="store_true", help="try that everything works; writes no result")
    parser.add_argument("--results", type=Path, default=command.RESULTS, metavar="FOLDER",
                        help="the folder for the result (bench/results)")
    options = parser.parse_args()
    if options.quick:
        options.seconds, options.warm_up, options.proxies = 3, 1, [2]
    options.ways = options.only or list(inference.WAYS)
    return options


def found(options):
    """The ways whose programs are here with their versions, and why others are left out."""
    every = {peer.name: peer for peer in peers.peers(options.binaries, options.envoy)}
    here, versions, left_out = [], {}, []
    for way in options.ways:
        peer = every[inference.WAYS[way][0]]
        try:
            peers.find(peer)
            versions[peer.name] = peers.version(peer.version)
            here.append(way)
        except BenchError as error:
            if way == inference.OURS:
                raise
            left_out.append(str(error))
    return here, versions, left_out


def block(result):
    """What docs/balancing.md shows of a result."""
    cells = {int(count): {way: inference.Figures(**figures) for way, figures in ways.items()}
             for count, ways in result["cells"].items()}
    lines = [pages.measured(result, "clients and servers"), "", *inference.markdown(cells), ""]
    behind = [count for count, ways in cells.items() if not inference.best(ways)]
    if not all(inference.OURS in ways for ways in cells.values()):
        return "\n".join(lines)
    lines.append(f"A peer is as even as ours (bold) behind so many proxies: {', '.join(map(str, behind))}." if behind
                 else "Ours is the most even in each row.")
    lines += [f"\nLeft out: {remark}." for remark in result["remarks"]]
    return "\n".join(lines)


def main():
    """Measures every way with every number of proxies; prints and stores the result."""
    options = arguments()
    command.end_by_signals()
    ways, versions, left_out = found(options)
    cells, failures = {}, []
    with tempfile.TemporaryDirectory(prefix="switchyard-inference-") as folder:
        Path(folder).chmod(0o755)
        for count in options.proxies:
            for way in ways:
                own = Path(folder) / f"{count}-{way.replace(', ', '-').replace(' ', '-')}"
                own.mkdir(mode=0o755)
                try:
                    figures = inference.measure(options, way, count, own)
                except (BenchError, OSError) as error:
                    failures.append(f"{way} with {count} proxies: {error}")
                    print(f"FAILED {failures[-1]}", flush=True)
                    continue
                cells.setdefault(count, {})[way] = figures
                print(f"{count} proxies, {way}: {figures}", flush=True)
    result = {
        "schema": SCHEMA, "description": "inference servers", "date": datetime.date.today().isoformat(),
        "commit": machine.commit(), "machine": machine.facts(), "versions": versions, "remarks": left_out + failures,
        "cells": {str(count): {way: asdict(figures) for way, figures in ways.items()} for count, ways in cells.items()},
    }
    print("\n" + block(result))
    if options.quick or options.only or options.proxies != list(PROXIES):
        print("Not a whole run: no result is written.")
    elif not failures:
        print(f"Written to {options.results.name}/: {results.save(result, options.results, pages.page(block))}")
        DOCUMENT.write_text(marks.replaced(DOCUMENT.read_text(), MARK, block(result)))
        print("Written into docs/balancing.md")
    return 1 if failures else 0


if __name__ == "__main__":
    command.run("bench-inference", main)
