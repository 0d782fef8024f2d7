"""The run: each round measures every way once at every point, in an order that rotates from round to round.

A *way* is how requests reach the substations: through one of the proxies, or directly.
"""

from dataclasses import replace

from . import accounting, control, idlers, measure, peers, plan, starve, steady
from .fleets import Fleets
from .loads import Loads
from .points import HTTP1, USUAL
from .processes import BenchError
from .scenarios import ALL, DIRECT, IDLE, IDLE_PROTOCOLS, OURS, WAYS, points

PROBE_SECONDS = 2
# How often a measurement is repeated that a neighbour disturbed.
REPETITIONS = 2
# Too few for a meaningful figure, but enough to try that it works.
QUICK_IDLE_CLIENTS = 400
# Some seconds of handshakes; the memory of one is exact enough.
MOST_SECURE_IDLE_CLIENTS = 2000


class Rounds:
    """One run. A way that fails at a point is reported, and left out at that point from then on."""

    def __init__(self, options, directory, idle_clients, state):
        self.options, self.directory, self.state = options, directory, state
        self.idle_clients = min(idle_clients, QUICK_IDLE_CLIENTS) if options.quick else idle_clients
        self.proxies = {peer.name: peer for peer in peers.peers(options.binaries)}
        self.ways = [way for way in WAYS if not options.ways or way in options.ways]
        # Connections must never reach the limit that the proxies get; probes come on top.
        most = max(point.connections for point in points(ALL))
        self._max_clients = max(self.idle_clients, most) + 100
        self._failed = set()
        self._starts = 0
        self._loads = Loads(options.binaries, directory)
        self._control = self._progress = None

    def run(self):
        """Measures everything that the state lacks, and puts it there; keeps the state after each group."""
        self._find_versions()
        chosen, each, quick = self.options.scenarios, self.options.seconds, self.options.quick
        groups = plan.groups(chosen, self.options.rounds, self.ways, self.state.done(), quick)
        idle, idle_seconds = self._idle_plan(), plan.QUICK_IDLE_SECONDS if quick else plan.IDLE_SECONDS
        planned = sum(plan.seconds(group, each, quick) for group in groups) + idle_seconds * len(idle)
        print(f"{sum(len(group.ways) for group in groups)} measurements, about {planned / 60:.0f} min", flush=True)
        self._progress = plan.Progress(chosen, self.options.rounds, planned)
        with Fleets(self.options.binaries, self.directory) as fleets:
            self._control = control.Control(fleets)
            for group in groups:
                self.state.cells += self._group(group, fleets)
                self._progress.did(plan.seconds(group, each, quick))
                self.state.keep()
            for protocol, way in idle:
                self._attempt(None, protocol, way, lambda: self._idle(protocol, way, fleets))
                self._progress.did(idle_seconds)
                self.state.keep()

    def _idle_plan(self):
        if IDLE not in self.options.scenarios:
            return []
        return [(protocol, way) for protocol in IDLE_PROTOCOLS for way in self.ways
                if way in IDLE.ways and protocol in self.proxies[way].speaks
                and way not in self.state.idle.get(protocol, {})
                # A quick run only tries that it works.
                and (not self.options.quick or protocol == HTTP1 or way == OURS)]

    def _find_versions(self):
        """Asks each program for its version, and drops those that are missing or refuse their configuration."""
        versions = {"wrk": peers.version(["wrk", "-v"]), "h2load": peers.version(["h2load", "--version"])}
        for way in [way for way in self.ways if way in self.proxies]:
            peer = self.proxies[way]
            try:
                peers.find(peer)
                if peer.version:
                    versions[way] = peers.version(peer.version)
                why, noted = peers.refusal(peer, self._directory(way)), self.state.left_out
            except BenchError as error:
                print(f"{'' if peer.optional else 'FAILED '}{error}", flush=True)
                why = "it is missing, or can't be started"
                noted = self.state.left_out if peer.optional else self.state.failures
            if why:
                print(f"{way} is left out: {why}", flush=True)
                noted.append(f"{way} is left out: {why}")
                self.ways = [other for other in self.ways if other != way]
        self.state.versions |= versions

    def _group(self, group, fleets):
        """The cells of a group, measured again if the machine's speed changed meanwhile; those that stay void are marked."""
        if self.options.quick:
            return [cell for way in group.ways for cell in [self._cell_of(group, way, fleets)] if cell]
        for left in reversed(range(1 + REPETITIONS)):
            before = self._control.before()
            cells = [cell for way in group.ways for cell in [self._undisturbed(group, way, fleets)] if cell]
            after = self._control.after()
            difference = control.apart(before, after)
            if difference <= control.MOST_APART:
                return cells
            self._progress.say(group, f"{group.point.key}: without a proxy {before:,.0f}/s before it and {after:,.0f}/s after "
                               f"it, {difference:.0%} apart" + (": measured again" if left else ": its cells are void"))
        return [replace(cell, noisy=True) for cell in cells]

    def _undisturbed(self, group, way, fleets):
        """One cell, measured again while other programs or machines take too much; None if it fails."""
        for left in reversed(range(1 + REPETITIONS)):
            cell = self._cell_of(group, way, fleets)
            if cell is None or not control.spoiled(cell):
                return cell
            self._progress.say(group, f"{way}: others used {cell.foreign_cpu:.0%} of the machine"
                               + (": measured again" if left else ": the cell is void"))
        return replace(cell, noisy=True)

    def _cell_of(self, group, way, fleets):
        return self._attempt(group, group.point, way, lambda: self._load(group, way, fleets))

    def _attempt(self, group, point, way, action):
        """Runs the action; if it fails, reports that and leaves this way out at this point."""
        if (point, way) in self._failed:
            return None
        try:
            found, text = action()
        except BenchError as error:
            where = point.key if group else f"idle clients, {point}"
            found, text = None, f"FAILED {way}, {where}: {error}"
            # A program's output may name folders of this machine: it is printed, but not stored.
            self.state.failures.append(f"{way} failed and is left out from then on: {where}")
            self._failed.add((point, way))
        self._progress.say(group, text)
        return found

    def _directory(self, way):
        self._starts += 1
        return self.directory / f"{self._starts}-{way}"

    def _start(self, way, fleet, threads, protocol=HTTP1):
        """A new proxy process for a `with` block, and its port."""
        return peers.start_proxy(self.proxies[way], fleet.ports, threads, self._max_clients, self._directory(way), protocol)

    def _load(self, group, way, fleets):
        """One run of load: its cell, and a line about it. A protocol that the proxy does not speak has neither."""
        point = group.point
        if point.steady and self.state.rate is None:
            self.state.rate = self._steady_rate(fleets)
        fleet = fleets.of(point.substations, point.answer_after, point.starved)
        if way == DIRECT:
            cell = self._cell(group, way, f"http://127.0.0.1:{fleet.first}/charge", None, fleet)
        elif point.protocol not in self.proxies[way].speaks:
            return None, f"{way} does not speak {point.protocol}"
        else:
            peer = self.proxies[way]
            proxy, port = self._start(way, fleet, point.threads, point.protocol)
            url = f"{'https' if 'TLS' in point.protocol else 'http'}://127.0.0.1:{port}{peer.path}"
            with proxy:
                asks = None if point.protocol == HTTP1 else lambda: self._loads.answers(point, url)
                peers.wait_for_proxy(peer, proxy, port, answers=asks)
                cell = self._cell(group, way, url, proxy, fleet)
        return cell, (f"{point.key}, {way}: {cell.rate:,.0f}/s, {cell.proxy_cpu_us:.1f} µs, p99 {cell.p99_ms:.2f} ms"
                      + ("" if cell.valid else f", INVALID {cell.errors}"))

    def _cell(self, group, way, url, proxy, fleet):
        point, quick = group.point, self.options.quick
        seconds = self.options.seconds * (1 if quick else point.times)

        def generate():
            if not point.starved:
                return self._loads.send(point, url, seconds, self.state.rate)
            with starve.meanwhile(fleet.processes[-1].pid, seconds / 3, 2 * seconds / 3):
                return self._loads.send(point, url, seconds, self.state.rate)

        def warm_up():
            # Pools, caches and connections fill before the measurement.
            if not quick:
                self._loads.send(point, url, plan.WARM_UP_SECONDS, self.state.rate)

        return measure.load(point.key, way, group.round, generate, warm_up, proxy, fleet.processes)

    def _steady_rate(self, fleets):
        """Half of what the slowest proxy can answer at a constant rate, to two figures.

        That is far less than in a closed loop, where requests come in batches and cost less each. So this sends it a
        quarter of what it reached there, measures the CPU time of a request, and divides a second by that.
        """
        reached = {cell.way: cell.rate for cell in self.state.cells
                   if cell.point == USUAL.key and cell.way in self.proxies and cell.valid}
        if not reached:
            raise BenchError("there is no constant rate, because no proxy has a valid result in a closed loop yet")
        slowest = min(reached, key=reached.get)
        peer = self.proxies[slowest]
        proxy, port = self._start(slowest, fleets.of(USUAL.substations, USUAL.answer_after), USUAL.threads)
        with proxy:
            peers.wait_for_proxy(peer, proxy, port)
            probe = (self.options.binaries, f"http://127.0.0.1:{port}{peer.path}", USUAL.connections, reached[slowest] / 4)
            steady.run(*probe, plan.WARM_UP_SECONDS)
            before = accounting.CpuTime(proxy.pid)
            load = steady.run(*probe, PROBE_SECONDS)
            spent = accounting.CpuTime(proxy.pid).since(before)
        answered = load.requests - sum(load.errors.values())
        return float(f"{min(reached[slowest], answered / spent) / 2:.2g}")

    def _idle(self, protocol, way, fleets):
        """The memory of an idle client, and a line about it."""
        peer = self.proxies[way]
        count = self.idle_clients if protocol == HTTP1 else min(self.idle_clients, MOST_SECURE_IDLE_CLIENTS)
        proxy, port = self._start(way, fleets.of(USUAL.substations, USUAL.answer_after), USUAL.threads, protocol)
        with proxy:
            path = peer.path
            peers.wait_for_proxy(peer, proxy, port, answers=lambda: self._one(protocol, port, path))
            kib = measure.idle_kib(proxy, lambda number: idlers.idle(protocol, port, path, number), count)
        self.state.idle.setdefault(protocol, {})[way] = kib
        return kib, f"{way}, {protocol}: {kib:.1f} KiB a client, of {count:,}"

    @staticmethod
    def _one(protocol, port, path):
        with idlers.idle(protocol, port, path, 1):
            return True
