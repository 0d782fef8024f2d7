"""What a generator of load says of one run: in the same words, whichever it was."""

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
    errors: dict  # kind → how many; empty where all went well
    cpu_seconds: float = 0.0  # of the generator itself
    late: float = 0.0  # share of the requests that left more than 1 ms after their time; 0 where there is no such time

    @property
    def rate(self):
        """Requests a second."""
        return self.requests / self.seconds
