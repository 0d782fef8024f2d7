"""The report of a person: one table a scenario, all of it from the dict that is kept as JSON."""

from . import scenarios

HEAD = ["way", "proxy CPU µs/request (range)", "× cheaper peer", "requests/s", "× better peer", "p50 ms", "p99 ms",
        "p99.9 ms", "substations CPU µs/request", "peak MiB", "rounds"]


def markdown(run, pictures):
    """The whole report; `pictures` are (what it shows, the file beside it)."""
    machine, settings = run["machine"], run["settings"]
    versions = ", ".join(f"{name} {version}" for name, version in run["versions"].items())
    lines = [
        f"# {run['description']}, {run['date']}", "",
        f"Commit {run['commit']} · {machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, "
        f"kernel {machine['kernel']} · {versions}", "",
        f"Interleaved rounds: {settings['rounds']}, each cell {settings['seconds']} s. Every proxy is started anew for every "
        f"cell. wrk keeps its connections as busy as the answers allow, with a POST of {settings['body_bytes']} bytes. "
        "Unless the table says otherwise: 64 connections, three substations in one process that answer at once, one thread a "
        "proxy. Medians; everything shares the cores, so requests/s says what the whole chain reaches and CPU µs/request what "
        "the proxy costs, the work between requests included. *Peer* is HAProxy or nginx, whichever is better in that column. "
        "*switchyard-pooled* differs from *switchyard* only in `upstream: {pipeline: off}`, *plain* is a bare `ProxyHttp` that "
        "chooses as we do, *direct* is without a proxy. `+` after the commit: its sources were changed.", "",
        "## What was promised", "",
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
    yield "| | goal | limit | measured | in single rounds |"
    yield "| --- | --- | ---: | ---: | ---: |"
    for goal in goals:
        word = {True: "met", False: "**MISSED**", None: "not measured"}[goal["met"]]
        aim = f" (aim {goal['aim']:.2f})" if goal["aim"] else ""
        rounds = "{:.2f}–{:.2f}".format(*goal["rounds"]) if goal["rounds"] else "–"
        yield f"| {word} | {goal['goal']} | {goal['sign']} {goal['limit']:.2f}{aim} | {number(goal['value'], 2)} | {rounds} |"


def _about(scenario, run):
    rate, idle = run["settings"]["steady_rate"], run["settings"]["idle_clients"]
    if scenario is scenarios.LATENCY and rate:
        return [f"{rate:,.0f} requests/s, half of what one thread of the slowest proxy can answer at a constant rate: evenly spaced, by requester, whatever becomes of the answers. A latency begins when its request was meant to "
                "leave.", ""]
    if scenario is scenarios.SLOW:
        return ["Where one of three is slow, HAProxy, nginx and Envoy avoid it, since their least connections are those of the "
                "fast ones; we balance the load that sessions leave behind, so each gets its third.", ""]
    if scenario is scenarios.IDLE:
        return [f"The growth of resident memory from 200 to {idle:,} clients that have made one request each and keep their "
                "connection.", ""]
    return []


def _table(scenario, rows):
    yield f"| {scenario.axis} | " + " | ".join(HEAD) + " |"
    yield "| ---: | --- |" + " ---: |" * (len(HEAD) - 1)
    for label, point in scenario.points:
        for row in (row for row in rows if row["point"] == point.key):
            if row["way"] != "direct" or scenario.direct:
                yield f"| {label} | " + " | ".join(_row(row)) + " |"


def _row(row):
    return [row["way"], cpu(row), number(row["proxy_cpu_us_ratio"], 2), number(row["rate"], 0), number(row["rate_ratio"], 2),
            number(row["p50_ms"], 2), number(row["p99_ms"], 2), number(row["p999_ms"], 2), number(row["substation_cpu_us"], 1),
            number(row["peak_mib"] or None, 1), str(row["rounds"])]


def _idle(run):
    yield "| way | KiB a client |"
    yield "| --- | ---: |"
    for way, kib in run["idle_kib"].items():
        yield f"| {way} | {kib:.1f} |"


def cpu(row):
    """CPU time a request, with the least and the most of the rounds; nothing where there is no proxy."""
    if not row["proxy_cpu_us"]:
        return "–"
    return "{:.1f} ({:.1f}–{:.1f})".format(row["proxy_cpu_us"], *row["proxy_cpu_us_range"])


def number(value, digits):
    """As a table has it."""
    return "–" if value is None else f"{value:,.{digits}f}"
