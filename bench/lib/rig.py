"""The proxies of a run: which are there, in which version, how one is started, and what becomes of one that fails."""

from . import peers
from .points import HTTP1
from .processes import BenchError
from .scenarios import ALL, WAYS, points


class Rig:
    """All proxies. A way that fails at a place is reported, and left out there from then on."""

    def __init__(self, options, directory, idle_clients, state):
        self.options, self.state, self.progress = options, state, None
        self.proxies = {peer.name: peer for peer in peers.peers(options.binaries)}
        self.ways = [way for way in WAYS if not options.ways or way in options.ways]
        # Connections must never reach the limit that the proxies get; probes come on top.
        self._max_clients = max(idle_clients, *(point.connections for point in points(ALL))) + 100
        self._directory = directory
        self._failed = set()
        self._starts = 0

    def find_versions(self):
        """Asks each program for its version, and drops those that are missing or refuse their configuration."""
        versions = {"wrk": peers.version(["wrk", "-v"]), "h2load": peers.version(["h2load", "--version"])}
        for way in [way for way in self.ways if way in self.proxies]:
            peer = self.proxies[way]
            try:
                peers.find(peer)
                why, noted = peers.refusal(peer, self.directory(way)), self.state.left_out
                if peer.version and not why:
                    versions[way] = peers.version(peer.version)
            except BenchError as error:
                print(f"{'' if peer.optional else 'FAILED '}{error}", flush=True)
                why = "it is missing, or can't be started"
                noted = self.state.left_out if peer.optional else self.state.failures
            if why:
                print(f"{way} is left out: {why}", flush=True)
                noted.append(f"{way} is left out: {why}")
                self.ways = [other for other in self.ways if other != way]
        self.state.versions |= versions

    def attempt(self, group, place, way, action):
        """Runs the action, which returns what it found and a line about it; None if it fails, now or before."""
        if (place, way) in self._failed:
            return None
        try:
            found, text = action()
        except BenchError as error:
            found, text = None, f"FAILED {way}, {place}: {error}"
            # A program's output may name folders of this machine: it is printed, but not stored.
            self.state.failures.append(f"{way} failed and is left out from then on: {place}")
            self._failed.add((place, way))
        self.progress.say(group, text)
        return found

    def directory(self, name):
        """A new name for the files of one start."""
        self._starts += 1
        return self._directory / f"{self._starts}-{name}"

    def start(self, way, fleet, threads, protocol=HTTP1, large=False, secure=False, streams=False, clients=0):
        """A new proxy process for a `with` block, and its port.

        `large`: bodies above 16 KiB; `secure`: substations with TLS; `streams`: inference servers; `clients`: so many at
        once, if that is more than usual.
        """
        directory = self.directory(way)
        return peers.start_proxy(self.proxies[way], fleet.ports, threads, max(self._max_clients, clients), directory, protocol,
                                 large, secure, streams)
