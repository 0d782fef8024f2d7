#!/usr/bin/env python3
"""How far it scales: what each proxy and each substation costs those who look at them, and what many would cost.

Proxies read the gauges of all substations, and Prometheus reads the pages of all of both. This measures one of each, for
10, 100 and 1,000 substations, and works out what P proxies and S substations would need. No charges are sent: what requests
cost is `make bench`'s matter. `make bench-scale` builds and runs it; the tables of docs/operations.md are its output.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import scrape
from lib.processes import BenchError, Process, free_ports

SUBSTATIONS = (10, 100, 1000)
FLEETS = [(2, 10), (10, 100), (100, 100), (10, 1000), (100, 1000), (1000, 1000)]  # proxies, substations
PROXY_INTERVAL, PROMETHEUS_INTERVAL = 0.5, 5.0  # seconds, as shipped
READS = 50


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10, help="seconds of scraping measured for each size (10)")
    parser.add_argument("--binaries", type=Path, default=scrape.ROOT / "target/release", help="where the programs are")
    return parser.parse_args()


def resident(pid):
    """Memory held, in bytes."""
    (line,) = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) * 1024


def page(port, pid):
    """A metrics page: its bytes, its series, and the seconds of CPU time that one reading of it costs."""
    text = scrape.get(port, "/metrics")
    before = scrape.run_seconds(pid)
    for _ in range(READS):
        scrape.get(port, "/metrics")
    spent = scrape.run_seconds(pid) - before
    return len(text), sum(1 for line in text.splitlines() if not line.startswith("#")), spent / READS


def measure(options, folder, count):
    """What a proxy with `count` substations and one of these are like."""
    first = free_ports(count + 2)
    charge, admin = first + count, first + count + 1
    listed = "\n".join(f"  - {{name: s{at}, address: 127.0.0.1:{first + at}}}" for at in range(count))
    config = folder / f"{count}.yaml"
    config.write_text(f"listen: 127.0.0.1:{charge}\nadmin: {{listen: 127.0.0.1:{admin}}}\nthreads: 1\n"
                      f"load: {{stale_after: 30s}}\nsubstations:\n{listed}\n")
    fleet = [options.binaries / "substation", "--name", "s", "--listen", f"127.0.0.1:{first}",
             "--capacity-kw", "500", "--count", str(count)]
    proxy = [options.binaries / "switchyard", "run", "--config", config]
    with Process("substations", fleet, folder / "substations.log") as substations:
        substations.wait_until(lambda: scrape.get(first, "/live"))
        with Process("switchyard", proxy, folder / "switchyard.log") as switchyard:
            switchyard.wait_until(lambda: scrape.get(admin, "/ready"))
            time.sleep(3 * PROXY_INTERVAL)
            before = [scrape.scrapes(admin), *map(scrape.run_seconds, (switchyard.pid, substations.pid)), time.monotonic()]
            time.sleep(options.seconds)
            after = [scrape.scrapes(admin), *map(scrape.run_seconds, (switchyard.pid, substations.pid)), time.monotonic()]
            made, asking, answering, passed = (b - a for a, b in zip(before, after))
            if not made:
                raise BenchError(f"{count} substations: no scrape in {options.seconds} s")
            proxys, memory = page(admin, switchyard.pid), resident(switchyard.pid)
            gauge = page(first, substations.pid) if count == SUBSTATIONS[0] else None
    return {"asking": asking / made, "answering": answering / made, "rate": made / passed, "memory": memory,
            "page": proxys, "gauge": gauge}


def table(head, rows):
    """A table in Markdown."""
    print("| " + " | ".join(head) + " |")
    print("| " + " | ".join("---:" for _ in head) + " |")
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()


def number(value):
    """Three figures that mean something, as people write them."""
    if value >= 1000:
        digits = len(str(int(value))) - 3
        return f"{round(value, -digits):,.0f}"
    return f"{value:.3g}"


def fleets(found):
    """What fleets would need. What lies between the measured sizes is taken from the nearest."""
    asking, answering = found[1000]["asking"], found[1000]["answering"]
    gauge_bytes, gauge_series, _ = found[SUBSTATIONS[0]]["gauge"]
    (small, *_), (large, *_) = found[100]["page"][1:], found[1000]["page"][1:]
    each = (large - small) / 900  # series of a proxy for each substation
    own = small - 100 * each
    for proxies, substations in FLEETS:
        rounds = 1 / PROXY_INTERVAL
        series = proxies * (own + each * substations) + substations * gauge_series
        yield [
            f"{proxies:,}", f"{substations:,}",
            f"{100 * substations * rounds * asking:.2g} %",
            number(proxies * rounds), f"{100 * proxies * rounds * answering:.2g} %",
            number(8 * proxies * substations * rounds * gauge_bytes / 1e6),
            number(series), number(series / PROMETHEUS_INTERVAL),
        ]


def main():
    """Measures and prints."""
    options = arguments()
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for count in SUBSTATIONS:
            found[count] = measure(options, Path(folder), count)
    table(["substations", "CPU µs a scrape, proxy", "substation", "CPU of a proxy that only looks", "memory MiB",
           "its page KiB", "its series", "CPU ms a page"],
          [[f"{count:,}", number(1e6 * one["asking"]), number(1e6 * one["answering"]),
            f"{100 * one['asking'] * one['rate']:.2g} %", number(one["memory"] / 2**20),
            number(one["page"][0] / 1024), f"{one['page'][1]:,}", number(1000 * one["page"][2])]
           for count, one in found.items()])
    size, series, spent = found[SUBSTATIONS[0]]["gauge"]
    print(f"A substation's page: {size:,} bytes, {series} series, {1e6 * spent:.0f} µs.\n")
    table(["proxies", "substations", "a proxy's core, looking", "looks/s at each substation", "its core, answering",
           "Mbit/s in all", "series", "samples/s for Prometheus"], fleets(found))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BenchError as error:
        print(f"scale: {error}", file=sys.stderr)
        sys.exit(1)
