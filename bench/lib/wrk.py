"""Run wrk and read its result."""

import json
import os
import resource
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .processes import BenchError, die_with_parent

SCRIPT = Path(__file__).resolve().parent.parent / "post.lua"
ERROR_KINDS = ("connect", "read", "write", "status", "timeout")


@dataclass
class Load:
    """One run of wrk."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    errors: dict
    cpu_seconds: float = 0.0

    @property
    def rate(self):
        """Requests a second."""
        return self.requests / self.seconds


def parse(output):
    """The `result` line that post.lua writes."""
    lines = [line for line in output.splitlines() if line.startswith("result ")]
    if len(lines) != 1:
        raise BenchError(f"wrk gave {len(lines)} result lines, not one")
    raw = json.loads(lines[0].removeprefix("result "))
    if raw["micros"] <= 0:
        raise BenchError("wrk measured no time")
    return Load(
        requests=raw["requests"],
        seconds=raw["micros"] / 1e6,
        p50_ms=raw["p50"] / 1e3,
        p99_ms=raw["p99"] / 1e3,
        max_ms=raw["max"] / 1e3,
        # A status of 400 and more; no server here redirects, the probe before each run would see it.
        errors={kind: raw[kind] for kind in ERROR_KINDS if raw[kind]},
    )


def run(url, connections, seconds):
    """One thread, keep-alive, as fast as the answers come (a closed loop)."""
    argv = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", os.fspath(SCRIPT), url]
    before = _children_cpu()
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=seconds + 30, check=False,
                              preexec_fn=die_with_parent)
    except subprocess.TimeoutExpired as error:
        raise BenchError(f"wrk did not end within {seconds + 30} s") from error
    if done.returncode != 0:
        raise BenchError(f"wrk ended with code {done.returncode}: {done.stderr.strip() or done.stdout.strip()}")
    load = parse(done.stdout)
    load.cpu_seconds = _children_cpu() - before
    return load


def _children_cpu():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
