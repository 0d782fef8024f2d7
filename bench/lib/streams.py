"""Answers that stream and WebSockets: how they are counted, how late their first byte is, what an open one takes.

The servers are mocks (crates/inference-mock), which make as many events as are asked for.
"""

from contextlib import contextmanager
from dataclasses import replace
from statistics import median

from . import clients, measure, metrics, peers, plan
from .points import USUAL
from .processes import BenchError
from .scenarios import FIRST_BYTE, OURS, SOCKETS

FIRST_BYTE_MS, SOCKET_KIB = "ms added to the first byte, 220 KB", "KiB an open WebSocket"
# Each figure, and its unit.
FIGURES = {FIRST_BYTE_MS: "ms", SOCKET_KIB: "KiB"}
# The scenario of each.
MEASURED = {FIRST_BYTE: FIRST_BYTE_MS, SOCKETS: SOCKET_KIB}
ABOUT = {
    FIRST_BYTE: ("A client sends the same request in turn to the proxy and to a server; the figure is the difference of the "
                 "medians, from the request's first byte to the answer's.",),
    SOCKETS: ("The growth of resident memory from 200 WebSockets to as many as the limit of open files allows, 10,000 at "
              "most, divided by that growth. Each has sent one message and got it back.",),
}
BODY_KIB = 215  # 220 KB
ASKED, QUICK_ASKED = 400, 40
FIRST_BYTE_SECONDS, SOCKET_SECONDS = 5, 20
TOKENS = "vllm:generation_tokens_total"
# The key and the answer to it are those of RFC 6455.
UPGRADE = (f"GET {clients.REALTIME} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
           "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").encode()
ACCEPTED = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
# A message of two letters, with a mask that changes nothing, and what comes back.
SENT, BACK = b"\x81\x82\0\0\0\0hi", b"\x81\x02hi"


def answers(port):
    """Whether a server answers a chat of one event."""
    return clients.answers(port, clients.request(clients.CHAT, clients.chat(1)))


def counted(fleet, events, generate):
    """Runs a load; its requests are those for which the servers made all `events`, parts of a request added up.

    A load generator counts whole answers only, so with answers of half a second it would miss a tenth of them.
    """
    before = _tokens(fleet)
    load = generate()
    return replace(load, requests=round((_tokens(fleet) - before) / events))


def _tokens(fleet):
    return sum(metrics.total(clients.page(port, "/metrics"), TOKENS) for port in fleet.ports)


@contextmanager
def sockets(port, count):
    """`count` open WebSockets, each of which has sent one message and got it back."""
    connections = []
    try:
        for number in range(1, count + 1):
            connections.append(clients.connect(port))
            if not _opens(connections[-1]):
                raise ConnectionError(f"no echo for WebSocket {number}")
        yield
    finally:
        for connection in connections:
            connection.close()


def _opens(connection):
    connection.sendall(UPGRADE)
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += _some(connection)
    if not answer.startswith(b"HTTP/1.1 101 ") or ACCEPTED not in answer:
        return False
    connection.sendall(SENT)
    echo = answer.partition(b"\r\n\r\n")[2]
    while len(echo) < len(BACK):
        echo += _some(connection)
    return echo == BACK


def _some(connection):
    data = connection.recv(4096)
    if not data:
        raise ConnectionError("the server closed the connection")
    return data


def added_ms(port, direct, count):
    """By how many milliseconds the first byte of an answer comes later through the proxy."""
    wire = clients.request(clients.CHAT, clients.chat(1, BODY_KIB))
    with clients.connect(port) as through, clients.connect(direct) as straight:
        pairs = [(clients.first_byte(through, wire), clients.first_byte(straight, wire)) for _ in range(count)]
    # The first ones make connections and warm caches.
    pairs = pairs[count // 10:]
    return 1e3 * (median(later for later, _ in pairs) - median(sooner for _, sooner in pairs))


class Beside:
    """The two figures of each proxy, as far as the state lacks them."""

    def __init__(self, rig, fleets, most):
        self._rig, self._fleets, self._most = rig, fleets, most
        self._options, self._state = rig.options, rig.state

    def plan(self):
        """All that is to do: (about how many seconds it takes, what, way, action)."""
        found = []
        for scenario, rounds, seconds, action in ((FIRST_BYTE, self._options.rounds, FIRST_BYTE_SECONDS, self._first_byte),
                                                  (SOCKETS, 1, SOCKET_SECONDS, self._sockets)):
            name = MEASURED[scenario]
            ways = [way for way in scenario.ways if way in self._rig.ways]
            # A quick run only tries that it works.
            ways = [way for way in ways if way == OURS] if self._options.quick else ways
            each = plan.QUICK_IDLE_SECONDS if self._options.quick else seconds
            found += [(each, name, way, lambda name=name, way=way, action=action: self._measured(name, way, action))
                      for number in range(rounds) for way in ways if scenario in self._options.scenarios
                      and number >= len(self._state.beside.get(name, {}).get(way, []))]
        return found

    def _measured(self, name, way, action):
        try:
            value = action(way)
        except OSError as error:
            raise BenchError(f"{way}: {error}") from error
        self._state.beside.setdefault(name, {}).setdefault(way, []).append(value)
        return value, f"{way}, {name}: {value:.2f}"

    def _first_byte(self, way):
        with self._running(way) as (_, port, fleet):
            return added_ms(port, fleet.first, QUICK_ASKED if self._options.quick else ASKED)

    def _sockets(self, way):
        with self._running(way, self._most) as (proxy, port, _):
            return measure.idle_kib(proxy, lambda number: sockets(port, number), self._most)

    @contextmanager
    def _running(self, way, count=0):
        fleet = self._fleets.mocks(USUAL.substations, USUAL.gap)
        proxy, port = self._rig.start(way, fleet, USUAL.threads, streams=True, clients=count + 100)
        with proxy:
            peers.wait_for_proxy(self._rig.proxies[way], proxy, port, answers=lambda: answers(port))
            yield proxy, port, fleet
