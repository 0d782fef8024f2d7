#!/usr/bin/env python3
"""What a request costs the proxy, part by part: writes the tables of docs/performance.md.

CPU time by sampling (perf, the proxy under load by wrk), instructions by counting (callgrind, an exact number of
requests), memory by the growth of the process. `make profile` builds and runs it. A table that can't be measured stays
as it is, and the reason is printed.
Exit code: 0, or 1 if a table could not be measured.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import bench
from lib import (
    accounting, callgrind, clients, command, counted, idlers, machine, marks, measure, metrics, parts, peers, perf, profiles,
    symbols, upstream, wrk,
)
from lib.fleets import Fleets
from lib.points import AT_ONCE, CLEAR2, HTTP1, HTTP2, TLS, USUAL
from lib.processes import BenchError

WAYS = {"shared": "switchyard", "pooled": "switchyard-pooled"}
ROUNDS = 4
WARM_UP_SECONDS = 1
# Samples a second. Divides no period of the proxy's own, and is rare enough that copying stacks does not slow it.
FREQUENCY = 499
# Copied from the stack for each sample; deeper than any stack of ours.
STACK_BYTES = 8192
CONNECTIONS = (1, 64)
WARM_UP_REQUESTS = 2000
RUNS = 2
PATIENT = "switchyard-patient.yaml"
VALGRIND_START_SECONDS = 120
UPSTREAM = 1000
UPSTREAM_RUNS = 3
# Protocol, whether each client makes a request before it is idle, and how many there are. With TLS this program is slow.
IDLE = ((HTTP1, False, 5_000), (HTTP1, True, 5_000), (TLS, False, 5_000), (TLS, True, 2_000), (CLEAR2, True, 1_000),
        (HTTP2, True, 1_000))


def arguments():
    """The command line."""
    parser = command.parser(__doc__)
    parser.add_argument("--only", action="append", choices=list(TABLES), help="measure only this table; may be repeated")
    parser.add_argument("--seconds", type=command.positive, default=5, help="seconds of load in each run under perf (5)")
    parser.add_argument("--requests", type=command.positive, default=10000, help="requests in each run under callgrind (10000)")
    parser.add_argument("--document", type=Path, default=command.ROOT / "docs/performance.md", metavar="FILE",
                        help="the document with the tables (docs/performance.md)")
    return parser.parse_args()


class Rig:
    """Substations and proxies in one folder."""

    def __init__(self, binaries, folder, fleets):
        self.binaries, self._folder, self._fleets = binaries, folder, fleets
        self.program = str((binaries / "switchyard").resolve())
        self.peers = {peer.name: peer for peer in peers.peers(binaries.resolve())}
        self._starts = 0

    def folder(self):
        """A new name for the files of one start."""
        self._starts += 1
        return self._folder / str(self._starts)

    def start(self, peer, answer_after=AT_ONCE, most=USUAL.connections, protocol=HTTP1):
        """A proxy in front of three substations, and its port."""
        fleet = self._fleets.of(USUAL.substations, answer_after)
        return peers.start_proxy(peer, fleet.ports, 1, most + 100, self.folder(), protocol)


@dataclass
class Sampled:
    """One run under perf: its stacks, and what was counted meanwhile."""

    samples: list
    requests: int
    seconds: float
    spent: float  # seconds of CPU time
    joined: float  # requests that shared a connection to a substation with others


def time_table(rig, options):
    """CPU time by row, with shared and with pooled connections."""
    _need("perf", "linux-perf")
    runs = {name: [] for name in WAYS}
    # In turn, and each with a new proxy, so that a disturbance of the machine does not hit one configuration alone.
    for number in range(ROUNDS):
        for name, way in WAYS.items():
            print(f"time: {name}, run {number + 1} of {ROUNDS}, {options.seconds} s under perf", flush=True)
            runs[name].append(_sampled(rig, rig.peers[way], options.seconds))
    return profiles.time({name: _column(rig.program, found) for name, found in runs.items()})


def _column(program, runs):
    """Several runs of one configuration, added up."""
    samples = [sample for run in runs for sample in run.samples]
    if not any(perf.is_kernel(sample.places[0]) for sample in samples):
        raise BenchError("perf sees nothing of the kernel: run it as root, or set kernel.perf_event_paranoid to 1")
    loaded = symbols.segments(program)
    addresses = {offset: symbols.address(loaded, offset) for offset in perf.offsets(samples, program)}
    chains = symbols.chains(program, addresses.values())
    shares = perf.shares(samples, program, lambda offset: chains.get(addresses[offset], ()))
    _refuse_unassigned(shares, chains)
    requests, spent, seconds, joined = (sum(getattr(run, name) for run in runs)
                                        for name in ("requests", "spent", "seconds", "joined"))
    return profiles.Column(shares, 1e6 * spent / requests, requests / seconds, joined / requests, len(samples))


def _sampled(rig, peer, seconds):
    """A new proxy under load and under perf."""
    # In memory if possible: writes to a disk would delay everything on the machine.
    memory = Path("/dev/shm")
    data = (memory if memory.is_dir() else rig.folder().parent) / f"switchyard-profile-{os.getpid()}"
    try:
        proxy, port = rig.start(peer)
        with proxy:
            peers.wait_for_proxy(peer, proxy, port)
            url = f"http://127.0.0.1:{port}{peer.path}"
            wrk.run(url, USUAL.connections, WARM_UP_SECONDS)
            watch = ["perf", "record", "-q", "-e", "cpu-clock", "-F", str(FREQUENCY), "--call-graph", f"dwarf,{STACK_BYTES}",
                     "-p", str(proxy.pid), "-o", str(data), "--"]
            before, joined = accounting.CpuTime(proxy.pid), _joined(port)
            load = wrk.run(url, USUAL.connections, seconds, under=watch)
            spent = accounting.CpuTime(proxy.pid).since(before)
            joined = _joined(port) - joined
        if load.errors:
            raise BenchError(f"the run had errors: {load.errors}")
        # addr2line resolves inlined frames for all samples together, later; perf would run it for each address.
        output = _output(["perf", "script", "-i", str(data), "--no-inline", "-F", "comm,tid,ip,sym,dso"])
    finally:
        data.unlink(missing_ok=True)
    return Sampled(perf.parse(output), load.requests, load.seconds, spent, joined)


def _joined(port):
    """Charges so far that shared a connection to a substation with others."""
    return metrics.total(clients.page(port + 1, "/metrics"), "switchyard_upstream_shared_total")


def instruction_table(rig, options):
    """Instructions by part, with one and with 64 connections."""
    for program in ("valgrind", "callgrind_control"):
        _need(program, "valgrind")
    runs = {}
    for connections in CONNECTIONS:
        for number in range(RUNS):
            print(f"instructions: {connections} at once, run {number + 1} of {RUNS}", flush=True)
            counts = _counted(rig, connections, options.requests)
            runs.setdefault(connections, []).append({part: count / options.requests for part, count in counts.items()})
    return profiles.instructions(runs)


def _counted(rig, connections, requests):
    """Instructions by part, of the thread that answers requests."""
    out = rig.folder().with_suffix(".callgrind")
    argv = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "--dump-instr=yes", "--dump-line=no",
            # callgrind merges functions of the same name, and demangled generic functions often have the same.
            "--demangle=no", "--separate-threads=yes", rig.program, "run", "--config"]
    peer = peers.Peer("switchyard under callgrind", PATIENT,
                      lambda config, port, threads: [*argv, config], ready_path="/ready")
    proxy, port = rig.start(peer)
    with proxy:
        peers.wait_for_proxy(peer, proxy, port, VALGRIND_START_SECONDS)
        counted.send(port, connections, WARM_UP_REQUESTS, peer.path)
        _output(["callgrind_control", "--zero", str(proxy.pid)])
        counted.send(port, connections, requests, peer.path)
        _output(["callgrind_control", "--dump", str(proxy.pid)])
    threads = [callgrind.parse(path.read_text()) for path in out.parent.glob(f"{out.name}.1-*")]
    if not threads:
        raise BenchError("callgrind wrote nothing")
    functions = max(threads, key=callgrind.total)
    addresses = {address for function in functions.values() if function.object == rig.program
                 for address in [*function.own, *(address for address, _ in function.calls)]}
    chains = symbols.chains(rig.program, addresses)
    found = callgrind.by_part(
        functions, lambda name, address: parts.of_chain(chains.get(address, ())) if name == rig.program else None)
    _refuse_unassigned(found, chains)
    return found


def _refuse_unassigned(found, chains):
    """A table with code of ours in no part would be wrong without a sign of it."""
    if parts.UNASSIGNED in found:
        files = ", ".join(parts.unassigned(chains.values()))
        raise BenchError(f"no part is named for {files}; add a rule to bench/lib/parts.py")


def memory_table(rig, _):
    """Memory for idle clients and for idle connections to substations."""
    most, rows = bench.raise_file_limit(), []
    for protocol, asks, count in IDLE:
        count = min(count, most)
        what = f"a client over {protocol} {'after a request' if asks else 'before its first byte'}"
        print(f"memory: {count} times {what}", flush=True)
        # All clients here have one address, which by default has a quarter of 1,000 connections with HTTP/2.
        more = "http2: {connections: 100000}" if protocol == HTTP2 else ""
        peer = replace(rig.peers["switchyard"], more=more)
        proxy, port = rig.start(peer, most=count, protocol=protocol)

        def some(number, protocol=protocol, asks=asks, port=port, path=peer.path):
            return idlers.idle(protocol, port, path, number) if asks else idlers.silent(port, number)

        def one(some=some):
            with some(1):
                return True

        with proxy:
            peers.wait_for_proxy(peer, proxy, port, answers=one)
            rows.append((what, measure.idle_kib(proxy, some, count), count))
    peer = replace(rig.peers["switchyard"], template=upstream.TEMPLATE)
    os.environ.update(upstream.ENVIRONMENT)
    pooled = []
    for number in range(UPSTREAM_RUNS):
        print(f"memory: {UPSTREAM} connections to substations, run {number + 1} of {UPSTREAM_RUNS}", flush=True)
        proxy, port = rig.start(peer, upstream.ANSWER_AFTER, UPSTREAM)
        with proxy:
            peers.wait_for_proxy(peer, proxy, port)
            pooled.append(upstream.measure(proxy, port, peer.path, UPSTREAM, USUAL.substations))
    return profiles.memory(rows, pooled)


TABLES = {"time": time_table, "instructions": instruction_table, "memory": memory_table}


def _need(program, package):
    if shutil.which(program) is None:
        raise BenchError(f"there is no program {program} (Debian: {package})")


def _output(argv):
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        raise BenchError(f"{argv[0]} ended with code {done.returncode}: {done.stderr.strip()[-300:]}")
    return done.stdout


def main():
    """Measures and prints each table, and writes it between its marks."""
    options = arguments()
    bench.keep_to_few_cores()
    stamp = profiles.stamp(machine.facts(), machine.commit())
    missing = 0
    with tempfile.TemporaryDirectory(prefix="switchyard-profile-") as folder:
        os.chmod(folder, 0o755)
        with Fleets(options.binaries, Path(folder)) as fleets:
            rig = Rig(options.binaries, Path(folder), fleets)
            for name in options.only or TABLES:
                try:
                    block = TABLES[name](rig, options) + "\n\n" + stamp
                except BenchError as error:
                    print(f"profile: no table of {name}: {error}", file=sys.stderr, flush=True)
                    missing += 1
                    continue
                print(f"\n{block}\n", flush=True)
                options.document.write_text(marks.replaced(options.document.read_text(), name, block))
    return 1 if missing else 0


if __name__ == "__main__":
    command.run("profile", main)
