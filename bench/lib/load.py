"""The result of one run of a load generator, in one form for all of them."""

from dataclasses import dataclass


@dataclass
class Load:
    """One run of wrk or of requester."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float
    errors: dict  # kind → count; empty if there were none
    cpu_seconds: float = 0.0  # of the load generator itself
    late: float = 0.0  # share of the requests that left more than 1 ms late; 0 in a closed loop, which has no schedule

    @property
    def rate(self):
        """Requests a second."""
        return self.requests / self.seconds
