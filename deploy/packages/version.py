"""Whether CHANGELOG.md, the version of the workspace and the tag of a release agree.

    python3 -m deploy.packages.version VERSION [--tag TAG]
"""

import argparse
import re
import sys

from deploy.lib.standins import ROOT

HEADING = re.compile(r"^## \[([^\]]+)\](.*)$", re.M)
DATED = re.compile(r" - \d{4}-\d\d-\d\d")
NUMBERS = re.compile(r"(\d+)\.(\d+)\.(\d+)(?:-[0-9A-Za-z.-]+)?")


def faults(changelog, version, tag=None):
    """What is wrong, one sentence each."""
    headings = [(found.group(1), found.group(2), found.end()) for found in HEADING.finditer(changelog)]
    if not headings:
        return ["CHANGELOG.md has no heading such as ## [Unreleased]"]
    released = [name for name, _, _ in headings if name != "Unreleased"]
    found = []
    if not NUMBERS.fullmatch(version):
        found.append(f"{version} is no semantic version")
    if released != sorted(released, key=_order, reverse=True):
        found.append(f"the versions {', '.join(released)} are not in falling order")
    if tag is None:
        if headings[0][0] != "Unreleased":
            found.append(f"the first heading is {headings[0][0]}: without a tag, changes stand under [Unreleased]")
        if released and _order(version) <= _order(released[0]):
            found.append(f"Cargo.toml has version {version}, which is not above {released[0]}, the last one released")
        return found
    if tag != f"v{version}":
        found.append(f"the tag is {tag}, and Cargo.toml has version {version}: the tag must be v{version}")
    if headings[0][0] == "Unreleased":
        rest = changelog[headings[0][2]:].split("\n## [", 1)[0].strip()
        if rest:
            found.append(f"changes still stand under [Unreleased]: move them under [{version}] with a date")
        headings = headings[1:]
    if not headings or headings[0][0] != version:
        found.append(f"CHANGELOG.md has no first heading [{version}]")
    elif not DATED.fullmatch(headings[0][1]):
        found.append(f"the heading [{version}] has no date, as in ## [{version}] - 2026-11-30")
    return found


def notes(changelog, version):
    """What CHANGELOG.md says of a version: the text of its release."""
    for part in re.split(r"(?m)^## ", changelog)[1:]:
        if part.startswith(f"[{version}]"):
            return part.split("\n", 1)[1].strip() + "\n"
    raise SystemExit(f"CHANGELOG.md has no heading [{version}]")


def _order(version):
    found = NUMBERS.fullmatch(version)
    # A version with a suffix, such as -rc.1, comes before the one without.
    return (*map(int, found.groups()), "-" not in version) if found else (-1,)


def main():
    """Prints what is wrong, or the notes of a release."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("version")
    parser.add_argument("--tag")
    parser.add_argument("--notes", action="store_true", help="print what CHANGELOG.md says of the version")
    options = parser.parse_args()
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    if options.notes:
        sys.stdout.write(notes(changelog, options.version))
        return
    found = faults(changelog, options.version, options.tag)
    if found:
        sys.exit("\n".join(found))


if __name__ == "__main__":
    main()
