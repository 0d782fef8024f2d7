"""The report in Markdown: one table for each scenario, all of it from the result that is stored as JSON."""

from statistics import median

from . import behind, scenarios, streams
from .points import HTTP1
from .tables import table

HEAD = ["proxy", "proxy CPU µs/request (range)", "× cheaper peer", "requests/s", "× better peer", "p50 ms", "p99 ms",
        "p99.9 ms", "substations CPU µs/request", "peak MiB", "failed", "rounds"]


def markdown(run, pictures):
    """The whole report; `pictures` are (scenario, caption, file name)."""
    machine, settings = run["machine"], run["settings"]
    versions = ", ".join(f"{name} {version}" for name, version in run["versions"].items())
    lines = [
        f"# {run['description']}, {run['date']}", "",
        f"Commit {run['commit']} · {machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, "
        f"kernel {machine['kernel']} · {versions}", "",
        f"Interleaved rounds: {settings['rounds']}; each measurement takes {settings['seconds']} s, some three times as long, "
        "and starts its proxy anew.",
        "wrk keeps its connections as busy as the answers allow (a closed loop), with a POST of "
        f"{settings['body_bytes']} bytes.",
        "Unless the table says otherwise: 64 connections, one thread for each proxy, and three substations in one process "
        "that answer at once.",
        "Figures are medians. Everything shares the cores, so requests/s is what the whole chain reaches; CPU µs/request is "
        "what all processes of the proxy cost by the scheduler's clock, their work between requests included.",
        "Before and after each group of cells the same load goes to the substations directly. If the two rates are more than "
        "15 % apart, the group is measured again, twice at most; what stays disturbed is void.",
        "*failed* are requests without a 2xx in all rounds; a round with any does not count.", "",
        "*Peer* is HAProxy or nginx, whichever is better in that column. *direct* is without a proxy. "
        "A `+` behind the commit means that the sources were changed.", "",
        *_compared(run), "",
        "## What was promised", "",
        *_goals(run["goals"]), "",
        *[f"- caution: {remark}" for remark in run["remarks"]],
        *[""] * bool(run["remarks"]),
    ]
    lines += ["## Where it is behind or level", "",
              "Sōzu counts here only where each request has a new connection, and for idle clients: it chooses a substation once for "
              "a client's connection, not for each request.", "", *where_behind(run), ""]
    for scenario in scenarios.ALL:
        if scenario.name in settings["scenarios"]:
            lines += [f"## {scenario.title}", "", *_about(scenario, run)]
            lines += _figures(scenario, run)
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


def _compared(run):
    """What each proxy is, in its version."""
    rows = [[way, run["versions"].get(way, "–"), note] for way, note in run.get("notes", {}).items()]
    return table(["proxy", "version", "how it chooses, and what to know"], rows, texts=3) if rows else []


def where_behind(run, most=None):
    """The table of the rows in which a peer is as good or better; the worst `most` of them."""
    found = behind.rows(run)
    if not found:
        return ["Nowhere."]
    rows = [[where, what, quantity(own, unit), f"{peer} {quantity(theirs, unit)}", f"{worse:.2f}"]
            for where, what, unit, own, peer, theirs, worse in found[:most]]
    return table(["where", "what", "switchyard", "the best peer", "times as bad"], rows, texts=2)


def quantity(value, unit):
    """A figure with its unit."""
    return f"{value:,.0f}" if not unit else f"{value:,.1f} {unit}" if unit != "ms" else f"{value:,.2f} ms"


def _about(scenario, run):
    rate, idle = run["settings"]["steady_rate"], run["settings"]["idle_clients"]
    if scenario is scenarios.LATENCY and rate:
        return [f"{rate:,.0f} requests/s: half of what one thread of the slowest proxy can answer at a constant rate.",
                "requester sends them evenly spaced in an open loop. A latency begins when its request was due.", ""]
    if scenario is scenarios.IDLE:
        return [f"The growth of resident memory from 200 clients to {idle:,} ({min(idle, 2000):,} with TLS or HTTP/2) that have "
                "made one request each and keep their connection.", ""]
    if scenario in streams.MEASURED:
        return [*streams.ABOUT[scenario], ""]
    return [*scenario.about, *[""] * bool(scenario.about)]


def _figures(scenario, run):
    if scenario is scenarios.IDLE:
        return _idle(run)
    if scenario in streams.MEASURED:
        return _beside(streams.MEASURED[scenario], run)
    return _own(run) if scenario is scenarios.OWN else _table(scenario, run["medians"])


def _table(scenario, rows):
    found = [[label, *_row(row)] for label, point in scenario.points for row in rows
             if row["point"] == point.key and row["way"] in scenario.ways]
    return table([scenario.axis, *HEAD], found, texts=2)


def _row(row):
    return [row["way"], cpu(row), number(row["proxy_cpu_us_ratio"], 2), number(row["rate"], 0), number(row["rate_ratio"], 2),
            number(row["p50_ms"], 2), number(row["p99_ms"], 2), number(row["p999_ms"], 2), number(row["substation_cpu_us"], 1),
            number(row["peak_mib"] or None, 1), str(row.get("failed", 0)), _rounds(row)]


def _rounds(row):
    return f"{row['rounds']}{' (void)' if row.get('noisy_counted') else ''}"


def _idle(run):
    by = {HTTP1: run["idle_kib"], **run.get("idle_kib_by", {})}
    ways = dict.fromkeys(way for kib in by.values() for way in kib)
    return table(["proxy", *(f"KiB a client, {protocol}" for protocol in by)],
                 [[way, *(number(kib.get(way), 1) for kib in by.values())] for way in ways])


def _beside(figure, run):
    rows = [[way, number(median(values), 2), f"{min(values):.2f}–{max(values):.2f}"]
            for way, values in run.get("beside", {}).get(figure, {}).items()]
    return table(["proxy", figure, "range over rounds"], rows)


def _own(run):
    return table(["figure", "median", "range over rounds"], [
        [name, number(median(values), 2), f"{min(values):.2f}–{max(values):.2f}"] for name, values in run["own"].items()])


def cpu(row):
    """CPU time of a request, with its range over the rounds; a dash without a proxy."""
    if not row["proxy_cpu_us"]:
        return "–"
    return "{:.1f} ({:.1f}–{:.1f})".format(row["proxy_cpu_us"], *row["proxy_cpu_us_range"])


def number(value, digits):
    """A number for a table; a dash for None."""
    return "–" if value is None else f"{value:,.{digits}f}"
