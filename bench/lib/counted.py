"""Sends an exact number of requests from clients that each wait for their answer: for counting, not for timing.

All clients run in one thread. With a thread for each, the order of requests depends on the scheduler, and with it how
many requests the proxy handles in one turn: runs under callgrind then differ by percents instead of hundredths.
"""

import selectors

from . import clients
from .processes import BenchError

# Longer than any request takes under valgrind.
PATIENCE_SECONDS = 60


def length(received):
    """The length in bytes of the answer that `received` begins with; None while it is unknown."""
    head, blank, _ = received.partition(b"\r\n\r\n")
    if not blank:
        return None
    for line in head.lower().split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name == b"content-length":
            return len(head) + len(blank) + int(value)
    raise BenchError("an answer without a content-length")


def send(port, connections, requests, path):
    """Sends `requests` over `connections` connections; all answers must have the status 200."""
    wire = clients.request(path)
    left = requests
    with selectors.DefaultSelector() as ready:
        waiting = 0
        try:
            for _ in range(min(connections, requests)):
                connection = clients.connect(port)
                ready.register(connection, selectors.EVENT_READ, bytearray())
                connection.sendall(wire)
                left, waiting = left - 1, waiting + 1
            while waiting:
                events = ready.select(PATIENCE_SECONDS)
                if not events:
                    raise BenchError(f"{waiting} requests without an answer after {PATIENCE_SECONDS} s")
                for key, _ in events:
                    if not _is_answered(key):
                        continue
                    if left:
                        key.fileobj.sendall(wire)
                        left -= 1
                    else:
                        waiting -= 1
        except OSError as error:
            raise BenchError(f"{requests} requests by {connections} clients: {error}") from error
        finally:
            for key in list(ready.get_map().values()):
                key.fileobj.close()


def _is_answered(key):
    """Reads from a connection. Once the answer is complete, checks it, forgets it, and returns true."""
    received = key.data
    some = key.fileobj.recv(65536)
    if not some:
        raise BenchError("the proxy closed a connection")
    received += some
    whole = length(bytes(received))
    if whole is None or len(received) < whole:
        return False
    if not received.startswith(b"HTTP/1.1 200 "):
        raise BenchError(f"a charge was answered with {bytes(received[:40])!r}")
    received.clear()
    return True
