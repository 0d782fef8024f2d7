"""Tables in Markdown."""

import unittest

from lib.tables import table


class Table(unittest.TestCase):
    def test_texts_stand_left_and_numbers_right(self):
        self.assertEqual(table(["", "x", "y"], [["a", "1", "2"]]), ["|  | x | y |", "| --- | ---: | ---: |", "| a | 1 | 2 |"])
        self.assertEqual(table(["a", "b"], [], texts=0), ["| a | b |", "| ---: | ---: |"])
        self.assertEqual(table(["a", "b"], [], texts=2)[1], "| --- | --- |")
