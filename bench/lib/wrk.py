"""A closed loop over HTTP/1.1: runs wrk and reads its result."""

import json
import os
import secrets
from pathlib import Path

from .load import Load
from .processes import BenchError, run_to_its_end

SCRIPT = Path(__file__).resolve().parent.parent / "post.lua"
ERROR_KINDS = ("connect", "read", "write", "status", "timeout")
LIMIT_SECONDS = 30


def parse(output):
    """Reads the `result` line that post.lua writes."""
    lines = [line for line in output.splitlines() if line.startswith("result ")]
    if len(lines) != 1:
        raise BenchError(f"wrk wrote {len(lines)} result lines, not one")
    raw = json.loads(lines[0].removeprefix("result "))
    if raw["micros"] <= 0:
        raise BenchError("wrk measured no time")
    return Load(
        requests=raw["requests"],
        seconds=raw["micros"] / 1e6,
        p50_ms=raw["p50"] / 1e3,
        p99_ms=raw["p99"] / 1e3,
        p999_ms=raw["p999"] / 1e3,
        max_ms=raw["max"] / 1e3,
        # Statuses from 400 on. No server here redirects: the probe before each run would find that.
        errors={kind: raw[kind] for kind in ERROR_KINDS if raw[kind]},
    )


def arguments(body=None, keyed=False, close=False):
    """The arguments of post.lua: a file with the body, a key for each request, a connection for each request."""
    # Keys of one run must not be those of another, or they would be repetitions.
    given = [f"body={body}"] * bool(body) + [f"keys={secrets.token_hex(8)}-"] * keyed + ["close"] * close
    return ["--", *given] if given else []


def run(url, connections, seconds, under=(), more=()):
    """One thread. `under` is a command that runs wrk and watches something meanwhile, `more` are `arguments()`."""
    argv = [*under, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", os.fspath(SCRIPT), url, *more]
    output, cpu = run_to_its_end("wrk", argv, seconds + LIMIT_SECONDS)
    load = parse(output)
    load.cpu_seconds = cpu
    return load
