"""The report in Markdown: one table for each scenario, all of it from the result that is stored as JSON."""

from . import scenarios
from .tables import table

HEAD = ["proxy", "proxy CPU µs/request (range)", "× cheaper peer", "requests/s", "× better peer", "p50 ms", "p99 ms",
        "p99.9 ms", "substations CPU µs/request", "peak MiB", "rounds"]


def markdown(run, pictures):
    """The whole report; `pictures` are (scenario, caption, file name)."""
    machine, settings = run["machine"], run["settings"]
    versions = ", ".join(f"{name} {version}" for name, version in run["versions"].items())
    lines = [
        f"# {run['description']}, {run['date']}", "",
        f"Commit {run['commit']} · {machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, "
        f"kernel {machine['kernel']} · {versions}", "",
        f"Interleaved rounds: {settings['rounds']}; each measurement takes {settings['seconds']} s and starts its proxy anew.",
        "wrk keeps its connections as busy as the answers allow (a closed loop), with a POST of "
        f"{settings['body_bytes']} bytes.",
        "Unless the table says otherwise: 64 connections, one thread for each proxy, and three substations in one process "
        "that answer at once.",
        "Figures are medians. Everything shares the cores, so requests/s is what the whole chain reaches; CPU µs/request is "
        "what the proxy costs, its work between requests included.", "",
        "*Peer* is HAProxy or nginx, whichever is better in that column. *switchyard-pooled* differs from *switchyard* only "
        "in `upstream: {pipeline: off}`, *plain* is a bare `ProxyHttp` proxy that selects as we do, *direct* is without a "
        "proxy. A `+` behind the commit means that the sources were changed.", "",
        "## Goals", "",
        *_goals(run["goals"]), "",
        *[f"- caution: {remark}" for remark in run["remarks"]],
        *[""] * bool(run["remarks"]),
    ]
    for scenario in scenarios.ALL:
        if scenario.name in settings["scenarios"]:
            lines += [f"## {scenario.title}", "", *_about(scenario, run)]
            lines += _idle(run) if scenario is scenarios.IDLE else _table(scenario, run["medians"])
            lines += [""]
            for about, shown, file in pictures:
                if about == scenario.name:
                    lines += [f"![{shown}]({file})", ""]
    return "\n".join(lines).rstrip() + "\n"


def _goals(goals):
    rows = []
    for goal in goals:
        word = {True: "met", False: "**MISSED**", None: "not measured"}[goal["met"]]
        aim = f" (aim {goal['aim']:.2f})" if goal["aim"] else ""
        rounds = "{:.2f}–{:.2f}".format(*goal["rounds"]) if goal["rounds"] else "–"
        rows.append([word, goal["goal"], f"{goal['sign']} {goal['limit']:.2f}{aim}", number(goal["value"], 2), rounds])
    return table(["", "goal", "limit", "measured", "in single rounds"], rows, texts=2)


def _about(scenario, run):
    rate, idle = run["settings"]["steady_rate"], run["settings"]["idle_clients"]
    if scenario is scenarios.LATENCY and rate:
        return [f"{rate:,.0f} requests/s: half of what one thread of the slowest proxy can answer at a constant rate.",
                "requester sends them evenly spaced in an open loop. A latency begins when its request was due.", ""]
    if scenario is scenarios.SLOW:
        return ["HAProxy, nginx and Envoy avoid a slow substation, because they prefer the fewest connections.",
                "We balance the load that sessions leave behind, and give a slow substation no more than its part of the "
                "requests under way (upstream.max_requests).", ""]
    if scenario is scenarios.IDLE:
        return [f"The growth of resident memory from 200 to {idle:,} clients that have made one request each and keep their "
                "connection.", ""]
    return []


def _table(scenario, rows):
    found = [[label, *_row(row)] for label, point in scenario.points for row in rows
             if row["point"] == point.key and (row["way"] != "direct" or scenario.direct)]
    return table([scenario.axis, *HEAD], found, texts=2)


def _row(row):
    return [row["way"], cpu(row), number(row["proxy_cpu_us_ratio"], 2), number(row["rate"], 0), number(row["rate_ratio"], 2),
            number(row["p50_ms"], 2), number(row["p99_ms"], 2), number(row["p999_ms"], 2), number(row["substation_cpu_us"], 1),
            number(row["peak_mib"] or None, 1), str(row["rounds"])]


def _idle(run):
    return table(["proxy", "KiB a client"], [[way, f"{kib:.1f}"] for way, kib in run["idle_kib"].items()])


def cpu(row):
    """CPU time of a request, with its range over the rounds; a dash without a proxy."""
    if not row["proxy_cpu_us"]:
        return "–"
    return "{:.1f} ({:.1f}–{:.1f})".format(row["proxy_cpu_us"], *row["proxy_cpu_us_range"])


def number(value, digits):
    """A number for a table; a dash for None."""
    return "–" if value is None else f"{value:,.{digits}f}"
