"""At a constant rate, whatever becomes of the answers: run requester and read its report.

Its latencies begin when a request was meant to leave, so a proxy that stalls shows it in every request that met the stall.
"""

import json

from .load import Load
from .processes import BenchError, run_to_its_end

# What it may take beyond its time: the answers that are outstanding at the end.
LIMIT_SECONDS = 30


def parse(output):
    """Its report; see requester/report.schema.json."""
    raw = json.loads(output)
    offered, latency = raw["offered"]["requests"], raw["latency_seconds"]
    if not offered or latency is None:
        raise BenchError("requester had no answer at all")
    errors = {kind: count for kind, count in raw["errors"]["by_kind"].items() if count}
    errors.update({f"status {status}": count for status, count in raw["answers"].items() if not status.startswith("2")})
    return Load(
        requests=offered,
        seconds=raw["duration_seconds"],
        p50_ms=1e3 * latency["p50"],
        p99_ms=1e3 * latency["p99"],
        p999_ms=1e3 * latency["p999"],
        max_ms=1e3 * latency["max"],
        errors=errors,
        late=raw["late_starts"] / offered,
    )


def run(binaries, url, clients, rate, seconds):
    """Evenly spaced requests by `clients` in turn; more connect where all of them wait."""
    argv = [str(binaries / "requester"), "steady", "--target", url, "--rate", f"{rate:g}", "--duration", f"{seconds}s",
            "--arrivals", "even", "--clients", str(clients), "--quiet", "--output", "-"]
    output, cpu = run_to_its_end("requester", argv, seconds + LIMIT_SECONDS)
    load = parse(output)
    load.cpu_seconds = cpu
    return load
