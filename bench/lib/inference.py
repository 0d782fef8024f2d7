"""Inference servers behind one, four and sixteen proxies: the load that is sent, what is looked at, and the table.

The servers are mocks that have vLLM's habits (crates/inference-mock): so many requests run, the others wait, tokens come
slower the more run, and the lengths of answers have a long tail. All proxies get the same requests at the same moments,
each request through a proxy that is drawn at random.
"""

import asyncio
import json
import random
import re
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from statistics import mean

from . import clients, metrics, peers
from .processes import BenchError, Process, free_ports
from .tables import table

OURS = "switchyard"
# How each is named → the peer that it is, and what is changed in its file.
WAYS = {
    OURS: (OURS, None),
    "haproxy, leastconn": ("haproxy", None),
    "haproxy, round robin": ("haproxy", ("balance leastconn", "balance roundrobin")),
    "envoy, least request": ("envoy", None),
}
SERVERS, SLOTS = 8, 16
TOKEN_MS, SLOWDOWN, TOKENS_PER_EVENT = 5, 0.05, 10
# Pareto's: the mean of the lengths is three times the shortest, before the longest are cut.
SHORTEST, TAIL, LONGEST = 50, 1.5, 2000
# The part of what the servers can do at most.
USED = 0.8
LOOK_SECONDS = 0.05
RUNNING, WAITING = "vllm:num_requests_running", "vllm:num_requests_waiting"
MAX_CLIENTS = 4000
HEAD = ["proxies", "proxy", "fullest ÷ mean", "a request waits while another server has room", "first token, mean ms", "p99 ms",
        "failed of", "sent"]


@dataclass
class Figures:
    """What came of one way with one number of proxies."""

    uneven: float  # the load of the fullest server over the mean, averaged over time
    wasted: float  # the share of the looks in which a request waited while another server had room
    first_ms: float  # from a request to its first token, mean
    first_p99_ms: float
    failed: int
    sent: int


@dataclass(frozen=True)
class Request:
    """One request of the plan."""

    at: float  # seconds from the begin
    tokens: int
    by: float  # which of the proxies, as a share of them


def planned(seconds, seed):
    """The requests of so many seconds."""
    rng = random.Random(seed)
    lengths = [_length(rng) for _ in range(20_000)]
    most = SERVERS * SLOTS / (TOKEN_MS / 1e3 * (1 + SLOWDOWN * (SLOTS - 1)))
    rate = USED * most / mean(lengths)
    found, now = [], 0.0
    while now < seconds:
        now += rng.expovariate(rate)
        found.append(Request(now, _length(rng), rng.random()))
    return found


def _length(rng):
    return min(int(SHORTEST * rng.paretovariate(TAIL)), LONGEST)


