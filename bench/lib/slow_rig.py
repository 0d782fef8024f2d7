"""The cases of bench/slow.py: each starts substations and one proxy, sends load, and returns figures by row."""

import asyncio
import json
import os
import signal
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from . import clients, command, metrics, slow, wrk
from .processes import BenchError, Process, free_ports, run_to_its_end
from .slow_peers import Proxy

HANGS = "1h"
BODY = b'{"n": 1}'
INFERENCE = command.ROOT / "config/inference.yaml"
# Power and energy are one, so that a charge lasts an hour; at this pace a second.
HELD = ["--hold", "--default-power-kw", "1", "--default-energy-kwh", "1", "--time-scale", "3600"]
ROOMY = ["--capacity-kw", "1000000000", "--time-scale", "1000000"]
SPARE_SECONDS = 30
CLIENTS = 64


@dataclass
class Rig:
    """What all cases share."""

    binaries: Path
    directory: Path
    scale: float = 1.0  # of all durations
    starts: int = 0

    def folder(self, name):
        """A path that does not exist yet."""
        self.starts += 1
        return self.directory / f"{self.starts}-{name}"

    def substations(self, running, count, *more):
        """Starts substations in one process; returns it and their ports."""
        first = free_ports(count)
        argv = [str(self.binaries / "substation"), "--name", "s", "--listen", f"127.0.0.1:{first}", "--count", str(count),
                "--threads", "1", *more]
        process = running.enter_context(Process("substations", argv, self.folder("substations")))
        ports = list(range(first, first + count))
        for port in ports:
            process.wait_until(lambda port=port: clients.answers(port, clients.request("/live", body=None)))
        return process, ports

    def proxy(self, running, peer, ports, change=None):
        """Starts a proxy and waits until it is ready. `change` as of `Proxy`."""
        return running.enter_context(Proxy(peer, ports, self.folder(peer.name), change))

    def steady(self, proxy, rate, seconds):
        """An open loop; returns the report of requester."""
        seconds *= self.scale
        argv = [str(self.binaries / "requester"), "steady", "--target", url(proxy), "--rate", str(rate), "--duration",
                f"{seconds:g}s", "--clients", "64", "--arrivals", "even", "--quiet", "--output", "-"]
        return json.loads(run_to_its_end("requester", argv, seconds + SPARE_SECONDS)[0])


def url(proxy):
    """Where charges go."""
    return f"http://127.0.0.1:{proxy.port}{proxy.peer.path}"


def told(report):
    """How many requests were sent and how many of them got no 2xx."""
    sent = report["offered"]["requests"]
    good = sum(count for status, count in report["answers"].items() if status.startswith("2"))
    return {"sent": sent, "failed": sent - good}


def silent(rig, peer):
    """One of five never answers a charge."""
    with ExitStack() as running:
        _, ports = rig.substations(running, 5, *ROOMY, "--answer-after", f"0s,0s,0s,0s,{HANGS}")
        return {"silent": told(rig.steady(rig.proxy(running, peer, ports), 500, 14))}


def new_silent(rig, peer):
    """A substation that never answers is added while the others work, and then stays."""
    with ExitStack() as running:
        _, ports = rig.substations(running, 5, "--capacity-kw", "100000", "--answer-after", f"0s,0s,0s,0s,{HANGS}")
        proxy = rig.proxy(running, peer, ports[:4])
        # Load that stays, so that the newcomer is the emptiest by far.
        rig.steady(proxy, 300, 3)
        proxy.reload(ports)
        first = rig.steady(proxy, 300, 20)
        figures = {**told(first), "lost_seconds": slow.lost_seconds(first["timeline"]["moments"])}
        return {"new-silent": figures, "still-silent": told(rig.steady(proxy, 300, 12))}


def frozen(rig, peer):
    """One of three inference servers freezes, gauge and all."""
    seconds = 10 * rig.scale
    with ExitStack() as running:
        fleet = [rig.substations(running, 1, "--capacity-kw", capacity, *HELD) for capacity in ("256", "256", "64")]
        ports = [port for _, (port,) in fleet]
        proxy = rig.proxy(running, peer, ports, lambda text: patient(peer.name, text, ports))
        victim, held = fleet[0][0].pid, []

        def freeze():
            held.append(int(metrics.total(clients.page(ports[0], "/metrics"), "substation_current_load")))
            os.kill(victim, signal.SIGSTOP)

        running.callback(os.kill, victim, signal.SIGCONT)
        ends = asyncio.run(closed_loop(proxy.port, CLIENTS, 2 * seconds, (seconds, freeze)))
        # The answers that were under way when it froze still come; what counts is how it goes on.
        settled = 2.0 * rig.scale
        before = sum(settled <= at < seconds for at in ends) / (seconds - settled)
        during = sum(seconds + settled <= at for at in ends) / (seconds - settled)
        return {"frozen": {"before": before, "during": during, "held": held[0], "clients": CLIENTS}}


