"""What it costs to read the gauges: a proxy without charge requests, and its substations in one process."""

import gzip
import http.client
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from . import accounting, clients, metrics
from .processes import START_SECONDS, BenchError, Process, free_ports

# Substations of one process: each takes a file, and one for each proxy.
OF_A_PROCESS = 1_000


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


@dataclass
class Grid:
    """Several proxies that only scrape, and the processes with all of their substations."""

    proxies: list
    substations: list
    admins: list  # their admin ports
    first: int
    interval: float


@contextmanager
def idle(binaries, folder, count, interval):
    """Starts `count` substations and a proxy that scrapes each of them every `interval` seconds."""
    with grid(binaries, folder, count, interval, 1) as running:
        yield Idle(running.proxies[0], running.substations[0], running.admins[0], running.first, interval)


@contextmanager
def grid(binaries, folder, count, interval, proxies):
    """The same with so many proxies."""
    first = free_ports(count + 2 * proxies)
    listed = "\n".join(f"  - {{name: s{at}, address: 127.0.0.1:{first + at}}}" for at in range(count))
    stale = max(30, 3 * interval)
    with ExitStack() as stack:
        running = Grid([], [], [], first, interval)
        # A process may hold 20,000 files at least nearly everywhere.
        for begin in range(first, first + count, OF_A_PROCESS):
            some = min(OF_A_PROCESS, first + count - begin)
            argv = [binaries / "substation", "--name", f"s{begin}", "--listen", f"127.0.0.1:{begin}", "--capacity-kw", "500",
                    "--count", str(some)]
            started = stack.enter_context(Process("substations", argv, folder / f"{begin}-substations.log"))
            started.wait_until(lambda begin=begin: clients.answers(begin, clients.request("/live", body=None)))
            running.substations.append(started)
        for number in range(proxies):
            charge, admin = first + count + 2 * number, first + count + 2 * number + 1
            config = folder / f"{count}-{number}.yaml"
            config.write_text(f"listen: 127.0.0.1:{charge}\nadmin: {{listen: 127.0.0.1:{admin}}}\nthreads: 1\n"
                              f"load: {{interval: {interval * 1000:.0f}ms, stale_after: {stale:.0f}s}}\n"
                              f"substations:\n{listed}\n")
            started = Process("switchyard", [binaries / "switchyard", "run", "--config", config],
                              folder / f"{count}-{number}-switchyard.log")
            running.proxies.append(stack.enter_context(started))
            running.admins.append(admin)
        for proxy, admin in zip(running.proxies, running.admins):
            proxy.wait_until(lambda admin=admin: clients.answers(admin, clients.request("/ready", body=None)),
                             START_SECONDS + 2 * interval)
        yield running


def measure(running, seconds):
    """Counts scrapes and CPU time for so many seconds."""
    return measure_grid(Grid([running.proxy], [running.substations], [running.admin], running.first, running.interval), seconds)


def measure_grid(running, seconds):
    """The same, of all proxies together."""
    # The first rounds make the connections; only what comes after them counts.
    time.sleep(3 * running.interval)
    scrapes = _scrapes(running)
    before = _cpu(running)
    time.sleep(seconds)
    # CPU time first: with a thousand substations the page costs as much as a thousand scrapes.
    cpu, substations_cpu, now = _cpu(running)
    scrapes, passed = _scrapes(running) - scrapes, now - before[2]
    if not scrapes:
        raise BenchError(f"no scrape brought a sample in {seconds} s")
    return Scraped(scrapes, _since(cpu, before[0]), _since(substations_cpu, before[1]), passed)


def _scrapes(running):
    return sum(metrics.total(_page(admin), "switchyard_load_polls_total", outcome="ok") for admin in running.admins)


def _page(admin):
    """The page, compressed: that of ten thousand substations has some 60 MB."""
    connection = http.client.HTTPConnection("127.0.0.1", admin, timeout=60)
    connection.request("GET", "/metrics", headers={"accept-encoding": "gzip"})
    page = gzip.decompress(connection.getresponse().read()).decode()
    connection.close()
    return page


def _cpu(running):
    proxies, substations = ([accounting.CpuTime(one.pid) for one in some] for some in (running.proxies, running.substations))
    return proxies, substations, time.monotonic()


def _since(after, before):
    return sum(now.since(then) for now, then in zip(after, before))
