"""How a command ends."""

import argparse
import unittest

from lib import command
from lib.processes import BenchError


class Ends(unittest.TestCase):
    def code(self, main):
        with self.assertRaises(SystemExit) as ended:
            command.run("bench", main)
        return ended.exception.code

    def test_the_exit_code_says_how(self):
        def fails(error):
            raise error

        self.assertEqual(self.code(lambda: 0), 0)
        self.assertEqual(self.code(lambda: 1), 1)
        # A text as exit code is printed, and counts as 1.
        self.assertEqual(self.code(lambda: fails(BenchError("no wrk"))), "bench: no wrk")
        self.assertEqual(self.code(lambda: fails(KeyboardInterrupt())), 130)


class Arguments(unittest.TestCase):
    def test_programs_are_those_that_are_shipped(self):
        options = command.parser("text").parse_args([])
        self.assertEqual(options.binaries.name, "dist")

    def test_a_count_is_at_least_one(self):
        self.assertEqual(command.positive("3"), 3)
        for text in ("0", "-1"):
            with self.assertRaises(argparse.ArgumentTypeError):
                command.positive(text)
