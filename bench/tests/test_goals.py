"""Goals: met, missed, and not measured."""

import unittest

from lib import goals, scenarios, summary
from lib.goals import CPU, GOALS, P99, RATE
from lib.own import DECISION, SCRAPE
from lib.points import CLEAR2, HTTP1, USUAL, Point
from lib.scenarios import WAYS
from lib.streams import FIRST_BYTE_MS, SOCKET_KIB
from tests.cells import cell


def judged(cells, idle=None, own=None, beside=None):
    return goals.judged(summary.medians(cells, WAYS), cells, idle or {}, own or {}, beside or {})


class Goals(unittest.TestCase):
    def one(self, goal, cells):
        return next(found for found in judged(cells) if found["goal"] == goal.text)

    def test_each_goal_is_met_at_its_limit_and_missed_beyond_it(self):
        for goal in GOALS:
            others = [cell(way, point=point, **{goal.measure: 1000.0}) for point, way in goal.others]
            worse = -1 if goal.measure == RATE else 1
            for change, met in ((0, True), (worse, False)):
                own = cell(goal.own[1], point=goal.own[0], **{goal.measure: 1000.0 * goal.limit + change})
                found = self.one(goal, [own, *others])
                self.assertEqual(found["met"], met, goal.text)
                self.assertIn(found["base"], [way for _, way in goal.others])

    def test_the_better_peer_counts(self):
        cheaper = [cell("haproxy", proxy_cpu_us=12.0), cell("nginx"), cell("envoy", proxy_cpu_us=1.0)]
        found = self.one(next(goal for goal in GOALS if goal.own[0] == USUAL), [cell("switchyard", proxy_cpu_us=5.0), *cheaper])
        self.assertEqual((found["value"], found["base"], found["met"]), (0.5, "nginx", True))
        two = Point(threads=2)
        faster = [cell("haproxy", point=two, rate=900.0), cell("nginx", point=two, rate=1000.0)]
        goal = next(goal for goal in GOALS if goal.own[0] == two)
        self.assertEqual(self.one(goal, [cell("switchyard", point=two, rate=1400.0), *faster])["value"], 1.4)

    def test_latency_at_a_constant_rate_is_compared_with_all_peers_not_with_pooled(self):
        goal = next(goal for goal in GOALS if goal.measure == P99 and goal.own[0].steady)
        self.assertEqual([way for _, way in goal.others], list(scenarios.BALANCERS))

    def test_what_was_promised_has_these_limits(self):
        found = {(goal.own[0].key, goal.measure, goal.others[0][1]): goal.limit for goal in GOALS}
        self.assertEqual(len(found), len(GOALS))
        for place, limit in {
            ("64 connections", CPU, "haproxy"): .5,
            ("512 connections", CPU, "haproxy"): .7,
            ("64 connections, after 0s/0s/50ms", RATE, "haproxy"): .9,
            ("64 connections, 100 substations", RATE, "haproxy"): 1.1,
            ("64 connections, 1,000 substations", P99, "haproxy"): 1.0,
            ("8 connections, 8 streams each, HTTP/2 in clear", CPU, "switchyard"): .6,
            ("64 connections, HTTP/1.1 with TLS", CPU, "haproxy"): .45,
            ("1 connection", CPU, "switchyard-pooled"): 1.05,
            ("64 connections, 200 events each 2ms", CPU, "haproxy"): 1.0,
            ("64 connections, 200 events at once", CPU, "haproxy"): 1.0,
        }.items():
            self.assertEqual(found[place], limit, place)

    def test_every_goal_is_about_something_that_the_bench_measures(self):
        for goal in GOALS:
            for point, way in (goal.own, *goal.others):
                self.assertIn(way, scenarios.ways(scenarios.ALL, point), goal.text)

    def test_memory_is_that_of_a_client_with_http1(self):
        def met(kib):
            return judged([], {HTTP1: {"switchyard": kib}, CLEAR2: {"switchyard": 40.0}})[len(GOALS)]["met"]

        self.assertEqual((met(1.5), met(1.6)), (True, False))

    def test_a_scrape_and_a_decision_are_judged_by_their_medians(self):
        scrape, decision = judged([], own={SCRAPE: [17.0, 18.0, 30.0], DECISION: [0.71]})[len(GOALS) + 1:][:2]
        self.assertEqual((scrape["met"], scrape["value"], scrape["rounds"]), (True, 18.0, [17.0, 30.0]))
        self.assertFalse(decision["met"])

    def test_the_first_byte_and_a_websocket_are_judged_by_ours(self):
        first, socket = judged([], beside={FIRST_BYTE_MS: {"switchyard": [0.1, 0.2, 9.0], "envoy": [0.1]},
                                           SOCKET_KIB: {"switchyard": [24.5], "haproxy": [1.0]}})[-2:]
        self.assertEqual((first["met"], first["value"], socket["met"]), (True, 0.2, False))

    def test_a_goal_without_figures_is_neither_met_nor_missed(self):
        found = judged([])
        self.assertEqual(len({goal["goal"] for goal in found}), len(GOALS) + 5)
        self.assertEqual({goal["met"] for goal in found}, {None})
