"""Goals: met, missed, and not measured."""

import unittest

from lib import goals, scenarios, summary
from lib.scenarios import CONNECTIONS, USUAL, Point
from tests.cells import cell

ORDER = ["switchyard", "switchyard-pooled", "haproxy", "nginx", "envoy"]
MANY = Point(substations=1000)
STEADY = Point(steady=True)


def judged(cells, idle=None):
    found = goals.judged(summary.medians(cells, ORDER), cells, idle or {})
    return {goal["goal"]: goal["met"] for goal in found}


class Goals(unittest.TestCase):
    def one(self, starts, cells, idle=None):
        found = [met for goal, met in judged(cells, idle).items() if goal.startswith(starts)]
        self.assertEqual(len(found), 1, starts)
        return found[0]

    def test_cpu_and_requests_against_the_better_of_two_peers(self):
        peers = [cell("haproxy", proxy_cpu_us=12.0), cell("nginx"), cell("envoy", proxy_cpu_us=1.0)]
        what = "CPU a request at 64 connections"
        self.assertTrue(self.one(what, [cell("switchyard", proxy_cpu_us=7.0), *peers]))
        self.assertFalse(self.one(what, [cell("switchyard", proxy_cpu_us=7.1), *peers]))
        two = Point(threads=2)
        peers = [cell("haproxy", point=two, rate=900.0), cell("nginx", point=two, rate=1000.0)]
        self.assertTrue(self.one("requests/s with two threads", [cell("switchyard", point=two, rate=1400.0), *peers]))
        self.assertFalse(self.one("requests/s with two threads", [cell("switchyard", point=two, rate=1399.0), *peers]))

    def test_one_slow_substation_costs_no_more_requests_than_with_the_better_peer(self):
        slow = scenarios.SLOW.points[-1][1]
        peers = [cell("haproxy", point=slow, rate=1000.0), cell("nginx", point=slow, rate=900.0)]
        self.assertTrue(self.one("requests/s with one slow", [cell("switchyard", point=slow, rate=900.0), *peers]))
        self.assertFalse(self.one("requests/s with one slow", [cell("switchyard", point=slow, rate=899.0), *peers]))

    def test_where_pipelining_cannot_help_cost_and_latency_are_those_of_pooled(self):
        for point in [CONNECTIONS.points[0][1], *(point for _, point in scenarios.SLOW.points[1:])]:
            pooled = cell("switchyard-pooled", point=point)
            good = judged([cell("switchyard", point=point, proxy_cpu_us=10.5, p99_ms=2.1), pooled])
            bad = judged([cell("switchyard", point=point, proxy_cpu_us=10.6, p99_ms=2.2), pooled])
            self.assertEqual([list(found.values()).count(True) for found in (good, bad)], [2, 0], point.key)
            self.assertEqual([list(found.values()).count(False) for found in (good, bad)], [0, 2], point.key)

    def test_latency_is_compared_with_the_best_peer_not_with_pooled(self):
        peers = [cell("haproxy", point=STEADY), cell("envoy", point=STEADY, p99_ms=1.0),
                 cell("switchyard-pooled", point=STEADY, p99_ms=0.1, p999_ms=0.1)]
        self.assertFalse(self.one("p99 at", [cell("switchyard", point=STEADY, p99_ms=1.1), *peers]))
        self.assertTrue(self.one("p99 at", [cell("switchyard", point=STEADY, p99_ms=1.0), *peers]))
        self.assertTrue(self.one("p99.9 at", [cell("switchyard", point=STEADY), *peers]))

    def test_many_substations_against_three_and_memory(self):
        few = cell("switchyard", point=USUAL)
        self.assertTrue(self.one("CPU a request with 1,000", [few, cell("switchyard", point=MANY, proxy_cpu_us=11.0)]))
        self.assertFalse(self.one("CPU a request with 1,000", [few, cell("switchyard", point=MANY, proxy_cpu_us=11.1)]))
        self.assertTrue(self.one("KiB", [], {"switchyard": 8.0}))
        self.assertFalse(self.one("KiB", [], {"switchyard": 8.1}))

    def test_a_goal_without_figures_is_neither_met_nor_missed(self):
        found = judged([])
        self.assertEqual(len(found), 15)
        self.assertEqual(set(found.values()), {None})
