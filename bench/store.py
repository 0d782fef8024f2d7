#!/usr/bin/env python3
"""What a fleet's keys cost: claims a second of a store, a proxy's requests with and without it, a million keys' memory.

Starts a `redis-server`, and sends it with `redis-benchmark` the scripts that proxies send it. A store runs scripts on one
thread, so its CPU time a claim says how many it can take, also on a machine that does other things. Then it sends a proxy
charges without keys, with keys, and with keys that are in the store. `make bench-store` builds and runs it, and
docs/operations/scaling.md has its tables.
"""

import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from lib import accounting, clients, command, metrics, wrk
from lib.processes import BenchError, Process, free_ports
from lib.tables import table

SCRIPTS = command.ROOT / "crates/fleet/src"
# As long as those of a proxy: a name of 128 bits, an asker, a holder, a fingerprint, and `retry.keys_for`.
RANDOM = "__rand_int__"  # redis-benchmark puts as many digits in its place
NAME = f"switchyard:key:{'0' * 20}{RANDOM}"
ASKER, HOLDER, FINGERPRINT, LIVES = "7c0ffee000000000.1f4a2", "substation17@10.0.3.17:5001", "9a4b2c6d8e0f1a3b", "600000"
MANY = 2_000_000_000  # the most that redis-benchmark takes: of a million names hardly any comes twice
HEAD = ["what", "requests on the way", "µs of the store's CPU", "claims/s of one store", "claims/s here"]
PROXY_HEAD = ["a request through one proxy", "p50 ms, 1 connection", "64 connections", "requests/s", "µs of the proxy's CPU",
              "of the store's"]
# Rounds of the four kinds, taken in turns; a table shows medians.
ROUNDS = 5
SUBSTATIONS = 3


class Store:
    """A running store, and the digests of its scripts."""

    def __init__(self, folder, process, fsync):
        self.socket, self.folder, self.process, self.fsync = folder / "store.sock", folder, process, fsync
        process.wait_until(lambda: self.ask("PING") == "PONG")
        self.claim, self.release = (self.ask("SCRIPT", "LOAD", (SCRIPTS / f"{name}.lua").read_text(encoding="utf-8"))
                                    for name in ("claim", "release"))

    def ask(self, *words):
        """The answer to a command."""
        done = subprocess.run(["redis-cli", "-s", self.socket, *words], capture_output=True, text=True, check=False, timeout=60)
        if done.returncode:
            raise OSError(done.stderr.strip())
        return done.stdout.strip()

    def info(self, name):
        """A number of INFO."""
        (line,) = [line for line in self.ask("INFO").splitlines() if line.startswith(f"{name}:")]
        return int(line.split(":")[1])

    def send(self, count, pipelined, *words):
        """Sends a command so many times; returns the CPU seconds of the store and the seconds that passed."""
        before, began = accounting.CpuTime(self.process.pid), time.monotonic()
        argv = ["redis-benchmark", "-s", self.socket, "-q", "-c", "2", "-P", str(pipelined), "-n", str(count), "-r", str(MANY)]
        done = subprocess.run([*argv, *words], capture_output=True, text=True, check=False, timeout=600)
        passed = time.monotonic() - began
        if done.returncode or "error" in done.stdout.lower():
            raise BenchError(f"redis-benchmark: {(done.stderr or done.stdout).strip()[-300:]}")
        return accounting.CpuTime(self.process.pid).since(before), passed


def started(folder, fsync):
    """A store that logs its writes, or none if `fsync` is none."""
    folder.mkdir()
    log = ["--appendonly", "yes", "--appendfsync", fsync] if fsync else []
    argv = ["redis-server", "--port", "0", "--unixsocket", folder / "store.sock", "--dir", folder, "--save", "", *log]
    return Process("redis-server", argv, folder / "store.log")


def row(what, pipelined, count, spent):
    """A row of the table."""
    cpu, passed = spent
    return [what, f"{2 * pipelined}", f"{1e6 * cpu / count:.1f}", f"{count / cpu:,.0f}", f"{count / passed:,.0f}"]


def speeds(folder, options):
    """What claims cost with each way to log them, few at once and many."""
    for fsync in ("everysec", "always", None):
        with started(folder / (fsync or "none"), fsync) as process:
            store = Store(folder / (fsync or "none"), process, fsync)
            for pipelined in (1, 16):
                claim = ("EVALSHA", store.claim, "1", NAME, ASKER, HOLDER, FINGERPRINT, LIVES)
                count = options.claims if fsync != "always" else options.claims // 10
                what = f"a new key, `appendfsync {fsync}`" if fsync else "a new key, no log of writes"
                yield row(what, pipelined, count, store.send(count, pipelined, *claim))
            if fsync == "everysec":
                again = ("EVALSHA", store.claim, "1", NAME.replace(RANDOM, "0" * 12), ASKER, HOLDER, FINGERPRINT, LIVES)
                yield row("a repetition", 16, options.claims, store.send(options.claims, 16, *again))
                release = ("EVALSHA", store.release, "1", NAME, ASKER)
                yield row("a release, after a refusal", 16, options.claims, store.send(options.claims, 16, *release))


