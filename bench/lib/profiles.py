"""The tables of docs/performance.md."""

import datetime
import statistics
from dataclasses import dataclass

from . import parts, perf


@dataclass
class Column:
    """One way through the proxy, as perf saw it."""

    shares: dict  # row → share of the samples
    micros: float  # of CPU a request, in the same run
    rate: float  # requests a second
    joined: float  # share of the requests that joined others on a connection
    samples: int


def table(head, rows):
    """In Markdown; all but the first column are numbers."""
    lines = ["| " + " | ".join(head) + " |", "| --- |" + " ---: |" * (len(head) - 1)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def time(columns):
    """CPU microseconds a request by row, a column a way."""
    head = [""] + [f"{name}: {unit}" for name in columns for unit in ("µs", "%")]
    sums = [("**kernel**", [row for row in perf.ROWS if row.startswith("kernel")]),
            ("**user**", [row for row in perf.ROWS if not row.startswith("kernel")])]
    rows = [_row("**all**", columns, perf.ROWS)]
    for title, members in sums:
        rows.append(_row(title, columns, members))
        rows += [_row(member, columns, [member]) for member in members
                 if any(column.shares.get(member) for column in columns.values())]
    runs = "; ".join(f"{name} {column.rate:,.0f} requests/s, {100 * column.joined:.0f} % of them joined others, "
                     f"{column.samples:,} samples" for name, column in columns.items())
    return table(head, rows) + f"\n\n64 connections, one thread, three substations. {runs}."


def _row(title, columns, members):
    cells = [title]
    for column in columns.values():
        share = sum(column.shares.get(member, 0.0) for member in members)
        cells += [f"{share * column.micros:.2f}", f"{100 * share:.1f}"]
    return cells


def instructions(runs):
    """`runs`: connections → for each run, part → instructions a request. Means, and how far runs are apart."""
    head = [""] + [f"{connections} connection{'s' if connections > 1 else ''}" for connections in runs]
    rows = [["**all**"] + [f"{statistics.mean([sum(run.values()) for run in found]):,.0f}" for found in runs.values()]]
    for part in parts.ALL:
        means = [statistics.mean([run.get(part, 0.0) for run in found]) for found in runs.values()]
        if any(mean >= 0.5 for mean in means):
            rows.append([part] + [f"{mean:,.0f}" for mean in means])
    apart = ", ".join(f"{100 * spread([sum(run.values()) for run in found]):.2f} %" for found in runs.values())
    count = len(next(iter(runs.values())))
    return table(head, rows) + f"\n\nMeans of {count} runs, whose sums are {apart} apart."


def spread(values):
    """How far the largest is above the smallest, as a share of it."""
    return max(values) / min(values) - 1


def memory(client_kib, clients, pooled):
    """What is kept for nothing but the next request. `pooled` are several runs' connections to substations."""
    each = sorted(run.kib for run in pooled)
    made = min(run.connections for run in pooled)
    rows = [["a client that has made a request", f"{client_kib:.1f}", f"{clients:,}"],
            ["a connection to a substation", f"{statistics.median(each):.1f} ({each[0]:.1f}–{each[-1]:.1f})", f"{made:,}"]]
    return table(["idle", "KiB of the process", "of so many"], rows)


def stamp(facts, commit):
    """When and where a table was made."""
    today = datetime.date.today().isoformat()
    return f"{today}, commit {commit}; {facts['cpu']}, {facts['cores']} cores that everything shares, kernel {facts['kernel']}."