async def ask(port, request, begin, told):
    """Sends one request at its moment; keeps when it was sent, its status, and how long its first token took."""
    loop = asyncio.get_running_loop()
    await asyncio.sleep(max(0, begin + request.at - loop.time()))
    body = json.dumps({"messages": [{"role": "user", "content": "Where is room?"}], "max_tokens": request.tokens,
                       "ignore_eos": True, "stream": True})
    sent, first, status = loop.time(), None, 0
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(f"POST {clients.CHAT} HTTP/1.1\r\nhost: bench\r\nconnection: close\r\ncontent-type: application/json\r\n"
                         f"content-length: {len(body)}\r\n\r\n{body}".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            last = b""
            while part := await reader.read(65536):
                first = first or loop.time() - sent
                last = (last + part)[-64:]
            # An answer that is cut has not been answered.
            status = int(head.split()[1]) if b"[DONE]" in last else 0
        finally:
            writer.close()
    except (OSError, asyncio.IncompleteReadError):
        pass
    told.append((request.at, status, first))


async def page(port):
    """The running and the waiting requests of a server."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /metrics HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n")
    text = (await reader.read()).decode()
    writer.close()
    return metrics.total(text, RUNNING), metrics.total(text, WAITING)


@asynccontextmanager
async def watched(ports, looks):
    """Reads all gauges again and again meanwhile."""
    loop = asyncio.get_running_loop()

    async def watch():
        while True:
            seen = await asyncio.gather(*map(page, ports))
            looks.append((loop.time(), seen))
            await asyncio.sleep(LOOK_SECONDS)

    task = asyncio.create_task(watch())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def drive(proxies, servers, requests, warm_up, seconds):
    """Runs the plan; returns the figures of the time after the warm-up."""
    begin = asyncio.get_running_loop().time()
    told, looks = [], []
    async with watched(servers, looks):
        sent = [ask(proxies[int(request.by * len(proxies))], request, begin, told) for request in requests]
        await asyncio.gather(*sent)
    until = warm_up + seconds
    counted = [seen for at, seen in looks if begin + warm_up <= at < begin + until]
    return figures(counted, [(status, first) for at, status, first in told if warm_up <= at < until])


def figures(looks, told):
    """The figures of looks at (running, waiting) of each server, and of answers as (status, seconds to the first token)."""
    loads = [[running + waiting for running, waiting in seen] for seen in looks]
    ratios = [max(load) * len(load) / sum(load) for load in loads if sum(load)]
    firsts = sorted(first for status, first in told if status == 200 and first is not None)
    if not ratios or not firsts:
        raise BenchError("no server ever had a request, or none was answered")
    return Figures(
        uneven=mean(ratios),
        wasted=mean(any(waiting for _, waiting in seen) and any(running < SLOTS for running, _ in seen) for seen in looks),
        first_ms=1e3 * mean(firsts), first_p99_ms=1e3 * firsts[int(0.99 * (len(firsts) - 1))],
        failed=sum(status != 200 for status, _ in told), sent=len(told))


def measure(options, way, count, folder):
    """Starts the servers and `count` proxies, and drives them."""
    name, change = WAYS[way]
    peer = next(peer for peer in peers.peers(options.binaries, options.envoy) if peer.name == name)
    first = free_ports(SERVERS)
    argv = [options.binaries / "inference-mock", "--listen", f"127.0.0.1:{first}", "--count", str(SERVERS), "--slots", str(SLOTS),
            "--token-time", f"{TOKEN_MS}ms", "--slowdown", str(SLOWDOWN), "--prefill", "0s",
            "--tokens-per-event", str(TOKENS_PER_EVENT)]
    servers = range(first, first + SERVERS)
    with ExitStack() as running:
        mocks = running.enter_context(Process("inference servers", argv, folder / "mocks.log"))
        for port in servers:
            mocks.wait_until(lambda port=port: clients.answers(port, clients.request("/health", body=None)))
        ports = [_start(running, peer, change, servers, folder / f"proxy-{number}") for number in range(count)]
        requests = planned(options.warm_up + options.seconds, options.seed)
        return asyncio.run(drive(ports, servers, requests, options.warm_up, options.seconds))


def _start(running, peer, change, servers, directory):
    config, port = peers.write(peer, directory, servers, 1, MAX_CLIENTS, streams=True)
    if change:
        text = open(config).read()
        if change[0] not in text:
            raise BenchError(f"{peer.name}: its template has no {change[0]}")
        with open(config, "w") as file:
            file.write(text.replace(*change))
    process = running.enter_context(Process(peer.name, peer.command(config, port, 1), directory / "log", peer.end))
    asks = clients.request("/v1/models", body=None)
    peers.wait_for_proxy(peer, process, port, answers=lambda: clients.answers(port, asks))
    return port


def markdown(cells):
    """The table: a row for each number of proxies and each way. Ours is bold where a peer is as even."""
    lost = {(count, OURS) for count in cells if not best(cells[count])}
    rows = []
    for count, ways in cells.items():
        for way, found in ways.items():
            uneven = f"{found.uneven:.3f}"
            rows.append([str(count), way, f"**{uneven}**" if (count, way) in lost else uneven, f"{found.wasted:.1%}",
                         f"{found.first_ms:.0f}", f"{found.first_p99_ms:.0f}", str(found.failed), f"{found.sent:,}"])
    return table(HEAD, rows, texts=2)


def best(ways):
    """Whether ours is more even than each other way; also true if ours or all others were not measured."""
    others = [found.uneven for way, found in ways.items() if way != OURS]
    return OURS not in ways or not others or ways[OURS].uneven < min(others)


def number(text):
    """A whole number of proxies, for argparse."""
    if not re.fullmatch("[1-9][0-9]?", text):
        raise ValueError(f"{text} is no number from 1 to 99")
    return int(text)
