#!/usr/bin/env python3
"""What it costs a proxy to take the gauges of all substations from Prometheus, beside scraping them.

Starts a server that answers `/api/v1/query` as Prometheus does, with a new sample of each substation in each answer, and
a proxy that asks it and gets no charge requests. It counts the proxy's CPU time with rounds of queries and with next to
none, so that what the proxy does anyway is left out. `make bench-queries` builds and runs it, and
docs/operations/prometheus.md has its figures.
Exit code: 0, or 1 if a series costs more than a microsecond of CPU time.
"""

import socket
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from lib import accounting, clients, command
from lib.processes import START_SECONDS, BenchError, Process, free_ports
from lib.tables import table

HEAD = ["substations", "CPU µs a series", "CPU ms a round", "answer KiB", "memory MiB"]
LABELS = '"__name__":"substation_current_load","instance":"{}","job":"substations","zone":"north"'
MOST = 1.0  # µs of CPU time a series
QUIET = 600.0  # seconds between two rounds: next to none


class Monitoring(ThreadingHTTPServer):
    """Answers each query with two samples of each of `count` substations, which are new each time."""

    daemon_threads = True

    def __init__(self, count):
        super().__init__(("127.0.0.1", 0), Answer)
        # One socket is all substations: each has an address of its own on loopback.
        self.substations = socket.create_server(("0.0.0.0", 0), backlog=1_000)
        port = self.substations.getsockname()[1]
        self.addresses = [f"127.1.{at // 250}.{at % 250 + 1}:{port}" for at in range(count)]
        self.labels = [LABELS.format(address) for address in self.addresses]
        self.size, self.asked = 0, 0

    def accept(self):
        """Accepts the connects of the proxy, until the socket is closed."""
        with suppress(OSError):
            while True:
                self.substations.accept()[0].close()

    def body(self):
        """The answer now."""
        now = time.time() - 0.05
        self.asked += 1
        series = ",".join(f'{{"metric":{{{labels}}},"values":[[{now - 1:.3f},"{at % 89}"],[{now:.3f},"{at % 97}.5"]]}}'
                          for at, labels in enumerate(self.labels, self.asked))
        text = f'{{"status":"success","data":{{"resultType":"matrix","result":[{series}]}}}}'.encode()
        self.size = len(text)
        return text


class Answer(BaseHTTPRequestHandler):
    """One question."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):  # noqa: N802
        body = self.server.body()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Nothing."""


def arguments():
    """The command line."""
    parser = command.parser(__doc__)
    parser.add_argument("--seconds", type=float, default=20, help="count for so many seconds, at each size (20)")
    parser.add_argument("--interval", type=float, default=0.5, help="seconds from one round to the next (0.5)")
    parser.add_argument("--substations", type=command.positive, nargs="+", default=[1_000, 10_000], metavar="COUNT")
    return parser.parse_args()


@contextmanager
def proxy(options, folder, monitoring, interval):
    """A proxy that asks every `interval` seconds, after its first rounds."""
    charge = free_ports(2)
    count = len(monitoring.labels)
    listed = "\n".join(f"  - {{name: s{at}, address: {address}}}" for at, address in enumerate(monitoring.addresses))
    config = folder / f"{count}-{interval}.yaml"
    config.write_text(
        f"listen: 127.0.0.1:{charge}\nadmin: {{listen: 127.0.0.1:{charge + 1}}}\nthreads: 1\nhealth: {{probe: 1h}}\n"
        f"upstream: {{max_requests: off}}\n"
        f"load:\n  prometheus: {{url: \"http://127.0.0.1:{monitoring.server_port}\", query: substation_current_load, "
        f"interval: {interval * 1000:.0f}ms, timeout: 5s}}\nsubstations:\n{listed}\n")
    with Process("switchyard", [options.binaries / "switchyard", "run", "--config", config],
                 folder / f"{count}-{interval}.log") as running:
        asked = monitoring.asked
        running.wait_until(lambda: clients.answers(charge + 1, clients.request("/live", body=None)), START_SECONDS)
        running.wait_until(lambda: monitoring.asked > asked, START_SECONDS)
        # At most 200 connects a second.
        time.sleep(2 + count / 200)
        yield running


def cpu(running, monitoring, seconds):
    """The CPU time of so many seconds, and the rounds in them."""
    asked, before = monitoring.asked, accounting.CpuTime(running.pid)
    time.sleep(seconds)
    return accounting.CpuTime(running.pid).since(before), monitoring.asked - asked


def measure(options, folder, count):
    """The row of one number of substations, and the cost of one series."""
    monitoring = Monitoring(count)
    for serve in (monitoring.serve_forever, monitoring.accept):
        threading.Thread(target=serve, daemon=True).start()
    try:
        with proxy(options, folder, monitoring, options.interval) as running:
            spent, rounds = cpu(running, monitoring, options.seconds)
            memory = accounting.resident_kib(running.pid)
        with proxy(options, folder, monitoring, QUIET) as running:
            quiet, _ = cpu(running, monitoring, options.seconds)
    finally:
        monitoring.shutdown()
        monitoring.server_close()
        monitoring.substations.close()
    if not rounds:
        raise BenchError(f"no round in {options.seconds} s")
    a_round = (spent - quiet) / rounds
    a_series = a_round / count * 1e6
    row = [f"{count:,}", f"{a_series:.2f}", f"{a_round * 1e3:.2f}", f"{monitoring.size / 1024:,.0f}", f"{memory / 1024:.0f}"]
    return row, a_series


def main():
    """Measures, and prints the table."""
    options = arguments()
    with tempfile.TemporaryDirectory() as folder:
        found = [measure(options, Path(folder), count) for count in options.substations]
    print("\n".join(table(HEAD, [row for row, _ in found], texts=0)))
    return int(any(cost > MOST for _, cost in found))


if __name__ == "__main__":
    command.run("bench-queries", main)
