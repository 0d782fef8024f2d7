"""All expressions of the monitoring: of rules, panels and annotations. And all metrics."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
PROMETHEUS = ROOT / "monitoring" / "prometheus"
DASHBOARDS = ROOT / "monitoring" / "grafana" / "dashboards"
# Series that Prometheus writes by itself.
OF_PROMETHEUS = {"up", "ALERTS"}


@dataclass(frozen=True)
class Expression:
    """An expression and its place."""

    where: str
    text: str
    # Has no value on a healthy system: an alert, or an annotation.
    only_at_times: bool = False


def groups():
    """The groups of all rule files."""
    for path in sorted((PROMETHEUS / "rules").glob("*.yml")):
        yield from yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]


def rules():
    """All rules: recording ones have `record`, alerts `alert`."""
    return [rule for group in groups() for rule in group["rules"]]


def alerts():
    """All alerts, by name."""
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def dashboards():
    """The dashboards, by file name."""
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted(DASHBOARDS.glob("*.json"))}


def panels(dashboard):
    """All panels, also those in collapsed rows."""
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", [])


def expressions():
    """All expressions."""
    for rule in rules():
        name = rule.get("alert") or rule["record"]
        yield Expression(f"rule {name}", rule["expr"], only_at_times="alert" in rule)
    for dashboard in dashboards().values():
        for panel in panels(dashboard):
            for target in panel.get("targets", []):
                yield Expression(f"{dashboard['title']}, {panel['title']}", target["expr"])
        for mark in dashboard["annotations"]["list"]:
            yield Expression(f"{dashboard['title']}, mark {mark['name']}", mark["expr"], only_at_times=True)


def documented():
    """All metrics of docs/metrics.md, which a test compares with the programs: type and labels, by name."""
    families = {}
    for line in (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        name = re.fullmatch(r"`([a-z_]+)`", cells[0])
        if name and len(cells) == 5:
            # Of requests, only those of routes have this label.
            some = {"route"} if "`route`" in cells[4] else set()
            families[name[1]] = (cells[1], some | set(re.findall(r"`([a-z_]+)`", cells[2])))
    return families


def series():
    """All names that an expression may read, with the labels that it may match."""
    scraped = {"job", "instance", "substation"}
    known = {name: scraped | {"alertname", "alertstate"} for name in OF_PROMETHEUS}
    for name, (kind, labels) in documented().items():
        for suffix in ("_bucket", "_sum", "_count") if kind == "histogram" else ("",):
            known[name + suffix] = scraped | labels
    for rule in rules():
        if "record" in rule:
            known[rule["record"]] = scraped | ({"feeder"} if rule["record"].startswith("feeder:") else set())
    return known
