"""A run in slices."""

import json
import tempfile
import unittest
from pathlib import Path

from lib import state
from lib.points import USUAL, Point
from lib.processes import BenchError
from tests.cells import cell

SAME = {"build": "abc", "rounds": 5, "machine": {"cores": 2}}


class Slices(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = Path(folder.name) / "bench.json"

    def kept(self):
        first = state.resume(self.file, SAME)
        first.cells = [cell("nginx"), cell("haproxy", noisy=True), cell("envoy", errors={"read": 1}),
                       cell("envoy", point=Point(threads=2), noisy=True)]
        first.idle, first.rate, first.scenarios = {"HTTP/1.1": {"nginx": 0.5}}, 3600.0, ["connections"]
        first.failures = ["x failed"]
        first.keep()
        return first

    def test_a_later_slice_has_what_an_earlier_one_measured(self):
        first, second = self.kept(), state.resume(self.file, SAME)
        self.assertEqual((second.cells, second.idle, second.rate), (first.cells, first.idle, first.rate))
        self.assertEqual(second.scenarios, ["connections"])
        self.assertEqual(second.failures, [])  # it is tried again
        self.assertIn((USUAL.key, "nginx", 1), second.done())

    def test_what_did_not_count_is_measured_again_but_only_where_this_slice_measures(self):
        self.kept()
        second = state.resume(self.file, SAME)
        second.forget_void([USUAL])
        self.assertEqual([(found.way, found.point) for found in second.cells],
                         [("nginx", USUAL.key), ("envoy", Point(threads=2).key)])

    def test_another_build_or_machine_is_refused(self):
        self.kept()
        for name in SAME:
            with self.assertRaisesRegex(BenchError, f"{name} "):
                state.resume(self.file, {**SAME, name: "other"})

    def test_a_file_of_something_else_is_refused_and_kept(self):
        for text in ("no JSON", json.dumps({"cells": [{"x": 1}]}), json.dumps([])):
            self.file.write_text(text)
            with self.assertRaisesRegex(BenchError, "bench.json"):
                state.resume(self.file, SAME)
            self.assertEqual(self.file.read_text(), text)

    def test_without_a_file_nothing_is_kept(self):
        found = state.resume(None, SAME)
        found.keep()
        self.assertEqual(found.cells, [])
