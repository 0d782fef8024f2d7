"""Memory that the proxy holds for an idle connection to a substation."""

from dataclasses import dataclass

from . import accounting, clients
from .processes import BenchError

# Late enough that a whole burst is in flight before the first answer, so each request needs its own connection.
ANSWER_AFTER = ("500ms",)
# With this file a charge that finds no capacity waits in the queue: in flight like any other, but without a connection.
TEMPLATE = "switchyard-queue.yaml"
BODY = b'{"power_kw":0.01}'
# As much as the capacity of each substation: there is no room for it while anything is charging there.
TOO_MUCH = b'{"power_kw":1000}'
# Charges for an hour of the bench's time, at the speed of its substations.
LASTING = b'{"power_kw":1,"energy_kwh":1000000}'
# mimalloc must not return freed memory to the system, or that would be subtracted from the growth.
ENVIRONMENT = {"MIMALLOC_PURGE_DELAY": "-1"}
# The size of the bursts that warm up the clients' connections.
FEW = 50


@dataclass
class Pooled:
    """The connections that a burst of requests left open."""

    connections: int
    kib: float  # resident memory for each


def measure(proxy, port, path, count, substations):
    """Memory for each connection that `count` requests at once leave open.

    Before them, as many requests wait in the queue. That takes the memory of requests in flight, without connections,
    so the growth from there is the connections' own.
    """
    charge, too_much = clients.request(path, BODY), clients.request(path, TOO_MUCH)
    connections = [clients.connect(port) for _ in range(count)]
    try:
        for at in range(0, count, FEW):
            _burst(connections[at:at + FEW], charge, 200)
        # On each substation one session that stays.
        for _ in range(substations):
            _burst(connections[:1], clients.request(path, LASTING), 200)
        _burst(connections, too_much, 503)
        before = accounting.resident_kib(proxy.pid), accounting.sockets(proxy.pid)
        _burst(connections, charge, 200)
        after = accounting.resident_kib(proxy.pid), accounting.sockets(proxy.pid)
    except OSError as error:
        raise BenchError(f"{proxy.name}: {count} requests at once: {error}") from error
    finally:
        for connection in connections:
            connection.close()
    grown, made = after[0] - before[0], after[1] - before[1]
    if made < count // 2:
        raise BenchError(f"{proxy.name}: {count} requests at once left only {made} new connections open")
    return Pooled(made, grown / made)


def _burst(connections, wire, expected):
    """Sends a request on each connection, then reads all answers."""
    for connection in connections:
        connection.sendall(wire)
    for connection in connections:
        status = clients.exchange(connection, b"")
        if status != expected:
            raise BenchError(f"a request of a burst was answered with {status}, not {expected}")
