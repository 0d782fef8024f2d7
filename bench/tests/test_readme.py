"""The README's table is the one of the result that it names."""

import json
import re
import unittest
from pathlib import Path

from lib import readme
from lib.scenarios import ALL, CONNECTIONS
from tests.runs import run

ROOT = Path(__file__).resolve().parent.parent.parent


class Block(unittest.TestCase):
    def test_the_readme_shows_what_its_result_holds(self):
        _, own, _ = readme.split((ROOT / "README.md").read_text())
        named = re.search(rf"\]\({readme.FOLDER}/([^)]+)\.md\)", own)
        self.assertIsNotNone(named, "the block names no result")
        result = json.loads((ROOT / readme.FOLDER / f"{named[1]}.json").read_text())
        self.assertEqual(own, readme.block(result, named[1]), "make bench-readme writes it")
        for linked in re.findall(r"\]\(([^)]+)\)", own):
            self.assertTrue((ROOT / linked).exists(), linked)

    def test_a_row_a_way_and_a_dash_for_nothing(self):
        own = readme.block(run(), "name")
        self.assertIn("| haproxy | 11.5 (11.0–12.0) | 1.00 | 1,000 | 1,000 | 2.00 | 3.00 | 6.0 |", own)
        self.assertIn("| direct | – | – | 1,000 | – | 2.00 | 3.00 | – |", own)
        self.assertIn("| nginx | 11.5 (11.0–12.0) | 1.00 | 1,000 | – | – | – | – |", readme.block(run((CONNECTIONS,)), "name"))

    def test_the_rest_of_the_readme_stays(self):
        text = f"a\n{readme.BEGIN}\nold\n{readme.END}\nz\n"
        before, own, after = readme.split(text)
        self.assertEqual((own, readme.joined(before, own, after)), ("old", text))
        self.assertEqual(readme.joined(before, "new", after), f"a\n{readme.BEGIN}\nnew\n{readme.END}\nz\n")
        with self.assertRaises(ValueError):
            readme.split("no marks")

    def test_a_whole_result_leaves_no_dash_but_for_direct(self):
        rows = [line for line in readme.block(run(ALL), "name").splitlines() if line.startswith("| ") and "| –" in line]
        self.assertEqual(len(rows), 1)
