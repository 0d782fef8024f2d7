"""Medians and ratios."""

import unittest

from lib import summary
from lib.points import USUAL, Point
from tests.cells import cell

ORDER = ["switchyard", "haproxy", "nginx", "direct"]


def rows(*cells):
    return {row["way"]: row for row in summary.medians(cells, ORDER)}


class Rows(unittest.TestCase):
    def test_the_median_round_counts(self):
        row = rows(*(cell("nginx", i, proxy_cpu_us=cpu) for i, cpu in enumerate([30.0, 10.0, 11.0])))["nginx"]
        self.assertEqual((row["proxy_cpu_us"], row["proxy_cpu_us_range"], row["rounds"]), (11.0, [10.0, 30.0], 3))

    def test_ratios_are_to_the_cheaper_and_to_the_faster_of_two_peers(self):
        found = rows(cell("switchyard", proxy_cpu_us=6.0, rate=1500.0), cell("haproxy", proxy_cpu_us=12.0, rate=1000.0),
                     cell("nginx", proxy_cpu_us=10.0, rate=750.0))
        self.assertEqual([found[way]["proxy_cpu_us_ratio"] for way in ORDER[:3]], [0.6, 1.2, 1.0])
        self.assertEqual([found[way]["rate_ratio"] for way in ORDER[:3]], [1.5, 1.0, 0.75])

    def test_one_peer_is_enough_for_a_ratio_and_without_peers_there_is_none(self):
        self.assertEqual(rows(cell("switchyard", proxy_cpu_us=5.0), cell("nginx"))["switchyard"]["proxy_cpu_us_ratio"], 0.5)
        self.assertIsNone(rows(cell("switchyard"))["switchyard"]["rate_ratio"])

    def test_ratios_compare_within_one_point(self):
        two = Point(threads=2)
        found = summary.Medians(summary.medians([
            cell("haproxy", proxy_cpu_us=20.0), cell("haproxy", point=two, proxy_cpu_us=40.0),
            cell("switchyard", point=two, proxy_cpu_us=20.0)], ORDER))
        self.assertEqual(found.at(two, "switchyard", "proxy_cpu_us_ratio"), 0.5)
        self.assertIsNone(found.at(USUAL, "switchyard", "rate"))

    def test_a_round_with_errors_or_without_requests_does_not_count(self):
        row = rows(cell("nginx", 1, proxy_cpu_us=1.0, errors={"status": 1}), cell("nginx", 2, requests=0),
                   cell("nginx", 3))["nginx"]
        self.assertEqual((row["proxy_cpu_us"], row["rounds"], row["invalid"]), (10.0, 1, 2))

    def test_a_way_with_nothing_but_errors_has_an_empty_row(self):
        row = rows(cell("haproxy", errors={"read": 1}), cell("nginx"))["haproxy"]
        self.assertEqual((row["proxy_cpu_us"], row["proxy_cpu_us_ratio"], row["rounds"]), (None, None, 0))

    def test_a_void_round_counts_only_if_there_is_no_other(self):
        row = rows(cell("nginx", 1, proxy_cpu_us=50.0, noisy=True), cell("nginx", 2))["nginx"]
        self.assertEqual((row["proxy_cpu_us"], row["rounds"], row["noisy"], row["noisy_counted"]), (10.0, 1, 1, False))
        row = rows(cell("nginx", 1, proxy_cpu_us=50.0, noisy=True), cell("nginx", 2, errors={"status": 3}))["nginx"]
        self.assertEqual((row["proxy_cpu_us"], row["rounds"], row["noisy_counted"], row["failed"]), (50.0, 1, True, 3))


class Compared(unittest.TestCase):
    CELLS = [cell("switchyard", 1, proxy_cpu_us=6.0), cell("switchyard", 2, proxy_cpu_us=8.0), cell("switchyard", 3, errors={"read": 1}),
             *(cell("haproxy", number, proxy_cpu_us=20.0) for number in (1, 2, 3)),
             cell("nginx", 1, proxy_cpu_us=12.0), cell("nginx", 2, proxy_cpu_us=8.0), cell("nginx", 3, proxy_cpu_us=10.0)]

    def compared(self, others, **more):
        found = summary.Medians(summary.medians(self.CELLS, ORDER), self.CELLS)
        return found.compared((USUAL, "switchyard"), [(USUAL, other) for other in others], "proxy_cpu_us", **more)

    def test_the_ratio_is_of_medians_and_its_range_of_rounds_in_which_both_are_valid(self):
        self.assertEqual(self.compared(["haproxy", "nginx"]), (0.7, [0.5, 1.0], "nginx"))
        self.assertEqual(self.compared(["haproxy", "nginx"], best=max), (0.35, [0.3, 0.4], "haproxy"))

    def test_a_void_round_is_in_no_range(self):
        cells = [cell("switchyard", 1, proxy_cpu_us=100.0, noisy=True), cell("switchyard", 2), cell("nginx", 1), cell("nginx", 2)]
        found = summary.Medians(summary.medians(cells, ORDER), cells)
        self.assertEqual(found.compared((USUAL, "switchyard"), [(USUAL, "nginx")], "proxy_cpu_us")[:2], (1.0, [1.0, 1.0]))

    def test_a_missing_figure_has_no_ratio(self):
        self.assertEqual(self.compared(["envoy"]), (None, None, None))
