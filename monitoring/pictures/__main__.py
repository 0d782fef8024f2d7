"""Runs a rush hour and draws its dashboard: `make pictures-dashboards`.

Six hours of an evening in two and a half minutes, with substations of unequal capacity. In the middle, one of them is
killed and started again fifteen seconds later, to show how that looks.
"""

import argparse
import os
import threading
import time
from pathlib import Path

from monitoring.dashboards import rush_hour
from monitoring.lib import promql, sources
from monitoring.lib.local import Local
from monitoring.lib.prometheus import until

from . import svg

# What is measured is what is shipped, so it is built with the profile `dist`.
BINARIES = Path(os.environ.get("CARGO_TARGET_DIR") or sources.ROOT / "target") / "dist"
SHOWN = ["Requests by result", "Latency", "Load and capacity", "How even", "Choices by substation", "States"]
CAPACITIES = (20_000, 15_000, 10_000)  # kW
SECONDS, HOURS, CARS = 150, 6, 12_000
KILLED_AT, GONE_FOR = 60, 15
COLOURS = {"green": "#56a64b", "yellow": "#e0b400", "red": "#e02f44", "blue": "#3274d9", "text": "#808080", "orange": "#e0883e"}


def measured(binaries):
    """The series of each shown panel, and their time range."""
    with Local(binaries, CAPACITIES, HOURS * 3600 // SECONDS) as stack:
        until("all substations are scraped", lambda: list(stack.prometheus.targets("substation").values()) == ["up"] * len(CAPACITIES))
        start = time.time()
        accident = threading.Thread(target=killed, args=(stack, "substation2"))
        accident.start()
        report = stack.rush_hour("--hours", "16:00-22:00", "--sessions", str(CARS), "--duration", f"{SECONDS}s")
        accident.join()
        end = time.time()
        print(f"{report['answers']}, p99 {report['latency_seconds']['p99'] * 1000:.1f} ms")
        board = sources.dashboards()["rush-hour.json"]
        panels = {panel["title"]: panel for panel in sources.panels(board)}
        return [(panels[title], asked(stack.prometheus, panels[title], start, end)) for title in SHOWN], (start, end)


def killed(stack, name):
    """Kills a substation in the middle, and starts it again."""
    time.sleep(KILLED_AT)
    stack.crash(name)
    time.sleep(GONE_FOR)
    stack.restart(name)


def asked(prometheus, panel, start, end):
    """The series of a panel's queries: name, points, and whether the series is a limit."""
    found = []
    for target in panel["targets"]:
        for labels, points in prometheus.series(promql.filled(target["expr"]), start, end):
            name = target["legendFormat"]
            for label, value in labels.items():
                name = name.replace(f"{{{{{label}}}}}", value)
            found.append((name, points, name.endswith("capacity")))
    return sorted(found)


def main():
    """Measures, draws, writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binaries", type=Path, default=BINARIES, metavar="FOLDER",
                        help="the folder with our programs (target/dist)")
    parser.add_argument("--output", type=Path, default=sources.ROOT / "docs" / "dashboards.svg", metavar="FILE",
                        help="the picture (docs/dashboards.svg)")
    options = parser.parse_args()
    panels, times = measured(options.binaries)
    words = {value: (word, COLOURS[colour]) for value, (word, colour) in rush_hour.STATES.items()}
    drawn = []
    for panel, series in panels:
        how = panel["fieldConfig"]["defaults"]
        drawn.append(svg.panel(
            panel["title"], how["unit"], series, times,
            stacked=how["custom"].get("stacking", {}).get("mode") == "normal",
            log=how["custom"].get("scaleDistribution", {}).get("type") == "log",
            words=words if panel["type"] == "state-timeline" else None))
    options.output.write_text(svg.sheet(drawn), encoding="utf-8")
    print(options.output)


if __name__ == "__main__":
    main()
