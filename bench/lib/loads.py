"""Which load generator sends what for a point."""

from . import clients, h2load, steady, wrk
from .points import HTTP1, OPENED


class Loads:
    """The load generators, with the bodies that they send in files of `directory`."""

    def __init__(self, binaries, directory):
        self._binaries, self._directory = binaries, directory

    def send(self, point, url, seconds, rate):
        """Sends requests for so many seconds, and returns the result; `rate` is that of a constant rate."""
        if point.steady:
            return steady.run(self._binaries, url, point.connections, rate, seconds)
        if point.load == OPENED:
            return h2load.opened(url, self._body(point), point.protocol, point.connections, seconds)
        if point.protocol != HTTP1:
            return h2load.run(url, self._body(point), point.protocol, point.connections, point.streams, seconds)
        own = point.body_kib or point.events
        more = wrk.arguments(self._body(point) if own else None, point.keyed, point.close)
        return wrk.run(url, point.connections, seconds, more=more)

    def answers(self, point, url):
        """Whether a request as the point sends it is answered with 200."""
        return h2load.answers(url, self._body(point), point.protocol)

    def _body(self, point):
        path = self._directory / f"body-{point.body_kib}-{point.events}"
        if not path.exists():
            path.write_bytes(clients.chat(point.events, point.body_kib) if point.events
                             else clients.body(1024 * point.body_kib))
        return path
