"""A small, complete result of the bench."""

from lib import goals, remarks, scenarios, streams, summary
from lib.own import DECISION, SCRAPE
from lib.points import CLEAR2, HTTP1
from lib.scenarios import ALL, PEERS, PLAIN, WAYS
from tests.cells import cell

def run(chosen=ALL, **changes):
    """All ways at all points of the scenarios, with two rounds; `changes` replaces keys of the result."""
    cells = [cell(way, number, point, proxy_cpu_us=0.0 if way == "direct" else 10.0 + number)
             for number in (1, 2) for point in scenarios.points(chosen) for way in scenarios.ways(chosen, point)]
    rows = summary.medians(cells, WAYS)
    idle = {HTTP1: {way: 6.0 for way in ("switchyard", *PEERS, PLAIN)}, CLEAR2: {"switchyard": 40.0, "nginx": 9.0}}
    idle = idle if scenarios.IDLE in chosen else {}
    own = {SCRAPE: [27.0, 28.0, 29.0], DECISION: [0.9, 1.0]} if scenarios.OWN in chosen else {}
    beside = {figure: {"switchyard": [1.0, 2.0], "envoy": [4.0]} for scenario, figure in streams.MEASURED.items() if scenario in chosen}
    steady = any(point.steady for point in scenarios.points(chosen))
    return {
        "schema": 2, "description": "Side by side!", "date": "2026-11-23", "finished": "2026-11-23T10:00:00+00:00", "commit": "abc+", "versions": {"haproxy": "2.6"},
        "machine": {"cpu": "C", "cores": 2, "memory_gib": 8, "kernel": "6"},
        "settings": {"scenarios": [scenario.name for scenario in chosen], "rounds": 2, "seconds": 2, "body_bytes": 66,
                     "idle_clients": 5000, "steady_rate": 6500.0 if steady else None},
        "notes": {"haproxy": "least connections"}, "medians": rows, "idle_kib": idle.get(HTTP1, {}),
        "idle_kib_by": {CLEAR2: idle[CLEAR2]} if idle else {}, "own": own, "beside": beside,
        "goals": goals.judged(rows, cells, idle, own, beside), "remarks": remarks.remarks(rows, ["r"]),
        **changes,
    }
