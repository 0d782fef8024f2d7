"""One slow, silent or new substation among good ones: what is measured, what was promised, and the table."""

from dataclasses import dataclass
from typing import Callable

from .tables import table

OURS = "switchyard"
WAYS = (OURS, "haproxy", "envoy")
# Rates of a closed loop on a shared machine differ by so much from run to run.
RATE_GOAL = 0.90
REST_GOAL = 0.95


@dataclass(frozen=True)
class Row:
    """One line of the table: what is measured, how a cell is written, and what ours has to reach beside the peers."""

    name: str
    what: str
    shown: Callable  # (figures) → text
    promised: str
    kept: Callable  # (our figures, those of the peers) → whether the promise is kept


def _failed(figures):
    return f"{figures['failed']:,} of {figures['sent']:,}"


def _failed_and_lost(figures):
    return f"{_failed(figures)}; {figures['lost_seconds']:.1f} s"


def _before_and_during(figures):
    return f"{figures['before']:.0f}/s → {figures['during']:.0f}/s; {figures['held']}"


def _keeps_the_rest(ours, peers):
    """Whether all clients go on but those whose requests the frozen one held at that moment."""
    rest = 1 - ours["held"] / ours["clients"]
    return ours["during"] >= REST_GOAL * rest * ours["before"]


def _refused(figures):
    return f"{figures['refused']:,} of {figures['sent']:,}; {figures['overflows']:,}"


def _loop(figures):
    return f"{figures['rate']:,.0f}/s; {figures['p50_ms']:.1f} and {figures['p99_ms']:.1f} ms"


def _at_most(name, most):
    return f"≤ {most}", lambda ours, peers: ours[name] <= most


def _as_the_better(name, factor):
    def kept(ours, peers):
        return not peers or ours[name] >= factor * max(peer[name] for peer in peers)

    return f"≥ {factor:.2f} × the better peer", kept


def _loop_row(name, what):
    return Row(name, f"closed loop of 64, {what}: requests/s; p50 and p99", _loop, *_as_the_better("rate", RATE_GOAL))


ALL = (
    Row("silent", "one of five never answers a charge, 500 requests/s for 14 s: failed", _failed, *_at_most("failed", 10)),
    Row("new-silent", "a fifth, empty one that never answers is added by a reload, 300 requests/s for 20 s: failed; "
        "time in which fewer than half were answered", _failed_and_lost, *_at_most("failed", 10)),
    Row("still-silent", "the same later, once it is known, 300 requests/s for 12 s: failed", _failed, *_at_most("failed", 10)),
    Row("frozen", "the largest of three inference servers (256, 256, 64) freezes with its gauge, 64 clients, answers after "
        "1 s: requests/s; requests that it held then", _before_and_during,
        f"≥ {REST_GOAL:.2f} × of the clients that it did not hold", _keeps_the_rest),
    Row("overflow", "2,000 clients overflow the queues of connections (16 each): failed; connections that were dropped",
        _refused, *_at_most("refused", 0)),
    _loop_row("slow-50", "one of three takes 50 ms"),
    _loop_row("slow-200", "one of three takes 200 ms"),
    _loop_row("slow-1000", "one of three takes 1 s"),
    _loop_row("recovers", "one of three takes 200 ms for 10 s of 16"),
)


def markdown(cells, ways):
    """The table: a row for each thing measured, a column for each proxy. Ours is bold where a promise is not kept."""
    rows = []
    for row in ALL:
        found = cells.get(row.name, {})
        if not found:
            continue
        texts = {way: row.shown(found[way]) for way in ways if way in found}
        if row.name in {one.name for one in broken(cells)}:
            texts[OURS] = f"**{texts[OURS]}**"
        rows.append([row.what, row.promised, *[texts.get(way, "–") for way in ways]])
    return table(["what", "promised", *ways], rows, texts=2)


def broken(cells):
    """The rows whose promise is not kept, of those that were measured with ours. `cells` is row → way → figures."""
    found = []
    for row in ALL:
        measured = cells.get(row.name, {})
        others = [figures for way, figures in measured.items() if way != OURS]
        if OURS in measured and not row.kept(measured[OURS], others):
            found.append(row)
    return found


def lost_seconds(moments):
    """How long fewer than half of the requests that were due were answered well, from the moments of a report."""
    def is_lost(moment):
        return moment["offered"] > 0 and 2 * (moment["answered"] - moment["refused"]) < moment["offered"]

    return sum(moment["seconds"] for moment in moments if is_lost(moment))
