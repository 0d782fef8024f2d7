"""Cautions about a table that a reader should not trust."""

import unittest

from lib import remarks, summary
from tests.cells import cell


def remarks_of(*cells, noted=()):
    return remarks.remarks(summary.medians(cells, ["haproxy", "nginx"]), list(noted))


class Remarks(unittest.TestCase):
    def test_a_quiet_run_has_no_remarks(self):
        self.assertEqual(remarks_of(cell("nginx", foreign_cpu=0.05, late=0.01)), [])

    def test_errors_other_programs_and_a_late_load_generator_are_named(self):
        found = remarks_of(cell("nginx", 1, errors={"read": 1}), cell("nginx", 2, foreign_cpu=0.2, late=0.02), cell("haproxy"))
        self.assertEqual(len(found), 3)
        self.assertIn("1 of 2 rounds", found[0])
        self.assertIn("20%", found[1])
        self.assertIn("2.0%", found[2])
        self.assertNotIn("haproxy", "".join(found))

    def test_notes_from_during_the_run_are_kept(self):
        self.assertEqual(remarks_of(noted=["envoy is left out"]), ["envoy is left out"])