async def closed_loop(port, count, seconds, event):
    """Clients that ask again once they are answered; returns when each good answer came. `event` is (when, what)."""
    wire = clients.request("/request_charge", BODY)
    began, ends = time.monotonic(), []

    async def client():
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while True:
            writer.write(wire)
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
            await reader.readexactly(int(fields["content-length"]))
            if head.split()[1] == "200":
                ends.append(time.monotonic() - began)

    tasks = [asyncio.create_task(client()) for _ in range(count)]
    await asyncio.sleep(event[0])
    event[1]()
    await asyncio.sleep(seconds - event[0])
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return ends


def overflow(rig, peer):
    """So many clients at once that connections to substations are dropped."""
    with ExitStack() as running:
        _, ports = rig.substations(running, 5, *ROOMY, "--answer-after", "20ms", "--backlog", "16")
        proxy = rig.proxy(running, peer, ports)
        before = overflows()
        load = wrk.run(url(proxy), 2000, max(1, round(8 * rig.scale)))
        figures = {"sent": load.requests, "refused": sum(load.errors.values()), "overflows": overflows() - before}
        if peer.name == slow.OURS:
            figures["ejected"] = metrics.total(proxy.page("/metrics"), "switchyard_substation_state_transitions_total", to="ejected")
        return {"overflow": figures}


def overflows():
    """How often the kernel has dropped a connection since a queue was full."""
    names, values = [line.split() for line in Path("/proc/net/netstat").read_text().splitlines()
                     if line.startswith("TcpExt:")]
    return int(dict(zip(names, values))["ListenOverflows"])


def slow_one(name, after):
    """A closed loop over three, of which the third is slow; `after` is how."""
    def measure(rig, peer):
        with ExitStack() as running:
            _, ports = rig.substations(running, 3, *ROOMY, "--answer-after", f"0s,0s,{after}")
            proxy = rig.proxy(running, peer, ports)
            wrk.run(url(proxy), CLIENTS, 1)
            return {name: loop(wrk.run(url(proxy), CLIENTS, max(1, round(6 * rig.scale))))}

    return measure


def recovers(rig, peer):
    """A closed loop over three, of which the third is slow from the second second on for 10 s."""
    with ExitStack() as running:
        slowed = ["--answer-after", "0s,0s,200ms", "--slow-from", f"{3 * rig.scale:g}s", "--slow-for", f"{10 * rig.scale:g}s"]
        _, ports = rig.substations(running, 3, *ROOMY, *slowed)
        proxy = rig.proxy(running, peer, ports)
        return {"recovers": loop(wrk.run(url(proxy), CLIENTS, max(1, round(16 * rig.scale))))}


def loop(load):
    """The figures of a closed loop."""
    if load.errors:
        raise BenchError(f"a closed loop had errors: {load.errors}")
    return {"rate": load.rate, "p50_ms": load.p50_ms, "p99_ms": load.p99_ms}


def patient(way, text, ports):
    """The configuration of a proxy for inference servers: ours is config/inference.yaml, the others get its deadline."""
    if way != slow.OURS:
        changed = text.replace("timeout server 5s", "timeout server 2m").replace("timeout: 5s", "timeout: 120s")
        if changed == text:
            raise ValueError(f"{way}: its template has no deadline of 5 s")
        return changed
    own = [line for line in text.splitlines() if line.startswith(("listen:", "admin:", "threads:"))]
    return "\n".join(own) + "\n" + inference(INFERENCE.read_text(), ports)


def inference(text, ports):
    """config/inference.yaml for these substations: their addresses, their gauge and their path."""
    for at, port in enumerate(ports, 1):
        text = text.replace(f"127.0.0.1:800{at}", f"127.0.0.1:{port}")
    text = text.replace("/v1/completions", "/charge")
    lines = ["  metric: substation_current_load" if line.startswith("  metric:") else line for line in text.splitlines()]
    return "\n".join(lines) + "\n"


CASES = {
    "silent": silent,
    "new-silent": new_silent,
    "frozen": frozen,
    "overflow": overflow,
    "slow-50": slow_one("slow-50", "50ms"),
    "slow-200": slow_one("slow-200", "200ms"),
    "slow-1000": slow_one("slow-1000", "1s"),
    "recovers": recovers,
}
