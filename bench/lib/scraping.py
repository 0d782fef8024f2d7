"""What it costs to read the gauges: a proxy without charge requests, and its substations in one process."""

import time
from contextlib import contextmanager
from dataclasses import dataclass

from . import accounting, clients, metrics
from .processes import BenchError, Process, free_ports


@dataclass
class Idle:
    """A running proxy that only scrapes, and the process with all of its substations."""

    proxy: Process
    substations: Process
    admin: int  # the proxy's admin port
    first: int  # the port of the first substation
    interval: float  # seconds between two rounds of scrapes


@dataclass
class Scraped:
    """What was counted over a time. CPU times are in seconds."""

    scrapes: float  # those that brought a sample
    proxy_cpu: float
    substations_cpu: float
    seconds: float


@contextmanager
def idle(binaries, folder, count, interval):
    """Starts `count` substations and a proxy that scrapes each of them every `interval` seconds."""
    first = free_ports(count + 2)
    charge, admin = first + count, first + count + 1
    listed = "\n".join(f"  - {{name: s{at}, address: 127.0.0.1:{first + at}}}" for at in range(count))
    config = folder / f"{count}.yaml"
    config.write_text(f"listen: 127.0.0.1:{charge}\nadmin: {{listen: 127.0.0.1:{admin}}}\nthreads: 1\n"
                      f"load: {{interval: {interval * 1000:.0f}ms, stale_after: 30s}}\nsubstations:\n{listed}\n")
    fleet = [binaries / "substation", "--name", "s", "--listen", f"127.0.0.1:{first}",
             "--capacity-kw", "500", "--count", str(count)]
    proxy = [binaries / "switchyard", "run", "--config", config]
    with Process("substations", fleet, folder / f"{count}-substations.log") as substations:
        substations.wait_until(lambda: clients.answers(first, clients.request("/live", body=None)))
        with Process("switchyard", proxy, folder / f"{count}-switchyard.log") as switchyard:
            switchyard.wait_until(lambda: clients.answers(admin, clients.request("/ready", body=None)))
            yield Idle(switchyard, substations, admin, first, interval)


def measure(running, seconds):
    """Counts scrapes and CPU time for so many seconds."""
    # The first rounds make the connections; only what comes after them counts.
    time.sleep(3 * running.interval)
    before = (_scrapes(running), *_cpu(running))
    time.sleep(seconds)
    # CPU time first: with a thousand substations the page costs as much as a thousand scrapes.
    cpu, substations_cpu, now = _cpu(running)
    scrapes, passed = _scrapes(running) - before[0], now - before[3]
    if not scrapes:
        raise BenchError(f"no scrape brought a sample in {seconds} s")
    return Scraped(scrapes, cpu.since(before[1]), substations_cpu.since(before[2]), passed)


def _scrapes(running):
    return metrics.total(clients.page(running.admin, "/metrics"), "switchyard_load_polls_total", outcome="ok")


def _cpu(running):
    return (accounting.CpuTime(running.proxy.pid), accounting.CpuTime(running.substations.pid), time.monotonic())
