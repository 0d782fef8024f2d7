"""One cell of the table: a load run through one proxy, or its memory for idle clients."""

import time
from dataclasses import dataclass

from . import accounting, clients, wrk
from .processes import BenchError

# Pools, caches and connections fill before anything counts.
WARM_UP_SECONDS = 1
# The growth from these on is what one more client costs; what comes before also holds start-up.
FIRST_CLIENTS = 200
SETTLE_SECONDS = 1.0


@dataclass
class Cell:
    """What one run of wrk gave. CPU is in microseconds a request."""

    way: str
    round: int
    requests: int
    rate: float
    p50_ms: float
    p99_ms: float
    errors: dict
    proxy_cpu_us: float  # 0 where wrk asked a substation directly
    substation_cpu_us: float
    peak_mib: float
    foreign_cpu: float  # share of the machine that went to programs outside this bench

    @property
    def valid(self):
        """A run with errors measures something else."""
        return self.requests > 0 and not self.errors


def load(way, round_number, url, proxy, substations, connections, seconds):
    """Measures one run of wrk; `proxy` and `substations` are processes, `proxy` is None for the direct way."""
    wrk.run(url, connections, WARM_UP_SECONDS)
    before = _snapshot(proxy, substations)
    result = wrk.run(url, connections, seconds)
    for process in filter(None, (substations, proxy)):
        process.check_running()
    proxy_cpu, substation_cpu, busy, total = (b - a for a, b in zip(before, _snapshot(proxy, substations)))
    foreign = busy - proxy_cpu - substation_cpu - result.cpu_seconds
    per_request = 1e6 / max(result.requests, 1)
    return Cell(
        way=way, round=round_number, requests=result.requests, rate=result.rate,
        p50_ms=result.p50_ms, p99_ms=result.p99_ms, errors=result.errors,
        proxy_cpu_us=proxy_cpu * per_request, substation_cpu_us=substation_cpu * per_request,
        peak_mib=accounting.peak_kib(proxy.pid) / 1024 if proxy else 0.0,
        foreign_cpu=max(foreign, 0.0) / total,
    )


def _snapshot(proxy, substations):
    machine = accounting.Machine.now()
    proxy_cpu = accounting.cpu_seconds(proxy.pid) if proxy else 0.0
    return proxy_cpu, accounting.cpu_seconds(substations.pid), machine.busy, machine.total


def idle_kib(proxy, port, count):
    """KiB of the proxy's memory for one more idle keep-alive client that has made one request."""
    wire = clients.request("/request_charge")
    try:
        with clients.idle(port, FIRST_CLIENTS, wire):
            time.sleep(SETTLE_SECONDS)
            before = accounting.resident_kib(proxy.pid)
            with clients.idle(port, count - FIRST_CLIENTS, wire):
                time.sleep(SETTLE_SECONDS)
                after = accounting.resident_kib(proxy.pid)
    except OSError as error:
        raise BenchError(f"{proxy.name}: idle clients: {error}") from error
    return (after - before) / (count - FIRST_CLIENTS)
