"""One measurement: a run of load through one proxy, or a proxy's memory for idle clients."""

import time
from dataclasses import dataclass

from . import accounting
from .processes import BenchError

# Growth is counted from so many clients on; the memory before that includes what the start takes.
FIRST_CLIENTS = 200
SETTLE_SECONDS = 1.0


@dataclass
class Cell:
    """The result of one run of load: one cell of the report's tables. CPU time is in microseconds a request."""

    point: str  # the key of the point
    way: str
    round: int
    requests: int
    rate: float
    p50_ms: float
    p99_ms: float
    p999_ms: float
    errors: dict
    late: float  # share of the requests that the load generator sent more than 1 ms late
    proxy_cpu_us: float  # 0 without a proxy
    substation_cpu_us: float
    peak_mib: float
    foreign_cpu: float  # share of the machine that programs outside this bench, or other machines on its host, used
    noisy: bool = False  # the machine's speed changed meanwhile (lib/control.py)

    @property
    def valid(self):
        """Whether the cell counts: a run with errors measures something else."""
        return self.requests > 0 and not self.errors


def load(point, way, round_number, generate, warm_up, proxy, substations):
    """Measures `generate()` after `warm_up()`.

    `proxy` is a process, or None without a proxy; `substations` are processes.
    """
    warm_up()
    servers = [*substations, *([proxy] if proxy else [])]
    before = [accounting.CpuTime(process.pid) for process in servers]
    machine_before = accounting.Machine.now()
    result = generate()
    machine = accounting.Machine.now()
    for process in servers:
        process.check_running()
    spent = [accounting.CpuTime(process.pid).since(then) for process, then in zip(servers, before)]
    foreign = machine.busy - machine_before.busy - sum(spent) - result.cpu_seconds
    per_request = 1e6 / max(result.requests, 1)
    return Cell(
        point=point, way=way, round=round_number, requests=result.requests, rate=result.rate,
        p50_ms=result.p50_ms, p99_ms=result.p99_ms, p999_ms=result.p999_ms, errors=result.errors, late=result.late,
        proxy_cpu_us=spent[-1] * per_request if proxy else 0.0,
        substation_cpu_us=sum(spent[:len(substations)]) * per_request,
        peak_mib=accounting.peak_kib(proxy.pid) / 1024 if proxy else 0.0,
        foreign_cpu=max(foreign, 0.0) / max(machine.total - machine_before.total, 1e-9),
    )


def idle_kib(proxy, clients, count):
    """KiB of the proxy's memory for each idle client that has made one request.

    `clients(number)` is a `with` block in which so many clients more are connected.
    """
    try:
        with clients(FIRST_CLIENTS):
            time.sleep(SETTLE_SECONDS)
            before = accounting.resident_kib(proxy.pid)
            with clients(count - FIRST_CLIENTS):
                time.sleep(SETTLE_SECONDS)
                after = accounting.resident_kib(proxy.pid)
    except OSError as error:
        raise BenchError(f"{proxy.name}: idle clients: {error}") from error
    return (after - before) / (count - FIRST_CLIENTS)
