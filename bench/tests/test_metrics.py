"""Counters on a page of metrics."""

import unittest

from lib import metrics

PAGE = """# TYPE a_total counter
a_total{substation="s1",outcome="ok"} 3
a_total{substation="s2",outcome="ok"} 4
a_total{substation="s1",outcome="timeout"} 1
a_total_more{outcome="ok"} 100
b 2.5
"""


class Total(unittest.TestCase):
    def test_series_of_one_name_are_summed_where_their_labels_match(self):
        self.assertEqual(metrics.total(PAGE, "a_total"), 8)
        self.assertEqual(metrics.total(PAGE, "a_total", outcome="ok"), 7)
        self.assertEqual(metrics.total(PAGE, "a_total", outcome="ok", substation="s1"), 3)
        self.assertEqual(metrics.total(PAGE, "b"), 2.5)

    def test_a_metric_that_is_missing_is_zero(self):
        self.assertEqual(metrics.total(PAGE, "c"), 0)
