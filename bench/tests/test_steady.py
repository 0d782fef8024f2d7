"""The report of requester at a constant rate."""

import json
import unittest

from lib import steady
from lib.processes import BenchError

REPORT = {"offered": {"requests": 1000}, "duration_seconds": 2.0, "late_starts": 20, "answers": {"200": 990, "503": 7},
          "errors": {"by_kind": {"broken": 3, "connect": 0}},
          "latency_seconds": {"p50": 0.001, "p99": 0.002, "p999": 0.003, "max": 0.009}}


class Parse(unittest.TestCase):
    def test_reads_the_report(self):
        load = steady.parse(json.dumps(REPORT))
        self.assertEqual((load.requests, load.rate, load.late), (1000, 500.0, 0.02))
        self.assertEqual((load.p50_ms, load.p99_ms, load.p999_ms, load.max_ms), (1.0, 2.0, 3.0, 9.0))

    def test_every_answer_but_a_booking_is_an_error(self):
        self.assertEqual(steady.parse(json.dumps(REPORT)).errors, {"broken": 3, "status 503": 7})
        self.assertEqual(steady.parse(json.dumps({**REPORT, "answers": {"200": 1000}, "errors": {"by_kind": {}}})).errors, {})

    def test_refuses_a_run_without_an_answer(self):
        for change in ({"latency_seconds": None}, {"offered": {"requests": 0}}):
            with self.assertRaises(BenchError):
                steady.parse(json.dumps({**REPORT, **change}))
