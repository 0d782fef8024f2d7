"""The README's block about the bench, made from a result."""

from datetime import date

from . import behind, report
from .goals import TWO_THREADS
from .points import USUAL
from .scenarios import CONNECTIONS, LATENCY, TOLERANT
from .summary import Medians
from .tables import table

# The block stands between <!-- bench --> and <!-- /bench -->.
MARK = "bench"
FOLDER = "bench/results"
# So many rows of the second table stand in the README; the report has all.
MOST_BEHIND = 10


def block(run, name):
    """The text between the marks."""
    settings, found = run["settings"], Medians(run["medians"])
    steady = LATENCY.points[0][1]
    rate = settings["steady_rate"]
    at_rate = f"at {rate:,.0f}/s" if rate else "at a constant rate"
    head = ["", "proxy CPU µs/request", "× cheaper of HAProxy and nginx", "requests/s, 1 thread", "2 threads",
            f"p99 ms {at_rate}", "p99.9 ms", "KiB/idle client"]
    rows = [[row["way"], report.cpu(row), report.number(row["proxy_cpu_us_ratio"], 2), report.number(row["rate"], 0),
             *(report.number(found.at(point, row["way"], measure), digits)
               for point, measure, digits in ((TWO_THREADS, "rate", 0), (steady, "p99_ms", 2), (steady, "p999_ms", 2))),
             report.number(run["idle_kib"].get(row["way"]), 1)]
            for row in run["medians"] if row["point"] == USUAL.key and row["way"] != TOLERANT]
    return "\n".join([
        *table(head, rows),
        "",
        f"{_rounds(settings['rounds'])} of {_date(run['date'])}, on {run['machine']['cores']} cores that everything shares, "
        f"{USUAL.connections} connections, three substations.",
        f"[The whole report]({FOLDER}/{name}.md) has all scenarios, what each proxy does, and which goals are met.",
        "*plain* is a bare `ProxyHttp` that chooses as we do, *direct* is without a proxy.",
        "Latency counts from when a request was meant to leave.",
        "",
        f"![CPU time a request, and requests a second, over connections]({FOLDER}/{name}-{CONNECTIONS.name}.svg)",
        "",
        f"Where it is behind or level, the worst first{_more(run)}:",
        "",
        *report.where_behind(run, MOST_BEHIND),
    ])


def _more(run):
    count = len(behind.rows(run))
    return f", {MOST_BEHIND} of {count} rows" if count > MOST_BEHIND else ""


def _date(iso):
    day = date.fromisoformat(iso)
    return f"{day.day} {day:%B %Y}"


def _rounds(count):
    return "One round" if count == 1 else f"Medians of {count} interleaved rounds"
