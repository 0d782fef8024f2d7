#!/usr/bin/env python3
"""Hostile clients against Switchyard, nginx, HAProxy and Envoy, with honest clients beside them.

Each attack starts each proxy anew, lets honest clients charge undisturbed, then attacks with more of them. It measures
how much memory the proxy takes more, what CPU time a hostile byte or frame costs, and the honest p99. Prints the table
and where Switchyard is behind its targets (memory as the better of nginx and HAProxy, honest p99 at most doubled), and
writes them to bench/results/ and into docs/security.md. `make attack` installs the peers, builds, and runs this.
Exit code: 0, or 1 if an attack ended a proxy or could not be measured.
"""

import datetime
import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from lib import attacked, attacks, clients, command, machine, marks, pages, peers, results
from lib.processes import BenchError, Process, free_ports

SECURITY = command.ROOT / "docs/security.md"
MARK = "attacks"
SCHEMA = "attack-1"


def arguments():
    """The command line."""
    parser = command.parser(__doc__)
    names = sorted({attack.name for attack in attacks.ALL})
    parser.add_argument("--attack", action="append", metavar="NAME", choices=names,
                        help=f"only this attack, may be repeated: {', '.join(names)}")
    parser.add_argument("--only", action="append", metavar="NAME", choices=attacked.WAYS,
                        help=f"only this proxy, may be repeated: {', '.join(attacked.WAYS)}")
    parser.add_argument("--seconds", type=float, default=5, help="seconds of each of the two measurements (5)")
    parser.add_argument("--rate", type=float, default=200, help="honest charges a second (200)")
    parser.add_argument("--scale", type=float, default=1, help="connections, as a multiple of those of each attack (1)")
    parser.add_argument("--quick", action="store_true", help="try that everything works: 1 s each; writes no result")
    parser.add_argument("--envoy", default="envoy", metavar="PROGRAM", help="the Envoy program (envoy)")
    parser.add_argument("--results", type=Path, default=command.RESULTS, metavar="FOLDER",
                        help="the folder for the result (bench/results)")
    options = parser.parse_args()
    if options.quick:
        options.seconds, options.scale = 1, 0.1
    options.attacks = [attack for attack in attacks.ALL if attack.name in (options.attack or names)]
    options.ways = [way for way in attacked.WAYS if way in (options.only or attacked.WAYS)]
    return options


def found(options):
    """The proxies that are here, and why others are left out."""
    here, left_out = [], []
    every = {peer.name: peer for peer in peers.peers(options.binaries, options.envoy)}
    for way in options.ways:
        try:
            peers.find(every[way])
            here.append(every[way])
        except BenchError as error:
            if way == attacks.OURS:
                raise
            left_out.append(str(error))
    return here, left_out


def substations(options, directory, running):
    """Starts the substations; returns their ports."""
    first = free_ports(attacked.SUBSTATIONS)
    argv = [str(options.binaries / "substation"), "--name", "s", "--listen", f"127.0.0.1:{first}", "--count",
            str(attacked.SUBSTATIONS), "--capacity-kw", "1000000000", "--time-scale", "1000000", "--threads", "1"]
    process = running.enter_context(Process("substations", argv, directory / "substations.log"))
    ports = list(range(first, first + attacked.SUBSTATIONS))
    for port in ports:
        process.wait_until(lambda port=port: clients.answers(port, clients.request("/charge")))
    return ports


def run(options, directory):
    """All attacks; returns the cells and what is left out or failed."""
    here, remarks = found(options)
    attacker = options.binaries / "examples/attack"
    if not attacker.exists():
        raise BenchError(f"there is no program {attacker}; `make attack` builds it")
    wanted = options.attacks
    cert = (None, None)
    if attacked.has_openssl():
        cert = attacked.certificate(directory)
    else:
        wanted = [attack for attack in wanted if attack.door != attacks.TLS]
        remarks.append("the attacks on TLS: there is no openssl to make a certificate")
    cells, failures = [], []
    with ExitStack() as running:
        ports = substations(options, directory, running)
        for at, attack in enumerate(wanted):
            for peer in here:
                if attack.door == attacks.ADMIN and peer.name != attacks.OURS:
                    continue
                try:
                    process, own = attacked.start(peer, attack.door, ports, 2, directory / f"{at}-{peer.name}", cert)
                    with process:
                        attacked.wait_until_ready(peer, process, own, attack.door)
                        one = attacked.measure(attacker, attack, peer, process, own, cert, options)
                except BenchError as error:
                    failures.append(f"{attack.door}, {attack.what}: {error}")
                    print(failures[-1], flush=True)
                    continue
                cells.append(one)
                print(f"{attack.door}, {attack.what}: {peer.name}: {' | '.join(attacks.three(attack, one))}", flush=True)
    return cells, remarks, failures


def block(result):
    """What docs/security.md shows of a result."""
    cells = [attacks.Cell(**one) for one in result["cells"]]
    lines = [pages.measured(result, "the attack"), ""]
    lines += attacks.markdown(cells, list(result["versions"]))
    behind = attacks.losses(cells)
    lines += ["", "Where Switchyard is behind its targets:" if behind else "Switchyard is behind its targets nowhere."]
    lines += [""] * bool(behind) + [f"- {line}." for line in behind]
    lines += [f"\nLeft out: {remark}." for remark in sorted(set(result["remarks"]))]
    return "\n".join(lines)


def main():
    """Runs the attacks; prints and stores the result."""
    options = arguments()
    command.end_by_signals()
    with tempfile.TemporaryDirectory(prefix="switchyard-attack-") as folder:
        Path(folder).chmod(0o755)
        cells, remarks, failures = run(options, Path(folder))
    ways = [way for way in options.ways if any(one.way == way for one in cells)]
    every = {peer.name: peer for peer in peers.peers(options.binaries, options.envoy)}
    result = {
        "schema": SCHEMA, "description": "attacks", "date": datetime.date.today().isoformat(),
        "commit": machine.commit(), "machine": machine.facts(),
        "versions": {way: peers.version(every[way].version) for way in ways},
        "settings": {"seconds": options.seconds, "rate": options.rate, "scale": options.scale},
        "remarks": remarks + failures, "cells": [asdict(one) for one in cells],
    }
    print("\n" + block(result))
    if options.quick:
        print("A quick run: no result is written.")
    elif cells:
        print(f"Written to {options.results.name}/: {results.save(result, options.results, pages.page(block))}")
        if not options.attack and not options.only:
            SECURITY.write_text(marks.replaced(SECURITY.read_text(), MARK, block(result)))
            print("Written into docs/security.md")
    return 1 if failures or not cells else 0


if __name__ == "__main__":
    command.run("attack", main)
