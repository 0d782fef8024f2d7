#!/usr/bin/env python3
"""What reading gauges costs the proxy: CPU time for each scrape, with as many substations as asked for.

Starts substations and the proxy, sends no charges, and counts what the proxy's threads have run against the
scrapes that it says it made, all that an idle proxy does included. Prints one line a setting: substations, interval, scrapes/s, CPU microseconds a scrape, and the share
of one core. `make bench-scrape` builds and runs it.
Exit code: 0, or 1 if a setting could not be measured or cost more than --fail-above.
"""

import argparse
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from lib.processes import BenchError, Process, free_ports

ROOT = Path(__file__).resolve().parent.parent
# (substations, seconds between rounds)
SETTINGS = [(100, 0.1), (1000, 1.0)]


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20, help="seconds a setting is measured (20)")
    parser.add_argument("--fail-above", type=float, metavar="SHARE", help="share of a core that is too much")
    parser.add_argument("--binaries", type=Path, default=ROOT / "target/release", help="where switchyard and substation are")
    return parser.parse_args()


def get(port, path):
    """A page of the admin port."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
        return answer.read().decode()


def scrapes(port):
    """How many scrapes have brought a sample."""
    lines = get(port, "/metrics").splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines
               if line.startswith("switchyard_load_polls_total") and 'outcome="ok"' in line)


def run_seconds(pid):
    """How long the threads of a process have run, to the nanosecond: ticks are too coarse for what costs little."""
    spent = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        spent += int((task / "schedstat").read_text().split()[0])
    return spent / 1e9


def measure(options, folder, count, interval):
    """One setting: (scrapes a second, CPU microseconds a scrape, share of a core)."""
    first = free_ports(count + 2)
    charge, admin = first + count, first + count + 1
    listed = "\n".join(f"  - {{name: s{at}, address: 127.0.0.1:{first + at}}}" for at in range(count))
    config = folder / f"{count}.yaml"
    config.write_text(f"listen: 127.0.0.1:{charge}\nadmin: {{listen: 127.0.0.1:{admin}}}\nthreads: 1\n"
                      f"load: {{interval: {interval * 1000:.0f}ms, stale_after: 30s}}\nsubstations:\n{listed}\n")
    fleet = [options.binaries / "substation", "--name", "s", "--listen", f"127.0.0.1:{first}",
             "--capacity-kw", "500", "--count", str(count)]
    proxy = [options.binaries / "switchyard", "run", "--config", config]
    with Process("substations", fleet, folder / "substations.log") as substations:
        substations.wait_until(lambda: get(first, "/live"))
        with Process("switchyard", proxy, folder / "switchyard.log") as switchyard:
            switchyard.wait_until(lambda: get(admin, "/ready"))
            # Connections are made in the first rounds; what is measured is the rest of its life.
            time.sleep(3 * interval)
            before = scrapes(admin), run_seconds(switchyard.pid), time.monotonic()
            time.sleep(options.seconds)
            after = scrapes(admin), run_seconds(switchyard.pid), time.monotonic()
    made, spent, passed = (b - a for a, b in zip(before, after))
    if not made:
        raise BenchError(f"{count} substations: no scrape in {options.seconds} s")
    return made / passed, 1e6 * spent / made, spent / passed


def main():
    """Measures every setting."""
    options = arguments()
    status = 0
    if not Path("/proc/self/task").exists():
        sys.exit("the scrape bench reads the CPU accounting of Linux (/proc); run it there")
    print("| substations | every | scrapes/s | CPU µs a scrape | of a core |\n| ---: | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as folder:
        for count, interval in SETTINGS:
            try:
                rate, cost, share = measure(options, Path(folder), count, interval)
            except BenchError as error:
                print(f"bench-scrape: {error}", file=sys.stderr)
                status = 1
                continue
            print(f"| {count} | {interval:g} s | {rate:,.0f} | {cost:.1f} | {share:.2%} |", flush=True)
            if options.fail_above is not None and share > options.fail_above:
                status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
