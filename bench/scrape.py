#!/usr/bin/env python3
"""What reading the gauges costs the proxy: CPU time for each scrape, with 100 and with 1,000 substations.

Starts substations and the proxy, sends no charge requests, and divides the CPU time of the proxy by the scrapes that it
counted. So a scrape's cost includes everything else that an idle proxy does. Prints one row for each setting.
`make bench-scrape` builds and runs it.
Exit code: 0, or 1 if a setting could not be measured or took more than --fail-above.
"""

import sys
import tempfile
from pathlib import Path

from lib import command, scraping
from lib.processes import BenchError
from lib.tables import table

# (substations, seconds between two rounds of scrapes)
SETTINGS = [(100, 0.1), (1000, 1.0)]
HEAD = ["substations", "every", "scrapes/s", "CPU µs a scrape", "of a core"]


def arguments():
    """The command line."""
    parser = command.parser(__doc__)
    parser.add_argument("--seconds", type=float, default=20, help="measure each setting for so many seconds (20)")
    parser.add_argument("--fail-above", type=float, metavar="SHARE",
                        help="exit with 1 if a setting takes a larger share of a core, such as 0.03")
    return parser.parse_args()


def main():
    """Measures every setting."""
    options = arguments()
    if not Path("/proc/self/task").exists():
        raise BenchError("CPU time is read from Linux's /proc; run this on Linux")
    status = 0
    print("\n".join(table(HEAD, [], texts=0)), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for count, interval in SETTINGS:
            try:
                with scraping.idle(options.binaries, Path(folder), count, interval) as running:
                    found = scraping.measure(running, options.seconds)
            except BenchError as error:
                print(f"bench-scrape: {count} substations: {error}", file=sys.stderr)
                status = 1
                continue
            share = found.proxy_cpu / found.seconds
            print(f"| {count} | {interval:g} s | {found.scrapes / found.seconds:,.0f} | "
                  f"{1e6 * found.proxy_cpu / found.scrapes:.1f} | {share:.2%} |", flush=True)
            if options.fail_above is not None and share > options.fail_above:
                status = 1
    return status


if __name__ == "__main__":
    command.run("bench-scrape", main)
