"""Three load generators that offer the same rush hour, with their results in one form."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from . import wrk
from .processes import BenchError, run_to_its_end

BENCH = Path(__file__).resolve().parent.parent
HOURS = "16:00-22:00"
CONNECTIONS = 64


@dataclass
class Result:
    """What a load generator reports about its run."""

    requests: int
    succeeded: int
    p50_ms: float
    p99_ms: float
    cpu_seconds: float
    errors: dict = field(default_factory=dict)


def names():
    """All load generators, in the order of the report."""
    return ["requester", "wrk", "oha"]


def run(name, binaries, url, cars, seconds, seed):
    """Runs one load generator to its end."""
    limit = seconds + 60
    if name == "requester":
        argv = [str(binaries / "requester"), "rush-hour", "--target", url, "--sessions", str(cars), "--hours", HOURS,
                "--duration", f"{seconds}s", "--seed", str(seed), "--quiet", "--output", "-"]
        output, cpu = run_to_its_end(name, argv, limit)
        return from_requester(output, cpu)
    if name == "wrk":
        argv = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds + 1}s", "-s", str(BENCH / "rush-hour.lua"), url, "--",
                str(cars), str(seconds), str(seed)]
        output, cpu = run_to_its_end(name, argv, limit)
        return from_wrk(output, cpu)
    output, cpu = run_to_its_end(name, [str(BENCH / "rush-hour.sh"), url, str(cars), str(seconds)], limit)
    return from_oha(output, cpu)


def from_requester(output, cpu):
    """Reads its report; see requester/report.schema.json."""
    raw = json.loads(output)
    succeeded = sum(count for status, count in raw["answers"].items() if status.startswith("2"))
    latency = raw["latency_seconds"]
    errors = {kind: count for kind, count in raw["errors"]["by_kind"].items() if count}
    return Result(raw["offered"]["requests"], succeeded, latency["p50"] * 1e3, latency["p99"] * 1e3, cpu, errors)


def from_wrk(output, cpu):
    """Reads the line that post.lua writes."""
    load = wrk.parse(output)
    succeeded = load.requests - load.errors.get("status", 0)
    return Result(load.requests, succeeded, load.p50_ms, load.p99_ms, cpu, load.errors)


def from_oha(output, cpu):
    """Reads one object for each hour. Quantiles can't be added up, so each is weighted by the requests of its hour."""
    decoder, hours = json.JSONDecoder(), []
    text = output.strip()
    while text:
        hour, end = decoder.raw_decode(text)
        hours.append(hour)
        text = text[end:].lstrip()
    if not hours:
        raise BenchError("oha wrote no result")
    counts = [sum(hour["statusCodeDistribution"].values()) for hour in hours]
    succeeded = sum(count for hour in hours for status, count in hour["statusCodeDistribution"].items()
                    if status.startswith("2"))
    errors = {}
    for hour in hours:
        for kind, count in hour["errorDistribution"].items():
            errors[kind] = errors.get(kind, 0) + count
    requests = sum(counts) + sum(errors.values())

    def weighted(quantile):
        values = (hour["latencyPercentiles"][quantile] * count for hour, count in zip(hours, counts))
        return 1e3 * sum(values) / max(sum(counts), 1)

    return Result(requests, succeeded, weighted("p50"), weighted("p99"), cpu, errors)
