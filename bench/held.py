#!/usr/bin/env python3
"""How even load is that lasts as long as its answer, beside HAProxy's leastconn.

Starts substations that hold each request, and sends charges at random moments (Poisson) to one proxy after the other:
the same charges at the same moments. After a warm-up of two of the longest charges it reads the gauges. It prints, for
each proxy, the load of the fullest substation over the mean, averaged over time, and how many charges were refused.
`make bench-held` builds and runs it. Needs haproxy.
Exit code: 0, or 1 if a proxy of ours is more than 2 % less even than HAProxy or refuses a charge.
"""

import asyncio
import random
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from lib import clients, command, metrics, peers
from lib.processes import BenchError, Process, free_ports
from lib.tables import table

HEAD = ["substations", "poll", "proxy", "fullest ÷ mean", "refused of", "sent"]
# A charge of 1 kW draws its energy in this many seconds for each kWh.
TIME_SCALE = 3600
SHORTEST, LONGEST = 0.05, 3.0
LEAST_WORSE = 1.02


def arguments():
    """The command line."""
    parser = command.parser(__doc__)
    parser.add_argument("--seconds", type=float, default=20, help="measure each proxy for so many seconds (20)")
    parser.add_argument("--rate", type=float, default=80, help="charges a second (80)")
    parser.add_argument("--substations", type=int, nargs="+", default=[3, 8], metavar="N")
    parser.add_argument("--polls", type=int, nargs="+", default=[100, 500, 1000], metavar="MS")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def plan(options):
    """The charges: when each is sent, and for how many seconds its substation holds it."""
    rng = random.Random(options.seed)
    charges, now = [], 0.0
    warm_up = 2 * LONGEST
    while now < warm_up + options.seconds:
        now += rng.expovariate(options.rate)
        charges.append((now, rng.uniform(SHORTEST, LONGEST)))
    return warm_up, charges


async def charge(port, at, seconds, told):
    """Sends one charge at its moment, and keeps the status of its answer."""
    await asyncio.sleep(max(0, at - asyncio.get_running_loop().time()))
    body = f'{{"power_kw": 1, "energy_kwh": {seconds:.4f}}}'
    request = (f"POST /request_charge HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n"
               f"content-length: {len(body)}\r\n\r\n{body}")
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request.encode())
    line = await reader.readline()
    told.append((at, int(line.split()[1]) if line else 0))
    writer.close()


async def watch(ports, begin, end, looks):
    """Reads all gauges again and again between the two moments."""
    loop = asyncio.get_running_loop()
    await asyncio.sleep(max(0, begin - loop.time()))
    while loop.time() < end:
        pages = await asyncio.gather(*[asyncio.to_thread(clients.page, port, "/metrics") for port in ports])
        looks.append([metrics.total(page, "substation_current_load") for page in pages])
        await asyncio.sleep(0.03)


async def drive(port, substations, options):
    """Runs the plan against a proxy; returns how uneven the load was, and the statuses that clients were told."""
    warm_up, charges = plan(options)
    begin = asyncio.get_running_loop().time()
    told, looks = [], []
    sent = [charge(port, begin + at, seconds, told) for at, seconds in charges]
    await asyncio.gather(watch(substations, begin + warm_up, begin + warm_up + options.seconds, looks), *sent)
    ratios = [max(look) * len(look) / sum(look) for look in looks if sum(look)]
    if not ratios:
        raise BenchError("the gauges never showed any load")
    # Until the first answers have come, no proxy can know how long load lasts.
    return sum(ratios) / len(ratios), [status for at, status in told if at >= begin + warm_up]


def configuration(name, port, admin, substations, poll):
    """The file of a proxy."""
    if name == "haproxy":
        values = {"THREADS": 1, "MAX_CLIENTS": 4000, "PORT": port}
        return peers.fill((peers.TEMPLATES / "haproxy.cfg").read_text(), values, substations)
    listed = "\n".join(f"  - {{name: s{at}, address: 127.0.0.1:{one}}}" for at, one in enumerate(substations, 1))
    return (f"listen: 127.0.0.1:{port}\nadmin: {{listen: 127.0.0.1:{admin}}}\nthreads: 1\n"
            f"charge: {{default_load: 1, lasts: {name}}}\nload: {{interval: {poll}ms, stale_after: 5s}}\n"
            f"substations:\n{listed}\n")


def measure(name, count, poll, options, folder):
    """Starts the substations and one proxy, and drives it."""
    first = free_ports(count + 2)
    substations, port, admin = list(range(first, first + count)), first + count, first + count + 1
    file = folder / f"{name}.cfg"
    file.write_text(configuration(name, port, admin, substations, poll) + "\n")
    # So much room that the mean load is three quarters of it.
    capacity = options.rate * (SHORTEST + LONGEST) / 2 / count / 0.75
    fleet = [options.binaries / "substation", "--name", "s", "--listen", f"127.0.0.1:{first}", "--hold",
             "--capacity-kw", f"{capacity:.0f}", "--count", str(count), "--time-scale", str(TIME_SCALE)]
    proxy = (["haproxy", "-db", "-f", file] if name == "haproxy"
             else [options.binaries / "switchyard", "run", "--config", file])
    with ExitStack() as running:
        fleet = running.enter_context(Process("substations", fleet, folder / "substations.log"))
        fleet.wait_until(lambda: clients.answers(first, clients.request("/live", body=None)))
        server = running.enter_context(Process(name, proxy, folder / f"{name}.log"))
        if name == "haproxy":
            server.wait_until(lambda: clients.answers(port, clients.request("/live", body=None)))
        else:
            server.wait_until(lambda: clients.answers(admin, clients.request("/ready", body=None)))
        return asyncio.run(drive(port, substations, options))


def main():
    """Measures every setting, ours beside HAProxy."""
    options = arguments()
    status = 0
    print("\n".join(table(HEAD, [], texts=3)), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for count in options.substations:
            for poll in options.polls:
                best = None
                for name in ("haproxy", "answer", "auto"):
                    uneven, told = measure(name, count, poll, options, Path(folder))
                    refused = sum(code != 200 for code in told)
                    best = best or uneven
                    if name != "haproxy" and (uneven > LEAST_WORSE * best or refused):
                        status = 1
                    shown = name if name == "haproxy" else f"switchyard, {name}"
                    print(f"| {count} | {poll} ms | {shown} | {uneven:.3f} | {refused} | {len(told)} |", flush=True)
    return status


if __name__ == "__main__":
    command.run("bench-held", main)
