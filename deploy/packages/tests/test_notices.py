"""The third-party notices: every crate in the programs is there, with the text of its licence.

NOTICES names the file that cargo-about wrote. Without it the test is skipped.
"""

import json
import os
import re
import subprocess
import unittest
from pathlib import Path

from deploy.lib.standins import ROOT

NOTICES = os.environ.get("NOTICES")
PROGRAMS = ("switchyard", "substation", "requester")
# C libraries that crates bring in source, and compile into the programs: whose notice that is.
BUNDLED = {"zlib-ng": "Jean-loup Gailly", "mimalloc": "Microsoft Corporation", "zstd": "Meta Platforms", "ring": "Brian Smith",
           "fiat-crypto": "fiat-crypto authors"}


def crates(target):
    """Name and version of each crate that is linked into the programs, but for our own."""
    words = [word for program in PROGRAMS for word in ("--package", program)]
    tree = subprocess.run(["cargo", "tree", "--locked", "--edges", "normal,no-proc-macro", "--target", target, "--prefix", "none", "--format", "{p}",
                           *words], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    found = {tuple(line.split()[:2]) for line in tree.splitlines() if line and not re.search(r"\(/|\(\*\)", line.replace(" (*)", ""))}
    return {(name, version.removeprefix("v")) for name, version in found}


@unittest.skipUnless(NOTICES, "NOTICES does not name the file")
class Notices(unittest.TestCase):
    """The file."""

    def setUp(self):
        self.text = Path(NOTICES).read_text(encoding="utf-8")
        self.licences = []
        for part in self.text.split("=" * 80)[1:]:
            heading, text = part.split("-" * 80, 1)
            self.licences.append((set(re.findall(r"(?m)^  (\S+) (\d\S+)$", heading)), text.strip()))

    def test_each_crate_in_the_programs_has_a_licence_with_its_text(self):
        there = {crate for named, text in self.licences if len(text) > 200 for crate in named}
        for target in ("x86_64-unknown-linux-gnu", "aarch64-unknown-linux-musl"):
            linked = crates(target)
            self.assertGreater(len(linked), 100)
            self.assertEqual(sorted(linked - there), [], target)

    def test_what_is_bundled_as_c_has_its_notice(self):
        for library, notice in BUNDLED.items():
            with self.subTest(library):
                self.assertIn(notice, self.text)


if __name__ == "__main__":
    unittest.main()
