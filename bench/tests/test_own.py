"""What divan prints about a decision."""

import unittest

from lib import own
from lib.processes import BenchError

TABLE = """\
decision        fastest       │ slowest       │ median        │ mean          │ samples │ iters
╰─ least_load                 │               │               │               │         │
   ├─ 1000      210.1 ns      │ 1.2 µs        │ 220.5 ns      │ 230.9 ns      │ 100     │ 6400
   ╰─ 10000     701.3 ns      │ 3.012 µs      │ 981.7 ns      │ 1.1 µs        │ 100     │ 3200
"""


class Decision(unittest.TestCase):
    def test_the_median_among_the_most_substations_is_read(self):
        self.assertAlmostEqual(own.parse(TABLE), 0.9817)
        self.assertAlmostEqual(own.parse(TABLE.replace("981.7 ns", "1.02 µs")), 1.02)

    def test_a_table_without_that_row_is_refused(self):
        with self.assertRaisesRegex(BenchError, "10000"):
            own.parse("\n".join(TABLE.splitlines()[:3]))
