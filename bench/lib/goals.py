"""What the project has promised of itself, against what was measured."""

from .scenarios import CONNECTIONS, LATENCY, SLOW, SUBSTATIONS, USUAL, Point
from .summary import Medians, ratio

CPU_LIMIT, CPU_AIM = 0.70, 0.60
RATE_LIMIT = 1.4
POOLED_LIMIT = 1.05
MANY_LIMIT = 1.10
IDLE_KIB_LIMIT = 8
PEERS = ("haproxy", "nginx", "envoy")
OURS, POOLED = "switchyard", "switchyard-pooled"

TWO_THREADS = Point(threads=2)


def judged(rows, idle):
    """All goals: what, the limit, the value, and whether it is met; both None where it was not measured."""
    found = Medians(rows)
    return [
        _most("CPU a request at 64 connections, × the cheaper of HAProxy and nginx", CPU_LIMIT,
              found.at(USUAL, OURS, "proxy_cpu_us_ratio"), aim=CPU_AIM),
        _least("requests/s with two threads on two cores, × the better of HAProxy and nginx", RATE_LIMIT,
               found.at(TWO_THREADS, OURS, "rate_ratio")),
        *_not_above_pooled(found),
        *_not_above_peers(found),
        _most("KiB an idle client", IDLE_KIB_LIMIT, idle.get(OURS)),
        _most("CPU a request with 1,000 substations, × with 3", MANY_LIMIT,
              ratio(found.at(SUBSTATIONS.points[-1][1], OURS, "proxy_cpu_us"), found.at(USUAL, OURS, "proxy_cpu_us"))),
    ]


def _not_above_pooled(found):
    places = [("1 connection", CONNECTIONS.points[0][1])]
    places += [(f"substations after {label}", point) for label, point in SLOW.points if point != USUAL]
    for place, point in places:
        for what, measure in (("CPU a request", "proxy_cpu_us"), ("p99", "p99_ms")):
            value = ratio(found.at(point, OURS, measure), found.at(point, POOLED, measure))
            yield _most(f"{what}, {place}, × that of {POOLED}", POOLED_LIMIT, value)


def _not_above_peers(found):
    (_, point), = LATENCY.points
    for what, measure in (("p99", "p99_ms"), ("p99.9", "p999_ms")):
        best = min(filter(None, (found.at(point, peer, measure) for peer in PEERS)), default=None)
        yield _most(f"{what} at a constant rate, × the best peer's", 1.0, ratio(found.at(point, OURS, measure), best))


def _most(goal, limit, value, aim=None):
    judgement = _goal(goal, "≤", limit, value, value is not None and value <= limit)
    return {**judgement, "aim": aim} if aim else judgement


def _least(goal, limit, value):
    return _goal(goal, "≥", limit, value, value is not None and value >= limit)


def _goal(goal, sign, limit, value, met):
    return {"goal": goal, "sign": sign, "limit": limit, "value": value, "met": met if value is not None else None}
