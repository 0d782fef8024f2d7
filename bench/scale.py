#!/usr/bin/env python3
"""How far a fleet scales: what one proxy and one substation cost those that scrape them, and what many would cost.

Every proxy scrapes the gauges of all substations, and Prometheus scrapes the pages of all proxies and substations. This
measures one proxy with 10, 100 and 1,000 substations, and extrapolates to P proxies and S substations. It sends no
charge requests; `make bench` measures what those cost. `make bench-scale` builds and runs it, and docs/operations/scaling.md
has its tables.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from lib import accounting, clients, command, scraping
from lib.tables import table

SUBSTATIONS = (10, 100, 1000)
FLEETS = [(2, 10), (10, 100), (100, 100), (10, 1000), (100, 1000), (1000, 1000)]  # proxies, substations
PROXY_INTERVAL, PROMETHEUS_INTERVAL = 0.5, 5.0  # seconds, as shipped
READS = 50
# Several proxies that read one large grid. Connections end after four seconds without a request, so scrapes must not be
# rarer; where this machine would not bear them all, the proxies read only as many substations as it does.
GRID, PROXIES, GRID_INTERVAL, GRID_RATE = 10_000, (1, 4, 16), 2.5, 16_000
PROXY_HEAD = ["substations", "CPU µs a scrape, proxy", "substation", "CPU of a proxy that only scrapes", "memory MiB",
              "its page KiB", "its series", "CPU ms a page"]
FLEET_HEAD = ["proxies", "substations", "a proxy's core, scraping", "scrapes/s of each substation", "its core, answering",
              "Mbit/s in all", "series", "samples/s for Prometheus"]
GRID_HEAD = ["proxies", "substations read", "scrapes/s in all", "CPU µs a scrape, proxy", "substation", "memory MiB a proxy",
             "a proxy's core at 500 ms", "each substation's core at 500 ms", "Mbit/s in all at 500 ms"]


@dataclass
class Page:
    """A metrics page."""

    size: int  # bytes
    series: int
    cpu: float  # seconds of CPU time to answer with it


@dataclass
class Size:
    """What was measured with one number of substations. CPU times are in seconds."""

    proxy_cpu: float  # for one scrape
    substation_cpu: float  # for one scrape
    rate: float  # scrapes a second
    memory: int  # KiB of the proxy
    proxy: Page
    substation: Page


def arguments():
    """The command line."""
    parser = command.parser(__doc__)
    parser.add_argument("--seconds", type=float, default=10, help="count scrapes for so many seconds, at each size (10)")
    parser.add_argument("--grid", type=command.positive, default=GRID, metavar="COUNT",
                        help=f"the substations that several proxies read ({GRID:,})")
    parser.add_argument("--proxies", type=command.positive, nargs="+", default=PROXIES, metavar="COUNT",
                        help="how many proxies read them (1 4 16)")
    return parser.parse_args()


def page(port, pid):
    """Reads a metrics page many times."""
    text = clients.page(port, "/metrics")
    before = accounting.CpuTime(pid)
    for _ in range(READS):
        clients.page(port, "/metrics")
    spent = accounting.CpuTime(pid).since(before)
    return Page(len(text), sum(1 for line in text.splitlines() if not line.startswith("#")), spent / READS)


def measure(options, folder, count):
    """One proxy with `count` substations."""
    with scraping.idle(options.binaries, folder, count, PROXY_INTERVAL) as running:
        found = scraping.measure(running, options.seconds)
        return Size(
            proxy_cpu=found.proxy_cpu / found.scrapes, substation_cpu=found.substations_cpu / found.scrapes,
            rate=found.scrapes / found.seconds, proxy=page(running.admin, running.proxy.pid),
            memory=accounting.resident_kib(running.proxy.pid), substation=page(running.first, running.substations.pid))


def number(value):
    """Three significant figures."""
    if value >= 1000:
        digits = len(str(int(value))) - 3
        return f"{round(value, -digits):,.0f}"
    return f"{value:.3g}"


def proxies(found):
    """A row for each measured size."""
    for count, size in found.items():
        yield [f"{count:,}", number(1e6 * size.proxy_cpu), number(1e6 * size.substation_cpu),
               f"{100 * size.proxy_cpu * size.rate:.2g} %", number(size.memory / 1024),
               number(size.proxy.size / 1024), f"{size.proxy.series:,}", number(1000 * size.proxy.cpu)]


def fleets(found):
    """A row for each fleet, extrapolated from the sizes with 100 and with 1,000 substations."""
    small, large, gauge = found[100], found[1000], found[SUBSTATIONS[0]].substation
    each = (large.proxy.series - small.proxy.series) / 900  # series of a proxy for each substation
    own = small.proxy.series - 100 * each
    rounds = 1 / PROXY_INTERVAL
    for proxies, substations in FLEETS:
        series = proxies * (own + each * substations) + substations * gauge.series
        yield [
            f"{proxies:,}", f"{substations:,}",
            f"{100 * substations * rounds * large.proxy_cpu:.2g} %",
            number(proxies * rounds), f"{100 * proxies * rounds * large.substation_cpu:.2g} %",
            number(8 * proxies * substations * rounds * gauge.size / 1e6),
            number(series), number(series / PROMETHEUS_INTERVAL),
        ]


def grids(options, folder):
    """A row for each number of proxies that read one grid."""
    for count in options.proxies:
        read = min(options.grid, int(GRID_RATE * GRID_INTERVAL / count))
        with scraping.grid(options.binaries, folder, read, GRID_INTERVAL, count) as running:
            found = scraping.measure_grid(running, options.seconds)
            size = len(clients.page(running.first, "/metrics"))
            memory = sum(accounting.resident_kib(one.pid) for one in running.proxies) / count
            yield grid_row(count, options.grid, read, found, memory, size)


def grid_row(count, substations, read, found, memory, size):
    """What was counted of `count` proxies together, and what it means at the shipped interval."""
    proxy, substation, rounds = found.proxy_cpu / found.scrapes, found.substations_cpu / found.scrapes, 1 / PROXY_INTERVAL
    return [f"{count}", f"{read:,}", number(found.scrapes / found.seconds), number(1e6 * proxy), number(1e6 * substation),
            number(memory / 1024), f"{100 * substations * rounds * proxy:.3g} %", f"{100 * count * rounds * substation:.2g} %",
            number(8 * count * substations * rounds * size / 1e6)]


def main():
    """Measures and prints."""
    options = arguments()
    with tempfile.TemporaryDirectory() as folder:
        found = {count: measure(options, Path(folder), count) for count in SUBSTATIONS}
        together = list(grids(options, Path(folder)))
    gauge = found[SUBSTATIONS[0]].substation
    print("\n".join([
        *table(PROXY_HEAD, proxies(found), texts=0), "",
        f"A substation's page: {gauge.size:,} bytes, {gauge.series} series, {1e6 * gauge.cpu:.0f} µs.", "",
        *table(FLEET_HEAD, fleets(found), texts=0), "",
        f"{options.grid:,} substations:", "", *table(GRID_HEAD, together, texts=0), ""]))
    return 0


if __name__ == "__main__":
    command.run("bench-scale", main)
