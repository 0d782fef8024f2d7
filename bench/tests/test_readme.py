"""The README's table is that of the result that it names."""

import json
import re
import unittest
from pathlib import Path

from lib import marks, readme
from lib.scenarios import ALL, CONNECTIONS
from tests.runs import run

ROOT = Path(__file__).resolve().parent.parent.parent


class Block(unittest.TestCase):
    def test_the_readme_shows_the_figures_of_its_result(self):
        _, own, _ = marks.split((ROOT / "README.md").read_text(), readme.MARK)
        named = re.search(rf"\]\({readme.FOLDER}/([^)]+)\.md\)", own)
        self.assertIsNotNone(named, "the block names no result")
        result = json.loads((ROOT / readme.FOLDER / f"{named[1]}.json").read_text())
        self.assertEqual(own, readme.block(result, named[1]), "run: make bench-readme")
        for linked in re.findall(r"\]\(([^)]+)\)", own):
            self.assertTrue((ROOT / linked).exists(), linked)

    def test_each_way_has_a_row_with_dashes_for_what_was_not_measured(self):
        own = readme.block(run(), "name")
        self.assertIn("| haproxy | 11.5 (11.0–12.0) | 1.00 | 1,000 | 1,000 | 2.00 | 3.00 | 6.0 |", own)
        self.assertIn("| direct | – | – | 1,000 | – | 2.00 | 3.00 | – |", own)
        self.assertIn("| nginx | 11.5 (11.0–12.0) | 1.00 | 1,000 | – | – | – | – |", readme.block(run((CONNECTIONS,)), "name"))

    def test_the_rest_of_the_readme_stays(self):
        text = "a\n<!-- bench -->\nold\n<!-- /bench -->\nz\n"
        before, own, after = marks.split(text, readme.MARK)
        self.assertEqual((own, before + own + after), ("old", text))
        self.assertEqual(marks.replaced(text, readme.MARK, "new"), "a\n<!-- bench -->\nnew\n<!-- /bench -->\nz\n")
        with self.assertRaises(ValueError):
            marks.split("no marks", readme.MARK)

    def test_with_all_scenarios_only_pooled_plain_and_direct_have_dashes(self):
        rows = [line for line in readme.block(run(ALL), "name").splitlines() if line.startswith("| ") and "| –" in line]
        self.assertEqual([row.split(" | ")[0] for row in rows], ["| switchyard-pooled", "| plain", "| direct"])

    def test_where_a_peer_is_as_good_is_shown_the_worst_first(self):
        result = run(ALL)
        next(row for row in result["medians"] if row["point"] == "512 connections" and row["way"] == "nginx")["rate"] = 3000.0
        own = readme.block(result, "name")
        self.assertIn("the worst first, 10 of ", own)
        self.assertIn("| How many clients at once: 512 | requests/s | 1,000 | nginx 3,000 | 3.00 |", own)
        self.assertIn("| idle clients, HTTP/2 in clear | memory a client | 40.0 KiB | nginx 9.0 KiB | 4.44 |", own)
        self.assertLess(own.index("4.44"), own.index("| 3.00 |\n| "))
