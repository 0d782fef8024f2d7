"""The run: each round measures every way once at every point, in an order that rotates from round to round.

A *way* is how requests reach the substations: through one of the proxies, or directly.
"""

from dataclasses import replace

from . import accounting, clients, control, measure, peers, plan, starve, steady, streams
from .fleets import Fleets
from .loads import Loads
from .points import HTTP1, USUAL
from .processes import BenchError
from .rig import Rig
from .scenarios import DIRECT
from .still import QUICK_CLIENTS, Still

PROBE_SECONDS = 2
# How often a measurement is repeated that a neighbour disturbed, and how much longer all repetitions make the run at most.
REPETITIONS = 2
MOST_REPEATED = 1 / 3


class Rounds:
    """One run."""

    def __init__(self, options, directory, idle_clients, sockets, state):
        self.options, self.directory, self.state = options, directory, state
        self.idle_clients = min(idle_clients, QUICK_CLIENTS) if options.quick else idle_clients
        self._sockets = min(sockets, QUICK_CLIENTS) if options.quick else sockets
        # Also in a quick run: near its limit of files HAProxy keeps no connections to substations.
        self._rig = Rig(options, directory, idle_clients, state)
        self._loads = Loads(options.binaries, directory)
        self._control = None
        self._spare = 0.0  # seconds that repetitions may still take

    def run(self):
        """Measures everything that the state lacks, and puts it there; keeps the state after each group."""
        self._rig.find_versions()
        chosen, each, quick = self.options.scenarios, self.options.seconds, self.options.quick
        with Fleets(self.options.binaries, self.directory) as fleets:
            self._control = control.Control(fleets)
            groups = plan.groups(chosen, self.options.rounds, self._rig.ways, self.state.done(), quick)
            still = Still(self._rig, fleets, self.idle_clients).plan()
            still += streams.Beside(self._rig, fleets, self._sockets).plan()
            planned = sum(plan.seconds(group, each, quick) for group in groups) + sum(seconds for seconds, *_ in still)
            self._spare = MOST_REPEATED * planned
            print(f"{sum(len(group.ways) for group in groups) + len(still)} measurements, about {planned / 60:.0f} min", flush=True)
            progress = self._rig.progress = plan.Progress(chosen, self.options.rounds, planned)
            for group in groups:
                self.state.cells += self._group(group, fleets)
                progress.did(plan.seconds(group, each, quick))
                self.state.keep()
            for seconds, what, way, action in still:
                self._rig.attempt(None, what, way, action)
                progress.did(seconds)
                self.state.keep()

    def _group(self, group, fleets):
        """The cells of a group, measured again if the machine's speed changed meanwhile; those that stay void are marked."""
        if self.options.quick:
            return [cell for way in group.ways for cell in [self._cell_of(group, way, fleets)] if cell]
        for number in range(1 + REPETITIONS):
            before = self._control.before()
            cells = [cell for way in group.ways for cell in [self._undisturbed(group, way, fleets)] if cell]
            after = self._control.after()
            difference = control.apart(before, after)
            if difference <= control.MOST_APART:
                return cells
            again = self._again(number, plan.seconds(group, self.options.seconds))
            self._rig.progress.say(group, f"{group.point.key}: without a proxy {before:,.0f}/s before it and {after:,.0f}/s after "
                               f"it, {difference:.0%} apart: " + ("measured again" if again else "its cells are void"))
            if not again:
                break
        return [replace(cell, noisy=True) for cell in cells]

    def _undisturbed(self, group, way, fleets):
        """One cell, measured again while other programs or machines take too much; None if it fails."""
        for number in range(1 + REPETITIONS):
            cell = self._cell_of(group, way, fleets)
            if cell is None or not control.spoiled(cell):
                return cell
            again = self._again(number, plan.seconds(replace(group, ways=(way,)), self.options.seconds))
            self._rig.progress.say(group, f"{way}: others used {cell.foreign_cpu:.0%} of the machine: "
                               + ("measured again" if again else "the cell is void"))
            if not again:
                break
        return replace(cell, noisy=True)

    def _again(self, number, seconds):
        """Whether a measurement that takes so many seconds is repeated after `number` repetitions."""
        if number == REPETITIONS or self._spare < seconds:
            return False
        self._spare -= seconds
        return True

    def _cell_of(self, group, way, fleets):
        return self._rig.attempt(group, group.point.key, way, lambda: self._load(group, way, fleets))

    def _load(self, group, way, fleets):
        """One run of load: its cell, and a line about it. A protocol that the proxy does not speak has neither."""
        point = group.point
        if point.steady and self.state.rate is None:
            self.state.rate = self._steady_rate(fleets)
        fleet = (fleets.mocks(point.substations, point.gap) if point.events
                 else fleets.of(point.substations, point.answer_after, point.starved, point.secure))
        if way == DIRECT:
            path = clients.CHAT if point.events else "/charge"
            cell = self._cell(group, way, f"http://127.0.0.1:{fleet.first}{path}", None, fleet)
        elif point.protocol not in self._rig.proxies[way].speaks:
            return None, f"{way} does not speak {point.protocol}"
        elif point.secure and self._rig.proxies[way].secures is None:
            return None, f"{way} is not measured with TLS to substations"
        elif point.events and self._rig.proxies[way].streams is None:
            return None, f"{way} is not measured with answers that stream"
        else:
            peer = self._rig.proxies[way]
            proxy, port = self._rig.start(way, fleet, point.threads, point.protocol, point.body_kib >= 16, point.secure,
                                          bool(point.events))
            path = clients.CHAT if point.events else peer.path
            url = f"{'https' if 'TLS' in point.protocol else 'http'}://127.0.0.1:{port}{path}"
            with proxy:
                asks = (lambda: streams.answers(port)) if point.events else None
                asks = asks if point.protocol == HTTP1 else lambda: self._loads.answers(point, url)
                peers.wait_for_proxy(peer, proxy, port, answers=asks)
                cell = self._cell(group, way, url, proxy, fleet)
        return cell, (f"{point.key}, {way}: {cell.rate:,.0f}/s, {cell.proxy_cpu_us:.1f} µs, p99 {cell.p99_ms:.2f} ms"
                      + ("" if cell.valid else f", INVALID {cell.errors}"))

    def _cell(self, group, way, url, proxy, fleet):
        point, quick = group.point, self.options.quick
        seconds = self.options.seconds * (1 if quick else point.times)

        def generate():
            if point.events:
                return streams.counted(fleet, point.events, lambda: self._loads.send(point, url, seconds, None))
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
                   if cell.point == USUAL.key and cell.way in self._rig.proxies and cell.valid}
        if not reached:
            raise BenchError("there is no constant rate, because no proxy has a valid result in a closed loop yet")
        slowest = min(reached, key=reached.get)
        peer = self._rig.proxies[slowest]
        proxy, port = self._rig.start(slowest, fleets.of(USUAL.substations, USUAL.answer_after), USUAL.threads)
        with proxy:
            peers.wait_for_proxy(peer, proxy, port)
            probe = (self.options.binaries, f"http://127.0.0.1:{port}{peer.path}", USUAL.connections, reached[slowest] / 4)
            steady.run(*probe, plan.WARM_UP_SECONDS)
            before = accounting.CpuTime(proxy.pid)
            load = steady.run(*probe, PROBE_SECONDS)
            spent = accounting.CpuTime(proxy.pid).since(before)
        answered = load.requests - sum(load.errors.values())
        return float(f"{min(reached[slowest], answered / spent) / 2:.2g}")
