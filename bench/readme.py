#!/usr/bin/env python3
"""Writes the README's table of the bench from a result: `make bench-readme`.

Without an argument from the newest result in bench/results/ that has all scenarios.
"""

import argparse
import json
import sys
from pathlib import Path

from lib import readme, results

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / readme.FOLDER
README = ROOT / "README.md"


def main():
    """Rewrites what stands between the marks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("result", nargs="?", help="a name in bench/results/, such as 2026-11-30-side-by-side")
    name = parser.parse_args().result or results.newest(RESULTS)
    if name is None:
        sys.exit("bench-readme: no result in bench/results/ has all scenarios; `make bench` makes one")
    path = RESULTS / f"{Path(name).stem}.json"
    if not path.exists():
        sys.exit(f"bench-readme: {name}: there is no such result in bench/results/")
    run = json.loads(path.read_text())
    if run["schema"] != results.SCHEMA:
        sys.exit(f"bench-readme: {name} has schema {run['schema']}; only {results.SCHEMA} has what the table shows")
    before, _, after = readme.split(README.read_text())
    README.write_text(readme.joined(before, readme.block(run, path.stem), after))
    print(f"README.md: the table is that of {path.stem}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
