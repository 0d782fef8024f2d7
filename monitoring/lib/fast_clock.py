"""The scrape configuration and the rules on a faster clock, for tests.

A test can't wait five minutes for an alert. So Prometheus scrapes every second, and the `for` of each alert is 30 times
shorter. Expressions, windows, thresholds and labels are those of the repository.
"""

import re

import yaml

from . import sources

SECOND = "1s"
FASTER = 30  # two seconds instead of a minute


def rules(folder):
    """Writes the rule files to a folder, with a shorter `for`."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in (sources.PROMETHEUS / "rules").glob("*.yml"):
        text = path.read_text(encoding="utf-8")
        (folder / path.name).write_text(re.sub(r"(?m)^(\s+for: )(\w+)$", _shorter, text), encoding="utf-8")


def _shorter(line):
    amount, unit = int(line[2][:-1]), line[2][-1]
    return f"{line[1]}{amount * {'s': 1, 'm': 60, 'h': 3600, 'd': 86400}[unit] * 1000 // FASTER}ms"


def configuration():
    """The scrape configuration, on the faster clock."""
    made = yaml.safe_load((sources.PROMETHEUS / "prometheus.yml").read_text(encoding="utf-8"))
    made["global"] = {"scrape_interval": SECOND, "scrape_timeout": SECOND, "evaluation_interval": SECOND}
    for job in made["scrape_configs"]:
        for discovery in job.get("dns_sd_configs", []):
            discovery["refresh_interval"] = SECOND
    return made
