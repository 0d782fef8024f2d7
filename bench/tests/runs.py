"""A small, complete result of the bench."""

from lib import goals, remarks, scenarios, summary
from lib.scenarios import ALL, Point
from tests.cells import cell

WAYS = ["switchyard", "switchyard-pooled", "haproxy", "nginx", "envoy", "plain", "direct"]


def run(chosen=ALL, **changes):
    """All ways at all points of the scenarios, with two rounds; `changes` replaces keys of the result."""
    direct = scenarios.direct_points(chosen)
    cells = [cell(way, number, point, proxy_cpu_us=0.0 if way == "direct" else 10.0 + number)
             for number in (1, 2) for point in scenarios.points(chosen) for way in WAYS if way != "direct" or point in direct]
    rows = summary.medians(cells, WAYS)
    idle = {way: 6.0 for way in WAYS[:-1]} if scenarios.IDLE in chosen else {}
    steady = any(point == Point(steady=True) for point in scenarios.points(chosen))
    return {
        "schema": 2, "description": "Side by side!", "date": "2026-11-23", "finished": "2026-11-23T10:00:00+00:00", "commit": "abc+", "versions": {"haproxy": "2.6"},
        "machine": {"cpu": "C", "cores": 2, "memory_gib": 8, "kernel": "6"},
        "settings": {"scenarios": [scenario.name for scenario in chosen], "rounds": 2, "seconds": 2, "body_bytes": 66,
                     "idle_clients": 5000, "steady_rate": 6500.0 if steady else None},
        "medians": rows, "idle_kib": idle, "goals": goals.judged(rows, cells, idle), "remarks": remarks.remarks(rows, ["r"]),
        **changes,
    }