def memory(folder, options):
    """What a key takes, of memory and of the log."""
    with started(folder / "memory", "everysec") as process:
        store = Store(folder / "memory", process, "everysec")
        empty = store.info("used_memory")
        store.send(options.keys, 16, "EVALSHA", store.claim, "1", NAME, ASKER, HOLDER, FINGERPRINT, LIVES)
        keys = int(store.ask("DBSIZE"))
        used, resident = store.info("used_memory") - empty, store.info("used_memory_rss")
        log = sum(path.stat().st_size for path in (folder / "memory").glob("appendonlydir/*"))
        store.ask("BGREWRITEAOF")
        while store.info("aof_rewrite_in_progress") or store.info("aof_rewrite_scheduled"):
            time.sleep(0.1)
        rewritten = sum(path.stat().st_size for path in (folder / "memory").glob("appendonlydir/*"))
        return (f"{keys:,} keys: {used / keys:.0f} bytes a key by the store's own count, {resident / 2**20:,.0f} MiB resident; "
                f"its log {log / keys:.0f} bytes a key, {rewritten / keys:.0f} once rewritten.")


@contextmanager
def proxied(options, folder, extra):
    """A proxy with this in its configuration, and its substations; yields its process and its two ports."""
    folder.mkdir()
    first = free_ports(SUBSTATIONS + 2)
    charge, admin = first + SUBSTATIONS, first + SUBSTATIONS + 1
    listed = "\n".join(f"  - {{name: s{at}, address: 127.0.0.1:{first + at}}}" for at in range(SUBSTATIONS))
    config = folder / "switchyard.yaml"
    config.write_text(f"listen: 127.0.0.1:{charge}\nadmin: {{listen: 127.0.0.1:{admin}}}\nthreads: 1\n"
                      f"substations:\n{listed}\nretry: {{keys: 2GiB}}\n{extra}\n")
    grid = [options.binaries / "substation", "--name", "s", "--listen", f"127.0.0.1:{first}",
            "--capacity-kw", "1e9", "--count", str(SUBSTATIONS)]
    with Process("substations", grid, folder / "substations.log") as substations:
        substations.wait_until(lambda: clients.answers(first, clients.request("/live", body=None)))
        argv = [options.binaries / "switchyard", "run", "--config", config]
        with Process("switchyard", argv, folder / "switchyard.log") as proxy:
            proxy.wait_until(lambda: clients.answers(admin, clients.request("/ready", body=None)))
            yield proxy, charge, admin


def through_a_proxy(folder, options):
    """A row for requests without a key, with one, and with one in the store."""
    with started(folder / "proxied", "everysec") as process:
        store = Store(folder / "proxied", process, "everysec")
        with (proxied(options, folder / "alone", "") as alone,
              proxied(options, folder / "member", f'fleet: {{store: "unix:{store.socket}", timeout: 1s}}') as member):
            kinds = {"without a key": (alone, False), "without a key, with a store": (member, False),
                     "with a key": (alone, True), "with a key in the store": (member, True)}
            found = {name: [] for name in kinds}
            for _ in range(ROUNDS):
                for name, ((proxy, charge, _), keyed) in kinds.items():
                    found[name].append(one_round(options, charge, keyed, proxy, store.process))
    for name, rounds in found.items():
        one, many, rate, cpu, of_store = (median(column) for column in zip(*rounds))
        yield [name, f"{one:.3f}", f"{many:.2f}", f"{rate:,.0f}", f"{1e6 * cpu:.1f}", f"{1e6 * of_store:.1f}"]


def one_round(options, charge, keyed, proxy, store):
    """The p50 of one connection and of 64, requests a second of 64, and the CPU seconds of proxy and store for each."""
    url = f"http://127.0.0.1:{charge}/request_charge"
    alone = wrk.run(url, 1, options.seconds, more=wrk.arguments(keyed=keyed))
    before = accounting.CpuTime(proxy.pid), accounting.CpuTime(store.pid)
    load = wrk.run(url, 64, options.seconds, more=wrk.arguments(keyed=keyed))
    cpu, of_store = (accounting.CpuTime(of.pid).since(then) for of, then in zip((proxy, store), before))
    if alone.errors or load.errors:
        raise BenchError(f"requests failed: {alone.errors or load.errors}")
    return alone.p50_ms, load.p50_ms, load.requests / load.seconds, cpu / load.requests, of_store / load.requests


def memory_of_a_proxy(folder, options):
    """What a key takes in a proxy."""
    with proxied(options, folder / "keys", "") as (proxy, charge, admin):
        url = f"http://127.0.0.1:{charge}/request_charge"
        wrk.run(url, 64, options.seconds, more=wrk.arguments())
        before = accounting.resident_kib(proxy.pid)
        kept = 0
        while kept < options.keys:
            wrk.run(url, 64, 5, more=wrk.arguments(keyed=True))
            kept = metrics.total(clients.page(admin, "/metrics"), "switchyard_idempotency_keys")
        return f"A proxy with {kept:,.0f} keys: {1024 * (accounting.resident_kib(proxy.pid) - before) / kept:.0f} bytes a key."


def arguments():
    """The command line."""
    parser = command.parser(__doc__)
    parser.add_argument("--claims", type=command.positive, default=300_000, help="how many of each kind (300,000)")
    parser.add_argument("--keys", type=command.positive, default=1_000_000, help="how many keys to keep (1,000,000)")
    parser.add_argument("--seconds", type=command.positive, default=2, help="send charges for so many seconds (2)")
    return parser.parse_args()


def main():
    """Measures and prints."""
    options = arguments()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        print("\n".join(table(HEAD, list(speeds(folder, options)), texts=1)), flush=True)
        print("", memory(folder, options), memory_of_a_proxy(folder, options), "", sep="\n", flush=True)
        print("\n".join(table(PROXY_HEAD, list(through_a_proxy(folder, options)), texts=1)))
    return 0


if __name__ == "__main__":
    command.run("bench-store", main)
