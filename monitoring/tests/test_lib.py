"""The shared helpers that the other tests rely on."""

import unittest

from monitoring.lib import compare
from monitoring.lib.scope import Scope


class Started(Scope):
    """Registers two endings, and fails between them if it is told to."""

    def __init__(self, fails=False):
        super().__init__()
        self.fails, self.ended = fails, []

    def _start(self):
        self.running.callback(self.ended.append, "first")
        if self.fails:
            raise OSError("no port")
        self.running.callback(self.ended.append, "second")


class Scopes(unittest.TestCase):
    def test_what_was_started_is_ended_in_reverse_order(self):
        with Started() as scope:
            self.assertEqual(scope.ended, [])
        self.assertEqual(scope.ended, ["second", "first"])

    def test_a_failed_start_ends_what_it_had_started(self):
        scope = Started(fails=True)
        with self.assertRaises(OSError), scope:
            self.fail("the block must not run")
        self.assertEqual(scope.ended, ["first"])


class Lost(unittest.TestCase):
    def test_missing_keys_are_named_with_their_path(self):
        given = {"a": 1, "b": [{"c": 1, "d": None}], "e": {}}
        self.assertEqual(list(compare.lost(given, given, "x")), [])
        read = {"a": 1, "b": [{}]}
        self.assertEqual(list(compare.lost(given, read, "x")),
                         ["x.b[0].c: is no key here", "x.b[0].d: is no key here", "x.e: is no key here"])
        self.assertEqual(list(compare.lost(given, read, "x", lambda path, value: not value)), ["x.b[0].c: is no key here"])

    def test_a_list_of_another_length_is_named(self):
        self.assertEqual(list(compare.lost([1, 2], [1], "x")), ["x: 2 were given, 1 read"])


if __name__ == "__main__":
    unittest.main()
