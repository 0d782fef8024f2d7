"""What divan prints about a decision."""

import os
import tempfile
import unittest
from pathlib import Path

from lib import own
from lib.processes import BenchError

TABLE = """\
decision        fastest       │ slowest       │ median        │ mean          │ samples │ iters
╰─ least_load                 │               │               │               │         │
   ├─ 1000      210.1 ns      │ 1.2 µs        │ 220.5 ns      │ 230.9 ns      │ 100     │ 6400
   ╰─ 10000     701.3 ns      │ 3.012 µs      │ 981.7 ns      │ 1.1 µs        │ 100     │ 3200
╰─ of_equals                  │               │               │               │         │
   ╰─ 10000     1.3 ns        │ 1.012 µs      │ 1.7 ns        │ 1.1 µs        │ 100     │ 3200
"""


class Built(unittest.TestCase):
    def test_the_newest_build_is_taken_if_it_is_no_older_than_its_sources(self):
        with tempfile.TemporaryDirectory() as folder:
            deps, sources = Path(folder) / "dist/deps", Path(folder) / "src"
            deps.mkdir(parents=True)
            sources.mkdir()
            with self.assertRaisesRegex(BenchError, "--no-run"):
                own.built(deps.parent, sources)
            for name, time in (("dist/deps/decision-1", 10), ("dist/deps/decision-2", 20), ("dist/deps/decision-2.d", 30), ("src/x.rs", 15)):
                (Path(folder) / name).touch()
                os.utime(Path(folder) / name, (time, time))
            self.assertEqual(own.built(deps.parent, sources).name, "decision-2")
            os.utime(sources / "x.rs", (25, 25))
            with self.assertRaisesRegex(BenchError, "older"):
                own.built(deps.parent, sources)


class Decision(unittest.TestCase):
    def test_the_median_among_the_most_substations_is_read(self):
        self.assertAlmostEqual(own.parse(TABLE), 0.9817)
        self.assertAlmostEqual(own.parse(TABLE.replace("981.7 ns", "1.02 µs")), 1.02)

    def test_a_table_without_that_row_is_refused(self):
        with self.assertRaisesRegex(BenchError, "10000"):
            own.parse("\n".join(TABLE.splitlines()[:3]))
