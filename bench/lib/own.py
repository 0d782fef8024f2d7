"""What Switchyard does beside requests, which no peer does: a scrape of a gauge, and a decision among many substations."""

import re

from . import command, scraping
from .processes import BenchError, run_to_its_end

SCRAPED, EVERY_SECONDS, SECONDS = 1000, 1.0, 4
AMONG = 10000
LIMIT_SECONDS = 60
UNITS = {"ns": 1e-3, "µs": 1.0, "ms": 1e3}
SCRAPE, DECISION = f"CPU µs a scrape, {SCRAPED:,} substations", f"µs a decision among {AMONG:,} substations"


def scrape_us(binaries, folder):
    """CPU time of a scrape in microseconds, with all that an idle proxy does."""
    folder.mkdir()
    with scraping.idle(binaries, folder, SCRAPED, EVERY_SECONDS) as running:
        found = scraping.measure(running, SECONDS)
    return 1e6 * found.proxy_cpu / found.scrapes


def decision_us(binaries, _):
    """The median time of a decision with its reservation in microseconds: crates/balance/benches/decision.rs."""
    argv = [str(built(binaries)), "--bench", "--sample-count", "2000", "--max-time", "1", "least_load"]
    return parse(run_to_its_end("the micro-benchmark of a decision", argv, LIMIT_SECONDS)[0])


def built(binaries, sources=command.ROOT / "crates/balance"):
    """The newest build of that benchmark. Raises if there is none, or if it is older than its sources."""
    found = [path for path in binaries.glob("deps/decision-*") if not path.suffix]
    newest = max(found, key=lambda path: path.stat().st_mtime, default=None)
    if newest is None or any(path.stat().st_mtime > newest.stat().st_mtime for path in sources.rglob("*.rs")):
        raise BenchError("the micro-benchmark of a decision is not built, or older than its sources; type:  cargo bench "
                         "--profile dist --locked --package switchyard-balance --bench decision --no-run")
    return newest


def parse(output):
    """The median of the first row for `AMONG` substations in divan's table: fastest, slowest, median, mean, samples, iterations."""
    row = re.search(rf"─ {AMONG} .*", output)
    times = re.findall(r"([\d.]+) (ns|µs|ms)", row[0]) if row else []
    if len(times) != 4:
        raise BenchError(f"the micro-benchmark has no row for {AMONG} substations")
    return float(times[2][0]) * UNITS[times[2][1]]


# What is measured in each round: its name, how, and about how many seconds that takes.
FIGURES = {SCRAPE: (scrape_us, 12), DECISION: (decision_us, 5)}
