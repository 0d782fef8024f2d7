"""An open loop at a constant rate: runs requester and reads its report.

A latency begins when the request was due, so a stall of the proxy shows in every request that met it.
"""

import json

from .load import Load
from .processes import BenchError, run_to_its_end

# How much longer it may take, for the answers that are outstanding at the end.
LIMIT_SECONDS = 30


def parse(output):
    """Reads the report; see requester/report.schema.json."""
    raw = json.loads(output)
    offered, latency = raw["offered"]["requests"], raw["latency_seconds"]
    if not offered or latency is None:
        raise BenchError("requester got no answer at all")
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
    """Sends evenly spaced requests over `clients` connections in turn; opens more while all of them wait."""
    argv = [str(binaries / "requester"), "steady", "--target", url, "--rate", f"{rate:g}", "--duration", f"{seconds}s",
            "--arrivals", "even", "--clients", str(clients), "--quiet", "--output", "-"]
    output, cpu = run_to_its_end("requester", argv, seconds + LIMIT_SECONDS)
    load = parse(output)
    load.cpu_seconds = cpu
    return load
