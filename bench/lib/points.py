"""One measurement's settings, the same for every proxy: how many clients, what they send, and to which substations."""

from dataclasses import dataclass

HTTP1, TLS, HTTP2, CLEAR2 = "HTTP/1.1", "HTTP/1.1 with TLS", "HTTP/2 with TLS", "HTTP/2 in clear"
AT_ONCE = ("0s",)
# A closed loop: each connection sends its next request when it has the answer to the last.
LOOP = "closed loop"
# An open loop: requests leave at a constant rate, whatever becomes of the answers.
STEADY = "constant rate"
# New connections at a constant rate, each with one request.
OPENED = "new connections at a constant rate"


@dataclass(frozen=True)
class Point:
    """The settings of one measurement."""

    connections: int = 64
    threads: int = 1  # of the proxy
    substations: int = 3
    answer_after: tuple = AT_ONCE  # of the first substation, the second, …, and from the start again
    starved: bool = False  # the last substation gets hardly any CPU time in the middle third of the measurement
    load: str = LOOP
    protocol: str = HTTP1  # of the clients; substations always get HTTP/1.1
    secure: bool = False  # substations speak TLS
    streams: int = 1  # requests under way on a connection
    body_kib: int = 0  # the size of a charge; 0: a charge as cars send it (lib/clients.py)
    keyed: bool = False  # each request has an Idempotency-Key of its own
    close: bool = False  # each request has a connection of its own
    events: int = 0  # the events of an answer that streams; 0: a charge, which is answered at once
    gap: str = "0s"  # from one of these events to the next
    times: int = 1  # how many times as long as others it is measured; not part of its name

    @property
    def steady(self):
        """Whether requests leave at the constant rate that the run finds."""
        return self.load == STEADY

    @property
    def paced(self):
        """Whether the servers say how long an answer takes, whatever the proxy does."""
        return self.events > 0 and self.gap != USUAL.gap

    @property
    def key(self):
        """Its name in a result: the connections, and each setting that differs from the usual point."""
        parts = ["1 connection" if self.connections == 1 else f"{self.connections} connections"]
        if self.streams != USUAL.streams:
            parts.append(f"{self.streams} streams each")
        if self.protocol != USUAL.protocol:
            parts.append(self.protocol)
        parts += ["TLS to substations"] * self.secure
        if self.threads != USUAL.threads:
            parts.append(f"{self.threads} threads")
        if self.substations != USUAL.substations:
            parts.append(f"{self.substations:,} substations")
        if self.answer_after != USUAL.answer_after:
            parts.append(f"after {'/'.join(self.answer_after)}")
        parts += ["one starved for a while"] * self.starved
        if self.body_kib:
            parts.append(f"bodies of {self.body_kib} KiB")
        if self.events:
            parts.append(f"{self.events} events " + (f"each {self.gap}" if self.paced else "at once"))
        parts += ["with keys"] * self.keyed + ["a request a connection"] * self.close
        return ", ".join(parts + [self.load] * (self.load != USUAL.load))


USUAL = Point()
