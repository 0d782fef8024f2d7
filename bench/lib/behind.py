"""Where ours is behind or level: for each point and measure, ours beside the best of all peers that do the same work there.

A reader of a comparison looks for what it hides. So these rows are found, not chosen.
"""

from statistics import median

from . import scenarios, streams
from .points import HTTP1, LOOP
from .scenarios import OURS, PEERS

# Nearer than this to the best peer is level: rounds differ by more.
LEVEL = 0.05
# What is compared: measure → (its name, its unit, whether more is better).
MEASURES = {"proxy_cpu_us": ("CPU a request", "µs", False), "rate": ("requests/s", "", True), "p99_ms": ("p99", "ms", False),
            "p999_ms": ("p99.9", "ms", False)}


def rows(run):
    """Rows of (where, what, ours, the best peer's name, its figure, ratio), the worst first. A ratio above 1 is worse."""
    at = {(row["point"], row["way"]): row for row in run["medians"]}
    found = []
    for where, point in _places(run["settings"]["scenarios"]):
        for measure, (what, unit, more) in MEASURES.items():
            # At a constant rate all answer the same number of requests, and where the servers set the pace also as late.
            if measure == "rate" and point.load != LOOP or measure != "proxy_cpu_us" and point.paced:
                continue
            own = (at.get((point.key, OURS)) or {}).get(measure)
            theirs = {peer: at[point.key, peer][measure] for peer in scenarios.comparable(point)
                      if (at.get((point.key, peer)) or {}).get(measure)}
            found += _compared(where, what, unit, own, theirs, more)
    for protocol, kib in {HTTP1: run["idle_kib"], **run.get("idle_kib_by", {})}.items():
        theirs = {peer: kib[peer] for peer in PEERS if kib.get(peer)}
        found += _compared(f"idle clients, {protocol}", "memory a client", "KiB", kib.get(OURS), theirs, False)
    for what, unit in streams.FIGURES.items():
        values = {way: median(each) for way, each in run.get("beside", {}).get(what, {}).items()}
        theirs = {peer: values[peer] for peer in PEERS if peer in values}
        found += _compared("answers that stream", what, unit, values.get(OURS), theirs, False)
    return sorted(found, key=lambda row: -row[-1])


def _compared(where, what, unit, own, theirs, more):
    if not own or not theirs:
        return []
    best = (max if more else min)(theirs, key=theirs.get)
    worse = theirs[best] / own if more else own / theirs[best]
    return [(where, what, unit, own, best, theirs[best], worse)] if worse > 1 - LEVEL else []


def _places(names):
    """Each point once, with words for it: those of the first scenario that has it."""
    found = {}
    for scenario in scenarios.ALL:
        if scenario.name in names:
            for label, point in scenario.points:
                found.setdefault(point, f"{scenario.title}: {label}")
    return [(where, point) for point, where in found.items()]
