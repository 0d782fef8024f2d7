"""So many requests and no more, by clients that each wait for their answer: for what is counted, not timed."""

import selectors

from . import clients
from .processes import BenchError

# Longer than any request under valgrind takes.
PATIENCE_SECONDS = 60


def length(received):
    """How many bytes the answer has that `received` begins with; None while that is not known."""
    head, blank, _ = received.partition(b"\r\n\r\n")
    if not blank:
        return None
    for line in head.lower().split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name == b"content-length":
            return len(head) + len(blank) + int(value)
    raise BenchError("an answer without a content-length")


def send(port, connections, requests, path):
    """`requests` by as many clients as `connections`; all must be answered with 200."""
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
    """Takes in what came on one connection. True once its answer is whole, and forgotten."""
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
