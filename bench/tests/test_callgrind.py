"""Counted instructions, on a file small enough to check by hand."""

import unittest
from pathlib import Path

from lib import callgrind, parts

SAMPLES = Path(__file__).resolve().parent / "samples"
PROGRAM, LIBC = "/build/dist/switchyard", "/lib/libc.so.6"


class Counts(unittest.TestCase):
    def setUp(self):
        self.functions = callgrind.parse((SAMPLES / "callgrind.txt").read_text())

    def test_abbreviated_addresses_and_names_are_resolved(self):
        answer = self.functions[PROGRAM, "answer"]
        self.assertEqual(answer.own, {0x1000: 100, 0x1004: 50, 0x1008: 20})
        self.assertEqual(answer.calls, {(0x1004, (LIBC, "memcpy")): 300, (0x100c, (PROGRAM, "wait")): 230})
        copied = self.functions[LIBC, "memcpy"]
        self.assertEqual((copied.own, copied.calls), ({0x9000: 250, 0x900a: 50}, {(0x9004, (PROGRAM, "unlikely")): 100}))

    def test_the_total_counts_each_instruction_once(self):
        self.assertEqual(callgrind.total(self.functions), 150 + 20 + 300 + 130 + 100)

    def test_instructions_in_no_part_are_charged_to_the_callers(self):
        named = {0x1000: parts.REPLY, 0x1004: parts.REPLY, 0x1008: parts.UPSTREAM, 0x3000: parts.TOKIO, 0x3010: parts.TOKIO}
        found = callgrind.by_part(self.functions, lambda _, address: named.get(address))
        # memcpy's 300, and the 100 below it, are charged to the reply and to tokio in the ratio 300 to 100.
        self.assertEqual(found, {parts.REPLY: 150 + 300, parts.UPSTREAM: 20, parts.TOKIO: 130 + 100})
        self.assertEqual(sum(found.values()), callgrind.total(self.functions))

    def test_instructions_without_a_caller_are_listed_as_other(self):
        self.assertEqual(callgrind.by_part(self.functions, lambda *_: None), {parts.REST: 700})

    def test_functions_that_call_each_other_lose_nothing(self):
        one, other = (callgrind.Function(PROGRAM) for _ in range(2))
        one.own[1], other.own[2] = 10, 20
        one.calls[1, "other"] = 30
        other.calls[2, "one"] = 10
        found = callgrind.by_part({"one": one, "other": other}, lambda *_: None)
        self.assertAlmostEqual(sum(found.values()), 30)
