#!/usr/bin/env python3
"""Writes the bench's table into the README: `make bench-readme`.

Takes the named result, or the newest in bench/results/ that has all scenarios.
"""

import argparse
import json
from pathlib import Path

from lib import command, marks, readme, results
from lib.processes import BenchError

README = command.ROOT / "README.md"


def main():
    """Replaces the block between the marks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("result", nargs="?", help="a name in bench/results/, such as 2026-11-30-side-by-side")
    name = parser.parse_args().result or results.newest(command.RESULTS)
    if name is None:
        raise BenchError("no result in bench/results/ has all scenarios; `make bench` makes one")
    path = command.RESULTS / f"{Path(name).stem}.json"
    if not path.exists():
        raise BenchError(f"{name}: there is no such result in bench/results/")
    run = json.loads(path.read_text())
    if run["schema"] != results.SCHEMA:
        raise BenchError(f"{name} has schema {run['schema']}; the table needs schema {results.SCHEMA}")
    README.write_text(marks.replaced(README.read_text(), readme.MARK, readme.block(run, path.stem)))
    print(f"README.md: the table is that of {path.stem}")
    return 0


if __name__ == "__main__":
    command.run("bench-readme", main)
