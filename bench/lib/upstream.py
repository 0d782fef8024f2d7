"""What a connection to a substation costs the proxy that keeps it for the next request."""

from dataclasses import dataclass

from . import accounting, clients
from .processes import BenchError

# So late that a whole burst is under way before the first answer, and each request needs a connection of its own.
ANSWER_AFTER = ("500ms",)
# A charge that finds no room waits in line: under way like any other, but without a connection.
TEMPLATE = "switchyard-in-line.yaml"
BODY = b'{"power_kw":0.01}'
TOO_MUCH = b'{"power_kw":2000}'
# Nothing that was given back may look like room that never was needed: mimalloc is to keep all that it had.
ENVIRONMENT = {"MIMALLOC_PURGE_DELAY": "-1"}
# Of so many clients at once, before it counts.
FEW = 50


@dataclass
class Pooled:
    """What a burst has left behind."""

    connections: int
    kib: float  # of resident memory for each


def measure(proxy, port, path, count):
    """What `count` requests at once leave behind that as many in line have not needed before: their connections."""
    charge, too_much = clients.request(path, BODY), clients.request(path, TOO_MUCH)
    connections = [clients.connect(port) for _ in range(count)]
    try:
        for at in range(0, count, FEW):
            _burst(connections[at:at + FEW], charge, 200)
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
        raise BenchError(f"{proxy.name}: {count} requests at once left only {made} more connections")
    return Pooled(made, grown / made)


def _burst(connections, wire, expected):
    """A request on each at once, then all answers."""
    for connection in connections:
        connection.sendall(wire)
    for connection in connections:
        status = clients.exchange(connection, b"")
        if status != expected:
            raise BenchError(f"a request of a burst was answered with {status}, not {expected}")
