"""From cells to medians, ratios and goals; the tables of a person (Markdown) and of a machine (JSON)."""

import json
import re
from statistics import median

MEASURES = ("rate", "p50_ms", "p99_ms", "proxy_cpu_us", "substation_cpu_us", "peak_mib", "foreign_cpu")
BASE = "haproxy"

# What the project has promised of itself.
CPU_RATIO_GOAL = 1.10
IDLE_KIB_GOAL = 16

# Above this share of foreign CPU the latencies and rates say as much about the neighbours.
FOREIGN_CPU_LIMIT = 0.05


def medians(cells, idle):
    """One row for each way, in order of appearance: medians over its valid rounds, and ratios to HAProxy's."""
    rows = []
    for way in dict.fromkeys(cell.way for cell in cells):
        own = [cell for cell in cells if cell.way == way]
        valid = [cell for cell in own if cell.valid]
        row = {"way": way, "rounds": len(valid), "invalid": len(own) - len(valid), "idle_kib": idle.get(way)}
        for measure in MEASURES:
            values = [getattr(cell, measure) for cell in valid]
            row[measure] = median(values) if values else None
        cpu = [cell.proxy_cpu_us for cell in valid]
        row["proxy_cpu_us_range"] = [min(cpu), max(cpu)] if cpu else None
        rows.append(row)
    base = next((row for row in rows if row["way"] == BASE), {})
    for row in rows:
        for measure in ("rate", "proxy_cpu_us"):
            row[f"{measure}_ratio"] = ratio(row[measure], base.get(measure))
    return rows


def ratio(value, base):
    """`value` over `base`; None where either is missing or nought."""
    return value / base if value and base else None


def goals(rows):
    """What was promised, against what was measured: (text, met), for what was measured."""
    own = next((row for row in rows if row["way"] == "switchyard"), {})
    found = []
    if own.get("proxy_cpu_us_ratio"):
        value = own["proxy_cpu_us_ratio"]
        found.append((f"CPU a request ≤ {CPU_RATIO_GOAL:.2f} × HAProxy's: {value:.2f}", value <= CPU_RATIO_GOAL))
    if own.get("idle_kib") is not None:
        value = own["idle_kib"]
        found.append((f"an idle client ≤ {IDLE_KIB_GOAL} KiB: {value:.1f}", value <= IDLE_KIB_GOAL))
    return found


def remarks(rows, failures):
    """What a reader has to know before believing the table."""
    found = [f"{row['way']}: {row['invalid']} of {row['invalid'] + row['rounds']} rounds had errors and do not count"
             for row in rows if row["invalid"]]
    noisy = [row["way"] for row in rows if (row["foreign_cpu"] or 0) > FOREIGN_CPU_LIMIT]
    if noisy:
        worst = max(row["foreign_cpu"] or 0 for row in rows)
        found.append(f"other programs took up to {worst:.0%} of the machine ({', '.join(noisy)}): "
                     "do not trust rates and latencies")
    return found + failures


def markdown(run):
    """The whole report of one run (the same dict that goes to JSON)."""
    machine, settings, rows = run["machine"], run["settings"], run["medians"]
    versions = ", ".join(f"{name} {version}" for name, version in run["versions"].items())
    head = ["way", "proxy CPU µs/req (range)", "× HAProxy", "substations CPU µs/req", "requests/s", "× HAProxy",
            "p50 ms", "p99 ms", "peak MiB", "KiB/idle client", "rounds"]
    lines = [
        f"# {run['description']}, {run['date']}",
        "",
        f"Commit {run['commit']} · {machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, "
        f"kernel {machine['kernel']} · {versions}",
        "",
        f"{settings['rounds']} interleaved rounds of {settings['seconds']} s, wrk with {settings['connections']} "
        f"connections and a POST of {settings['body_bytes']} bytes, three substations in one process, every proxy "
        "limited to one thread and started anew for each round. Medians; everything shares the cores, so requests/s "
        "says what the whole chain reaches and CPU µs/req says what the proxy costs. *direct* is wrk straight to one "
        "substation. `+` after the commit: its sources were changed.",
        "",
        "| " + " | ".join(head) + " |",
        "| --- |" + " ---: |" * (len(head) - 1),
    ]
    for row in rows:
        cpu = _number(row["proxy_cpu_us"], 1, hide_zero=True)
        if row["proxy_cpu_us"]:
            cpu += " ({:.1f}–{:.1f})".format(*row["proxy_cpu_us_range"])
        lines.append("| " + " | ".join([
            row["way"], cpu, _number(row["proxy_cpu_us_ratio"], 2), _number(row["substation_cpu_us"], 1),
            _number(row["rate"], 0), _number(row["rate_ratio"], 2), _number(row["p50_ms"], 2),
            _number(row["p99_ms"], 2), _number(row["peak_mib"], 1, hide_zero=True), _number(row["idle_kib"], 1),
            str(row["rounds"]),
        ]) + " |")
    lines.append("")
    lines += [f"- goal {'met' if goal['met'] else 'MISSED'}: {goal['goal']}" for goal in run["goals"]]
    lines += [f"- caution: {remark}" for remark in run["remarks"]]
    return "\n".join(lines).rstrip() + "\n"


def _number(value, digits, hide_zero=False):
    if value is None or (hide_zero and not value):
        return "–"
    return f"{value:,.{digits}f}"


def save(run, directory, markdown=markdown):
    """Writes both files under a name not taken yet; gives back the name of the Markdown one."""
    directory.mkdir(parents=True, exist_ok=True)
    slug = re.sub(r"[^a-z0-9]+", "-", run["description"].lower()).strip("-") or "run"
    stem, number = f"{run['date']}-{slug}", 1
    while (directory / f"{stem}.md").exists() or (directory / f"{stem}.json").exists():
        number += 1
        stem = f"{run['date']}-{slug}-{number}"
    (directory / f"{stem}.json").write_text(json.dumps(run, indent=1, ensure_ascii=False) + "\n")
    (directory / f"{stem}.md").write_text(markdown(run))
    return f"{stem}.md"
