"""The result line of post.lua, and the charge that all clients send."""

import unittest

from lib import clients, wrk
from lib.processes import BenchError

LINE = ('result {"requests":8000,"micros":2000000,"p50":1140,"p99":2190,"p999":4000,"max":9000,'
        '"connect":0,"read":2,"write":0,"status":0,"timeout":1}')


class Parse(unittest.TestCase):
    def test_reads_the_line_among_other_output(self):
        load = wrk.parse(f"Running 2s test\n  Requests/sec: 9\n{LINE}\n")
        self.assertEqual((load.requests, load.seconds, load.rate), (8000, 2.0, 4000.0))
        self.assertEqual((load.p50_ms, load.p99_ms, load.p999_ms, load.max_ms), (1.14, 2.19, 4.0, 9.0))

    def test_keeps_only_the_errors_that_happened(self):
        self.assertEqual(wrk.parse(LINE).errors, {"read": 2, "timeout": 1})

    def test_refuses_no_line_two_lines_and_no_time(self):
        for output in ("Requests/sec: 9", f"{LINE}\n{LINE}", LINE.replace("2000000", "0")):
            with self.subTest(output), self.assertRaises(BenchError):
                wrk.parse(output)


class Body(unittest.TestCase):
    def test_wrk_and_the_probe_send_the_same_body(self):
        self.assertIn(f"wrk.body = '{clients.BODY.decode()}'", wrk.SCRIPT.read_text())
