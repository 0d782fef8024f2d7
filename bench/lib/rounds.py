"""The run: each round measures every way once at every point, in an order that rotates from round to round.

A *way* is how requests reach the substations: through one of the proxies, or directly.
"""

import time

from . import accounting, measure, peers, steady, wrk
from .fleets import Fleets
from .processes import BenchError
from .scenarios import ALL, IDLE, USUAL, direct_points, points

DIRECT = "direct"
WARM_UP_SECONDS = 1
PROBE_SECONDS = 2
# A p99.9 needs many requests, and a constant rate sends only half as many as a closed loop.
STEADY_FACTOR = 3
# Too few for a meaningful figure, but enough to try that it works.
QUICK_IDLE_CLIENTS = 400


class Rounds:
    """One run. A way that fails at a point is reported, and left out at that point from then on."""

    def __init__(self, options, directory, idle_clients):
        self.options, self.directory = options, directory
        self.idle_clients = min(idle_clients, QUICK_IDLE_CLIENTS) if options.quick else idle_clients
        self.proxies = {peer.name: peer for peer in peers.peers(options.binaries, options.envoy)}
        wanted = [*self.proxies, DIRECT]
        self.ways = [way for way in wanted if way in options.only] if options.only else wanted
        self.versions = {}
        self.cells = []
        self.idle = {}
        # Connections must never reach the limit that the proxies get; probes come on top.
        most = max(point.connections for point in points(ALL))
        self._max_clients = max(self.idle_clients, most) + 100
        self.rate = None
        self.failures, self.left_out = [], []
        self._failed = set()
        self._starts = 0
        self._progress = None

    def run(self):
        """Measures everything; fills `cells` and `idle`."""
        self._find_versions()
        plan = self._plan()
        self._progress = Progress(len(plan))
        with Fleets(self.options.binaries, self.directory) as fleets:
            for number, point, way in plan:
                if point is IDLE:
                    self._attempt(point, way, lambda: self._idle(way, fleets))
                else:
                    self._attempt(point, way, lambda: self._load(number, point, way, fleets))

    def _plan(self):
        """All measurements in their order: (round, point, way)."""
        with_direct = direct_points(self.options.scenarios)
        plan = []
        for number in range(self.options.rounds):
            turn = number % max(len(self.ways), 1)
            turned = self.ways[turn:] + self.ways[:turn]
            plan += [(number + 1, point, way) for point in points(self.options.scenarios) for way in turned
                     if way != DIRECT or point in with_direct]
        if IDLE in self.options.scenarios:
            plan += [(self.options.rounds, IDLE, way) for way in self.ways if way != DIRECT]
        return plan

    def _find_versions(self):
        """Asks each program for its version, and drops those that are missing or refuse their configuration."""
        self.versions["wrk"] = peers.version(["wrk", "-v"])
        for way in [way for way in self.ways if way in self.proxies]:
            peer = self.proxies[way]
            try:
                peers.find(peer)
                if peer.version:
                    self.versions[way] = peers.version(peer.version)
                why = peers.refusal(peer, self._directory(way))
                noted = self.left_out
            except BenchError as error:
                print(f"{'' if peer.optional else 'FAILED '}{error}", flush=True)
                why = "it is missing, or can't be started"
                noted = self.left_out if peer.optional else self.failures
            if why:
                noted.append(f"{way} is left out: {why}")
                self.ways = [other for other in self.ways if other != way]

    def _attempt(self, point, way, action):
        """Runs the action; if it fails, reports that and leaves this way out at this point."""
        if (point, way) in self._failed:
            self._progress.skip()
            return
        try:
            outcome = action()
        except BenchError as error:
            outcome = f"FAILED {error}"
            where = "idle clients" if point is IDLE else point.key
            # A program's output may name folders of this machine: it is printed, but not stored.
            self.failures.append(f"{way} failed and is left out from then on: {where}")
            self._failed.add((point, way))
        self._progress.say(outcome)

    def _directory(self, way):
        self._starts += 1
        return self.directory / f"{self._starts}-{way}"

    def _start(self, way, substations, threads):
        """A new proxy process for a `with` block, and its port."""
        return peers.start_proxy(self.proxies[way], substations, threads, self._max_clients, self._directory(way))

    def _load(self, number, point, way, fleets):
        """One run of load."""
        if point.steady and self.rate is None:
            self.rate = self._steady_rate(fleets)
        substations, first = fleets.of(point.substations, point.answer_after)
        if way == DIRECT:
            url = f"http://127.0.0.1:{first}/charge"
            cell = self._cell(number, point, way, url, None, substations)
        else:
            peer = self.proxies[way]
            proxy, port = self._start(way, range(first, first + point.substations), point.threads)
            with proxy:
                peers.wait_for_proxy(peer, proxy, port)
                cell = self._cell(number, point, way, f"http://127.0.0.1:{port}{peer.path}", proxy, substations)
        self.cells.append(cell)
        return (f"{point.key:33} {way:17} {cell.rate:8,.0f}/s  {cell.proxy_cpu_us:5.1f} µs  p99 {cell.p99_ms:6.2f} ms"
                + ("" if cell.valid else f"  INVALID {cell.errors}"))

    def _cell(self, number, point, way, url, proxy, substations):
        def generate(seconds):
            if point.steady:
                return steady.run(self.options.binaries, url, point.connections, self.rate, seconds)
            return wrk.run(url, point.connections, seconds)

        seconds = self.options.seconds * (STEADY_FACTOR if point.steady and not self.options.quick else 1)
        # Pools, caches and connections fill before the measurement.
        warm_up = (lambda: None) if self.options.quick else (lambda: generate(WARM_UP_SECONDS))
        return measure.load(point.key, way, number, lambda: generate(seconds), warm_up, proxy, substations)

    def _steady_rate(self, fleets):
        """Half of what the slowest proxy can answer at a constant rate, to two figures.

        That is far less than in a closed loop, where requests come in batches and cost less each. So this sends it a
        quarter of what it reached there, measures the CPU time of a request, and divides a second by that.
        """
        reached = {cell.way: cell.rate for cell in self.cells
                   if cell.point == USUAL.key and cell.way != DIRECT and cell.valid}
        if not reached:
            raise BenchError("there is no constant rate, because no proxy has a valid result in a closed loop yet")
        slowest = min(reached, key=reached.get)
        peer = self.proxies[slowest]
        _, first = fleets.of(USUAL.substations, USUAL.answer_after)
        proxy, port = self._start(slowest, range(first, first + USUAL.substations), USUAL.threads)
        with proxy:
            peers.wait_for_proxy(peer, proxy, port)
            probe = (self.options.binaries, f"http://127.0.0.1:{port}{peer.path}", USUAL.connections, reached[slowest] / 4)
            steady.run(*probe, WARM_UP_SECONDS)
            before = accounting.CpuTime(proxy.pid)
            load = steady.run(*probe, PROBE_SECONDS)
            spent = accounting.CpuTime(proxy.pid).since(before)
        answered = load.requests - sum(load.errors.values())
        return float(f"{min(reached[slowest], answered / spent) / 2:.2g}")

    def _idle(self, way, fleets):
        """The memory of idle clients."""
        peer = self.proxies[way]
        _, first = fleets.of(USUAL.substations, USUAL.answer_after)
        proxy, port = self._start(way, range(first, first + USUAL.substations), USUAL.threads)
        with proxy:
            peers.wait_for_proxy(peer, proxy, port)
            self.idle[way] = measure.idle_kib(proxy, port, peer.path, self.idle_clients)
        return f"{'idle':33} {way:17} {self.idle[way]:5.1f} KiB a client, of {self.idle_clients:,}"


class Progress:
    """Prints how far the run is and how long it will still take."""

    def __init__(self, total):
        self._total, self._done, self._skipped = total, 0, 0
        self._began = time.monotonic()

    def skip(self):
        """Counts a measurement that was left out."""
        self._skipped += 1

    def say(self, text):
        """Counts a measurement, and prints a line about it."""
        self._done += 1
        left = self._total - self._done - self._skipped
        seconds = (time.monotonic() - self._began) / self._done * left
        ahead = f"{seconds / 60:.0f} min" if seconds >= 100 else f"{seconds:.0f} s"
        print(f"[{self._done + self._skipped}/{self._total}, {ahead} left] {text}", flush=True)
