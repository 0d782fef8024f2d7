"""A closed loop over TLS or HTTP/2, and new connections at a constant rate: runs h2load and reads its result."""

import re
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from .load import Load
from .points import CLEAR2, HTTP1, HTTP2, TLS
from .processes import BenchError, run_to_its_end

LIMIT_SECONDS = 30
# New connections come in small bursts, this many times a second.
BURSTS = 40
# What makes h2load speak each protocol. With TLS the server chooses what comes first in its own list.
FLAGS = {HTTP1: ["--h1"], TLS: ["--h1"], HTTP2: ["--npn-list=h2"], CLEAR2: ["--no-tls-proto=h2c"]}
SPOKEN = {HTTP1: "http/1.1", TLS: "http/1.1", HTTP2: "h2", CLEAR2: "h2c"}
UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}


def parse(output, log, protocol):
    """Reads the summary and the log: a line for each answer, with the time of its end, its status and its microseconds."""
    spoken = re.search(r"^Application protocol: (\S+)", output, re.M)
    if not spoken or spoken[1] != SPOKEN[protocol]:
        raise BenchError(f"h2load spoke {spoken[1] if spoken else 'nothing'}, not {SPOKEN[protocol]}")
    counts = re.search(r"^requests: .* (\d+) done, \d+ succeeded, \d+ failed, (\d+) errored, (\d+) timeout", output, re.M)
    statuses = re.search(r"^status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", output, re.M)
    took = re.search(r"^finished in ([\d.]+)(us|ms|s|m)\b", output, re.M)
    if not counts or not statuses or not took:
        raise BenchError(f"h2load wrote no summary: {output[-300:]}")
    done, errored, timeout = map(int, counts.groups())
    seconds = float(took[1]) * UNITS[took[2]]
    errors = {"errored": errored, "timeout": timeout}
    errors.update({f"status {kind}xx": int(count) for kind, count in zip((3, 4, 5), statuses.groups()[1:])})
    micros = sorted(int(line.split()[2]) for line in log.splitlines() if line)
    if not micros or not seconds:
        raise BenchError(f"h2load got no answer at all: {output[-300:]}")

    def quantile(part):
        return micros[min(int(part * len(micros)), len(micros) - 1)] / 1e3

    return Load(requests=done, seconds=seconds, p50_ms=quantile(.5), p99_ms=quantile(.99), p999_ms=quantile(.999),
                max_ms=micros[-1] / 1e3, errors={kind: count for kind, count in errors.items() if count})


def run(url, body, protocol, connections, streams, seconds):
    """A closed loop: one thread, `streams` requests under way on each connection. `body` is a file."""
    return _run(url, body, protocol, ["-D", str(seconds), "-c", str(connections), "-m", str(streams)], seconds)


def opened(url, body, protocol, rate, seconds):
    """`rate` new connections a second, each with one request."""
    count = rate * seconds
    paced = ["-r", str(max(rate // BURSTS, 1)), f"--rate-period={1000 // BURSTS}ms"]
    return _run(url, body, protocol, ["-n", str(count), "-c", str(count), *paced], seconds)


def answers(url, body, protocol):
    """Whether the server answers one request with 200."""
    try:
        return not _run(url, body, protocol, ["-n", "1", "-c", "1"], 1).errors
    except BenchError as error:
        raise OSError(str(error)) from error


def named(url):
    """The same with the name of the certificate instead of the address: some servers choose the certificate by it."""
    return urlsplit(url)._replace(netloc=f"localhost:{urlsplit(url).port}").geturl()


def _run(url, body, protocol, more, seconds):
    with tempfile.TemporaryDirectory(prefix="switchyard-h2load-") as folder:
        log = Path(folder) / "log"
        argv = ["h2load", "-t1", *FLAGS[protocol], *more, "-d", str(body), "-H", "content-type: application/json",
                f"--log-file={log}", f"--connect-to={urlsplit(url).netloc}", named(url)]
        output, cpu = run_to_its_end("h2load", argv, seconds + LIMIT_SECONDS)
        load = parse(output, log.read_text() if log.exists() else "", protocol)
    load.cpu_seconds = cpu
    return load
