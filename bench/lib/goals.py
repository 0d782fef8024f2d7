"""The project's goals, compared with what was measured."""

from .scenarios import CONNECTIONS, LATENCY, SLOW, SUBSTATIONS, USUAL, Point
from .summary import BASE, Medians

CPU_LIMIT, CPU_AIM = 0.70, 0.60
RATE_LIMIT = 1.4
POOLED_LIMIT = 1.05
MANY_LIMIT = 1.10
SLOW_RATE_LIMIT = 0.90
IDLE_KIB_LIMIT = 8
PEERS = ("haproxy", "nginx", "envoy")
OURS, POOLED = "switchyard", "switchyard-pooled"

TWO_THREADS = Point(threads=2)
MANY = SUBSTATIONS.points[-1][1]
ONE_SLOW = SLOW.points[-1][1]


def judged(rows, cells, idle):
    """All goals, each with its limit, its value and whether it is met; the latter two are None if it was not measured.

    `rounds` is the range of a ratio over the single rounds.
    """
    found = Medians(rows, cells)

    def base(point):
        return [(point, way) for way in BASE]

    return [
        _goal("CPU a request at 64 connections, × the cheaper of HAProxy and nginx", "≤", CPU_LIMIT,
              found.compared((USUAL, OURS), base(USUAL), "proxy_cpu_us"), aim=CPU_AIM),
        _goal("requests/s with two threads on two cores, × the better of HAProxy and nginx", "≥", RATE_LIMIT,
              found.compared((TWO_THREADS, OURS), base(TWO_THREADS), "rate", best=max)),
        _goal("requests/s with one slow substation of three, × the better of HAProxy and nginx", "≥", SLOW_RATE_LIMIT,
              found.compared((ONE_SLOW, OURS), base(ONE_SLOW), "rate", best=max)),
        *_not_above_pooled(found),
        *_not_above_peers(found),
        _goal("KiB an idle client", "≤", IDLE_KIB_LIMIT, (idle.get(OURS), None)),
        _goal("CPU a request with 1,000 substations, × with 3", "≤", MANY_LIMIT,
              found.compared((MANY, OURS), [(USUAL, OURS)], "proxy_cpu_us")),
    ]


def _not_above_pooled(found):
    places = [("1 connection", CONNECTIONS.points[0][1])]
    places += [(f"substations after {label}", point) for label, point in SLOW.points if point != USUAL]
    for place, point in places:
        for what, measure in (("CPU a request", "proxy_cpu_us"), ("p99", "p99_ms")):
            yield _goal(f"{what}, {place}, × that of {POOLED}", "≤", POOLED_LIMIT,
                        found.compared((point, OURS), [(point, POOLED)], measure))


def _not_above_peers(found):
    (_, point), = LATENCY.points
    for what, measure in (("p99", "p99_ms"), ("p99.9", "p999_ms")):
        yield _goal(f"{what} at a constant rate, × the best peer's", "≤", 1.0,
                    found.compared((point, OURS), [(point, peer) for peer in PEERS], measure))


def _goal(goal, sign, limit, measured, aim=None):
    value, rounds = measured
    met = None if value is None else value <= limit if sign == "≤" else value >= limit
    return {"goal": goal, "sign": sign, "limit": limit, "aim": aim, "value": value, "rounds": rounds, "met": met}
