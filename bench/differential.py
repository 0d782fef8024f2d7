#!/usr/bin/env python3
"""The same odd requests and answers through Switchyard, HAProxy and nginx, and through the parser h11.

Compares what reaches the server behind, and what reaches the client: framing, smuggling, line ends, chunks, statuses. Ours
may be stricter than another reader. Where it is laxer or reads otherwise, bench/differing/verdicts.py has the reason; without
one this fails. A proxy that is not installed is left out. `--write` writes the tables into docs/testing.md.
Exit code: 0, or 1 if ours is laxer somewhere.
"""

import re
import subprocess
from pathlib import Path

from differing import comparison, readers, table, verdicts
from lib import command, marks

DOCUMENT = command.ROOT / "docs/testing.md"
MARK = "differences"


def arguments():
    """The command line."""
    parser = command.parser(__doc__)
    parser.set_defaults(binaries=command.TARGET / "debug")
    parser.add_argument("--write", action="store_true", help="write the tables into docs/testing.md")
    parser.add_argument("--all", action="store_true", help="print the tables")
    return parser.parse_args()


def versions(missing):
    """What ours is compared with, in words."""
    import h11

    found = []
    for name, argv in ((readers.HAPROXY, ["haproxy", "-v"]), (readers.NGINX, ["nginx", "-v"])):
        if name not in missing:
            said = subprocess.run(argv, capture_output=True, text=True, check=False)
            number = re.search(r"\d+\.\d+\.\d+", said.stdout + said.stderr)
            found.append(f"{name} {number.group() if number else ''}".strip())
    return ", ".join([*found, f"h11 {h11.__version__}"])


def main():
    """Compares; returns the exit code."""
    options = arguments()
    command.end_by_signals()

    def is_suspicious(kind, case, outcomes):
        return verdicts.of(kind, case, outcomes).is_bug

    found, missing = comparison.run(str(Path(options.binaries) / "switchyard"), is_suspicious)
    for name in missing:
        print(f"{name} is not installed: left out")
    judged = {key: verdicts.of(*key, outcomes) for key, outcomes in found.items()}
    block = table.block(found, versions(missing))
    if options.all:
        print(block)
    if options.write:
        DOCUMENT.write_text(marks.replaced(DOCUMENT.read_text(), MARK, block))
    bugs = {key: verdict for key, verdict in judged.items() if verdict.is_bug}
    for (kind, case), verdict in bugs.items():
        shown = "; ".join(f"{name}: {outcome.shown}" for name, outcome in found[kind, case].items())
        print(f"{kind}, {case}: {verdict.words} ({shown})")
    differences = sum(verdict.is_difference for verdict in judged.values())
    print(f"{len(found)} cases, {differences} differences, {len(bugs)} in which ours is laxer without a reason")
    return 1 if bugs else 0


if __name__ == "__main__":
    command.run("differential", main)
