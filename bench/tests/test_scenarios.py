"""The table of scenarios."""

import unittest

from lib import scenarios
from lib.scenarios import ALL, LATENCY, SLOW, THREADS, USUAL, Point


class Points(unittest.TestCase):
    def test_a_point_of_several_scenarios_is_measured_once(self):
        found = scenarios.points([SLOW, THREADS])
        self.assertEqual(found, [*(point for _, point in SLOW.points), Point(threads=2)])
        self.assertEqual(len(set(found)), len(found))

    def test_the_closed_loop_is_measured_before_the_constant_rate(self):
        self.assertEqual(scenarios.points([LATENCY]), [USUAL, Point(steady=True)])
        found = scenarios.points(ALL)
        self.assertLess(found.index(USUAL), found.index(Point(steady=True)))

    def test_points_have_different_names(self):
        found = scenarios.points(ALL)
        self.assertEqual(len({point.key for point in found}), len(found))
        self.assertEqual(USUAL.key, "64 connections")
        self.assertEqual(Point(threads=2, substations=1000, answer_after=("0s", "5ms"), steady=True).key,
                         "64 connections, 2 threads, 1,000 substations, after 0s/5ms, constant rate")

    def test_only_some_points_are_measured_without_a_proxy(self):
        self.assertIn(USUAL, scenarios.direct_points(ALL))
        self.assertNotIn(Point(threads=2), scenarios.direct_points(ALL))
        self.assertEqual(scenarios.direct_points([SLOW]), set())
