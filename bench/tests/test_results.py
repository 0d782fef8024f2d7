"""The folder of results."""

import json
import tempfile
import unittest
from pathlib import Path

from lib import report, results
from lib.scenarios import SLOW
from tests.runs import run


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def save(self, result):
        return results.save(result, self.folder, report.markdown, [("latency", "bars", "<svg/>")])

    def test_a_result_is_never_overwritten(self):
        names = [self.save(run()) for _ in range(2)]
        self.assertEqual(names, ["2026-11-23-side-by-side", "2026-11-23-side-by-side-2"])
        self.assertEqual(len(list(self.folder.iterdir())), 6)
        self.assertEqual(json.loads((self.folder / f"{names[0]}.json").read_text()), run())
        self.assertIn(f"![bars]({names[1]}-latency.svg)", (self.folder / f"{names[1]}.md").read_text())

    def test_the_newest_has_all_scenarios_and_the_current_schema(self):
        self.assertIsNone(results.newest(self.folder))
        self.save(run(finished="2026-11-23T10:00:01+00:00"))
        self.save(run())
        self.save(run((SLOW,), finished="2026-11-24T10:00:00+00:00"))
        self.save(run(schema=1, finished="2026-11-24T10:00:00+00:00"))
        self.assertEqual(results.newest(self.folder), "2026-11-23-side-by-side")
        self.save(run(finished="2026-11-23T10:00:02+00:00"))
        self.assertEqual(results.newest(self.folder), "2026-11-23-side-by-side-5")
