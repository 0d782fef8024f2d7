"""The tables of docs/performance.md, and their places in the document."""

import unittest
from pathlib import Path

import profiling
from lib import marks, parts, perf, profiles
from lib.processes import BenchError
from lib.symbols import Frame
from lib.upstream import Pooled

ROOT = Path(__file__).resolve().parent.parent.parent


class Tables(unittest.TestCase):
    def test_time_is_a_share_of_the_cost_of_a_request(self):
        shares = {perf.SEND_CLIENTS: 0.5, perf.WAIT: 0.1, parts.REPLY: 0.4}
        text = profiles.time({"shared": profiles.Column(shares, 10.0, 50_000, 0.92, 1_000)})
        for row in ("| **all** | 10.00 | 100.0 |", "| **kernel** | 6.00 | 60.0 |", "| **user** | 4.00 | 40.0 |",
                    f"| {perf.SEND_CLIENTS} | 5.00 | 50.0 |", f"| {parts.REPLY} | 4.00 | 40.0 |"):
            self.assertIn(row, text)
        self.assertNotIn(perf.LIBC, text)
        self.assertIn("shared 50,000 requests/s, 92 % of them shared a connection, 1,000 samples", text)

    def test_instructions_are_means_with_their_spread(self):
        runs = {1: [{parts.REPLY: 100.0, parts.TOKIO: 900.0}, {parts.REPLY: 110.0, parts.TOKIO: 900.0}], 64: [{parts.REPLY: 50.0}] * 2}
        text = profiles.instructions(runs)
        for row in ("|  | 1 connection | 64 connections |", "| **all** | 1,005 | 50 |", f"| {parts.REPLY} | 105 | 50 |",
                    f"| {parts.TOKIO} | 900 | 0 |"):
            self.assertIn(row, text)
        self.assertIn("differ by 1.00 %, 0.00 %", text)

    def test_memory_has_the_range_of_its_runs(self):
        text = profiles.memory([("a client", 6.04, 5_000), ("another", 1.26, 200)], [Pooled(940, 4.31), Pooled(950, 2.2), Pooled(945, 4.0)])
        self.assertIn("| a client | 6.0 | 5,000 |\n| another | 1.3 | 200 |\n", text)
        self.assertIn("| a connection to a substation | 4.0 (2.2–4.3) | 940 |", text)


class Document(unittest.TestCase):
    def test_the_document_has_a_block_for_each_table(self):
        text = (ROOT / "docs/performance.md").read_text()
        for name in profiling.TABLES:
            _, own, _ = marks.split(text, name)
            self.assertTrue(own.startswith("| "), f"run: make profile ARGS='--only {name}'")

    def test_the_text_around_a_block_stays(self):
        text = "a\n<!-- x -->\nold\n<!-- /x -->\nz\n"
        self.assertEqual(marks.replaced(text, "x", "new"), "a\n<!-- x -->\nnew\n<!-- /x -->\nz\n")
        for broken in ("no marks", "<!-- x -->\nold\n", "old\n<!-- /x -->"):
            with self.assertRaises(ValueError):
                marks.replaced(broken, "x", "new")


class Unassigned(unittest.TestCase):
    def test_a_table_with_code_of_ours_in_no_part_is_refused(self):
        chains = {1: [Frame("f", "/a/proxy/src/novelty.rs")], 2: [Frame("f", "/a/proxy/src/dispatch/reply.rs")]}
        profiling._refuse_unassigned({parts.REPLY: 1.0}, chains)
        with self.assertRaisesRegex(BenchError, "named for /a/proxy/src/novelty.rs;"):
            profiling._refuse_unassigned({parts.REPLY: 1.0, parts.UNASSIGNED: 0.1}, chains)
