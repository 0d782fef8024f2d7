"""The tables of docs/performance.md."""

import datetime
import statistics
from dataclasses import dataclass

from . import parts, perf
from .tables import table


@dataclass
class Column:
    """One configuration of the proxy, as perf saw it."""

    shares: dict  # row → share of the samples
    micros: float  # CPU time of a request in the same run, in µs
    rate: float  # requests a second
    joined: float  # share of the requests that shared a connection to a substation with others
    samples: int


def time(columns):
    """CPU time of a request by row, in µs and in percent, for each configuration."""
    head = [""] + [f"{name}: {unit}" for name in columns for unit in ("µs", "%")]
    sums = [("**kernel**", [row for row in perf.ROWS if row.startswith("kernel")]),
            ("**user**", [row for row in perf.ROWS if not row.startswith("kernel")])]
    rows = [_row("**all**", columns, perf.ROWS)]
    for title, members in sums:
        rows.append(_row(title, columns, members))
        rows += [_row(member, columns, [member]) for member in members
                 if any(column.shares.get(member) for column in columns.values())]
    runs = "; ".join(f"{name} {column.rate:,.0f} requests/s, {100 * column.joined:.0f} % of them shared a connection, "
                     f"{column.samples:,} samples" for name, column in columns.items())
    return "\n".join([*table(head, rows), "", f"64 connections, one thread, three substations. {runs}."])


def _row(title, columns, members):
    cells = [title]
    for column in columns.values():
        share = sum(column.shares.get(member, 0.0) for member in members)
        cells += [f"{share * column.micros:.2f}", f"{100 * share:.1f}"]
    return cells


def instructions(runs):
    """Means of instructions a request, and how much the runs differ.

    `runs`: connections → one dict of parts for each run.
    """
    head = [""] + [f"{connections} connection{'s' if connections > 1 else ''}" for connections in runs]
    rows = [["**all**"] + [f"{statistics.mean([sum(run.values()) for run in found]):,.0f}" for found in runs.values()]]
    for part in parts.ALL:
        means = [statistics.mean([run.get(part, 0.0) for run in found]) for found in runs.values()]
        if any(mean >= 0.5 for mean in means):
            rows.append([part] + [f"{mean:,.0f}" for mean in means])
    differ = ", ".join(f"{100 * spread([sum(run.values()) for run in found]):.2f} %" for found in runs.values())
    count = len(next(iter(runs.values())))
    return "\n".join([*table(head, rows), "", f"Means of {count} runs, whose sums differ by {differ}."])


def spread(values):
    """How far the largest value is above the smallest, as a share of the smallest."""
    return max(values) / min(values) - 1


def memory(idle, pooled):
    """Memory of idle connections.

    `idle` has the name, the KiB of each and the number of clients for each kind; `pooled` has one entry for each run with
    connections to substations.
    """
    each = sorted(run.kib for run in pooled)
    made = min(run.connections for run in pooled)
    rows = [[name, f"{kib:.1f}", f"{count:,}"] for name, kib, count in idle]
    rows.append(["a connection to a substation", f"{statistics.median(each):.1f} ({each[0]:.1f}–{each[-1]:.1f})", f"{made:,}"])
    return "\n".join(table(["idle", "KiB of the process", "measured with"], rows))


def stamp(facts, commit):
    """When and where a table was measured."""
    today = datetime.date.today().isoformat()
    return f"{today}, commit {commit}; {facts['cpu']}, {facts['cores']} cores that everything shares, kernel {facts['kernel']}."
