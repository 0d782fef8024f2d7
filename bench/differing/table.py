"""The differences as tables for docs/testing.md."""

from . import readers, verdicts
from .outcome import ANSWERS, REQUESTS

OTHERS = (readers.HAPROXY, readers.NGINX, readers.H11)
WHAT = {REQUESTS: "Requests", ANSWERS: "Answers"}


def block(found, versions):
    """Both tables of both kinds."""
    lines = [f"Compared with {versions}: {len(found)} cases."]
    for kind, title in WHAT.items():
        judged = {case: verdicts.of(kind, case, outcomes) for (of, case), outcomes in found.items() if of == kind}
        same = sum(not verdict.is_difference for verdict in judged.values())
        lines += ["", f"**{title}**: {same} of {len(judged)} are the same everywhere."]
        lines += _passed(kind, found, judged)
        lines += _refused(kind, found, judged)
    return "\n".join(lines)


def _shown(outcomes, names):
    return " | ".join(outcomes[name].shown.replace("|", "\\|") if name in outcomes else "" for name in names)


def _passed(kind, found, judged):
    """Where ours passes on what another refuses or reads otherwise."""
    rows = [f"| {case} | {_shown(found[kind, case], (*readers.OURS, *OTHERS))} | {verdict.words} |"
            for case, verdict in judged.items() if verdict.laxer_than]
    names = " | ".join((*readers.OURS, *OTHERS))
    return ["", f"| ours passes it on, another not, or not so | {names} | why |", "| --- " * 7 + "|", *rows]


def _refused(kind, found, judged):
    """Where ours refuses what another passes on."""
    rows = []
    for case, verdict in judged.items():
        if not verdict.laxer_than and verdict.is_stricter:
            rows.append(f"| {case} | {_shown(found[kind, case], (*readers.OURS, *OTHERS))} |")
    names = " | ".join((*readers.OURS, *OTHERS))
    return ["", f"| ours is stricter | {names} |", "| --- " * 6 + "|", *rows]
