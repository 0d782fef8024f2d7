"""What is measured without load, after the rounds: memory of idle clients, and what Switchyard does beside requests."""

from . import idlers, measure, own, peers, plan
from .points import HTTP1, USUAL
from .scenarios import IDLE, IDLE_PROTOCOLS, OURS, OWN

# Too few for a meaningful figure, but enough to try that it works.
QUICK_CLIENTS = 400
# Some seconds of handshakes; the memory of one is exact enough.
MOST_SECURE_CLIENTS = 2000


class Still:
    """The figures that the state lacks."""

    def __init__(self, rig, fleets, idle_clients):
        self._rig, self._fleets, self._clients = rig, fleets, idle_clients
        self._options, self._state = rig.options, rig.state

    def plan(self):
        """All that is to do: (about how many seconds it takes, what, way, action)."""
        each = plan.QUICK_IDLE_SECONDS if self._options.quick else plan.IDLE_SECONDS
        found = [(each, f"idle clients, {protocol}", way, lambda protocol=protocol, way=way: self._idle(protocol, way))
                 for protocol in IDLE_PROTOCOLS for way in self._rig.ways
                 if IDLE in self._options.scenarios and way in IDLE.ways and self._idle_lacks(protocol, way)]
        if OWN in self._options.scenarios and OURS in self._rig.ways:
            found += [(seconds, name, OURS, lambda name=name, measured=measured: self._own(name, measured))
                      for number in range(self._options.rounds) for name, (measured, seconds) in own.FIGURES.items()
                      if number >= len(self._state.own.get(name, []))]
        return found

    def _idle_lacks(self, protocol, way):
        # A quick run only tries that it works.
        wanted = not self._options.quick or way == OURS
        return wanted and protocol in self._rig.proxies[way].speaks and way not in self._state.idle.get(protocol, {})

    def _idle(self, protocol, way):
        """The memory of an idle client, and a line about it."""
        path = self._rig.proxies[way].path
        count = self._clients if protocol == HTTP1 else min(self._clients, MOST_SECURE_CLIENTS)
        proxy, port = self._rig.start(way, self._fleets.of(USUAL.substations, USUAL.answer_after), USUAL.threads, protocol)

        def one():
            with idlers.idle(protocol, port, path, 1):
                return True

        with proxy:
            peers.wait_for_proxy(self._rig.proxies[way], proxy, port, answers=one)
            kib = measure.idle_kib(proxy, lambda number: idlers.idle(protocol, port, path, number), count)
        self._state.idle.setdefault(protocol, {})[way] = kib
        return kib, f"{way}, {protocol}: {kib:.1f} KiB a client, of {count:,}"

    def _own(self, name, measured):
        value = measured(self._options.binaries, self._rig.directory("own"))
        self._state.own.setdefault(name, []).append(value)
        return value, f"{name}: {value:.2f}"
