"""Cells for tests."""

from lib.measure import Cell
from lib.points import USUAL


def cell(way, number=1, point=USUAL, **values):
    """A cell with usual figures, except for the given ones."""
    fields = {"requests": 1000, "rate": 1000.0, "p50_ms": 1.0, "p99_ms": 2.0, "p999_ms": 3.0, "errors": {}, "late": 0.0,
              "proxy_cpu_us": 10.0, "substation_cpu_us": 5.0, "peak_mib": 8.0, "foreign_cpu": 0.0}
    return Cell(point=point.key, way=way, round=number, **{**fields, **values})
