"""The project's goals, compared with what was measured."""

from dataclasses import dataclass
from statistics import median

from . import streams
from .own import DECISION, SCRAPE
from .points import HTTP1, USUAL, Point
from .scenarios import (
    BALANCERS, BEHIND, CLEAR, CONNECTIONS, HANDSHAKES, LATENCY, ONE_SLOW, OURS, PEERS, POOLED, SECURE, SLOW, STREAMS, SUBSTATIONS,
)
from .summary import BASE, Medians

TWO_THREADS = Point(threads=2)
CPU, RATE, P99, P999 = "proxy_cpu_us", "rate", "p99_ms", "p999_ms"
NAMES = {CPU: "CPU a request", RATE: "requests/s", P99: "p99", P999: "p99.9"}


@dataclass(frozen=True)
class Goal:
    """A promise: the figure of a way at a point, over the best of others, is at most or at least the limit."""

    text: str
    limit: float
    measure: str
    own: tuple  # (point, way)
    others: tuple  # of the same
    aim: float = None  # more than was promised

    @property
    def sign(self):
        """More requests are better; of everything else, less."""
        return "≥" if self.measure == RATE else "≤"


def _beside(where, point, measure, limit, peers=BASE, aim=None):
    """A goal beside the better peer at the same point."""
    whose = {BASE: "the better of HAProxy and nginx", BALANCERS: "the best peer's"}[peers]
    return Goal(f"{NAMES[measure]}, {where}, × {whose}", limit, measure, (point, OURS), tuple((point, peer) for peer in peers), aim)


def _labelled(scenario, limit, measure, text):
    return [_beside(f"{text} {label}".strip(), point, measure, limit) for label, point in scenario.points if point != USUAL]


ONE, EIGHT, _, MANY_CLIENTS = (point for _, point in CONNECTIONS.points)
_, HUNDRED, THOUSAND = (point for _, point in SUBSTATIONS.points)
(_, CONSTANT), = LATENCY.points
(_, EIGHT_BY_EIGHT), = CLEAR.points
(_, NEW), = HANDSHAKES.points
_, (_, SECURED) = BEHIND.points
TLS_LIMITS = (0.45, 0.60, 0.60, 0.60)

GOALS = (
    _beside("64 connections", USUAL, CPU, 0.50),
    _beside("1 connection", ONE, CPU, 0.80),
    _beside("8 connections", EIGHT, CPU, 0.80),
    _beside("512 connections", MANY_CLIENTS, CPU, 0.70),
    _beside("two threads on two cores", TWO_THREADS, RATE, 1.4),
    *_labelled(ONE_SLOW, 0.90, RATE, "one of three substations slow:"),
    _beside("100 substations", HUNDRED, CPU, 0.90),
    _beside("100 substations", HUNDRED, RATE, 1.1),
    _beside("1,000 substations", THOUSAND, CPU, 0.90),
    _beside("1,000 substations", THOUSAND, P99, 1.0),
    Goal("CPU a request with 1,000 substations, × with 3", 1.10, CPU, (THOUSAND, OURS), ((USUAL, OURS),)),
    _beside("a constant rate", CONSTANT, P99, 0.90, BALANCERS),
    _beside("a constant rate", CONSTANT, P999, 0.90, BALANCERS),
    _beside("HTTP/2 in clear, 8 × 8", EIGHT_BY_EIGHT, CPU, 0.60),
    Goal("CPU a request, HTTP/2 in clear, 8 × 8, × ours with HTTP/1.1 and 64 connections", 0.6, CPU,
         (EIGHT_BY_EIGHT, OURS), ((USUAL, OURS),)),
    *(_beside(f"TLS, {label}", point, CPU, limit) for (label, point), limit in zip(SECURE.points, TLS_LIMITS)),
    Goal("CPU a request, TLS to substations, × without", 1.25, CPU, (SECURED, OURS), ((USUAL, OURS),)),
    Goal("CPU a TLS handshake with its request, × the best peer's", 1.0, CPU, (NEW, OURS),
         tuple((NEW, peer) for peer in PEERS)),
    *(Goal(f"CPU an answer of events, {label}, × HAProxy's", 1.0, CPU, (point, OURS), ((point, "haproxy"),))
      for label, point in STREAMS.points),
    *(Goal(f"{NAMES[measure]}, {place}, × that of {POOLED}", 1.05, measure, (point, OURS), ((point, POOLED),))
      for place, point in (("1 connection", ONE), *((f"substations after {label}", point) for label, point in SLOW.points[1:]))
      for measure in (CPU, P99)),
)
IDLE_KIB_LIMIT = 1.5
OWN_LIMITS = {SCRAPE: 18, DECISION: 0.7}
STREAM_LIMITS = {streams.FIRST_BYTE_MS: 0.2, streams.SOCKET_KIB: 24}


def judged(rows, cells, idle, own, beside):
    """All goals, each with its limit, its value and whether it is met; the latter two are None if it was not measured.

    `rounds` is the range of a ratio over the single rounds, `idle` the KiB of an idle client by protocol and
    way, `own` the values of each figure of lib/own.py, `beside` those of lib/streams.py by way.
    """
    found = Medians(rows, cells)
    values = own | {name: ways[OURS] for name, ways in beside.items() if OURS in ways}
    return [_measured(goal, found) for goal in GOALS] + [
        _judged("KiB an idle client", "≤", IDLE_KIB_LIMIT, idle.get(HTTP1, {}).get(OURS)),
        *(_judged(name, "≤", limit, median(values[name]), [min(values[name]), max(values[name])]) if values.get(name)
          else _judged(name, "≤", limit, None) for name, limit in (OWN_LIMITS | STREAM_LIMITS).items())]


def _measured(goal, found):
    value, rounds, base = found.compared(goal.own, goal.others, goal.measure, best=max if goal.measure == RATE else min)
    return _judged(goal.text, goal.sign, goal.limit, value, rounds, base, goal.aim)


def _judged(text, sign, limit, value, rounds=None, base=None, aim=None):
    met = None if value is None else value <= limit if sign == "≤" else value >= limit
    return {"goal": text, "sign": sign, "limit": limit, "aim": aim, "value": value, "rounds": rounds, "met": met, "base": base}
