"""The table of scenarios, and the order in which a run measures them."""

import unittest

from lib import plan, scenarios
from lib.points import CLEAR2, HTTP2, OPENED, STEADY, USUAL, Point
from lib.scenarios import ALL, CONNECTIONS, DIRECT, KEYED, LATENCY, OURS, POOLED, SLOW, THREADS


class Points(unittest.TestCase):
    def test_a_point_of_several_scenarios_is_measured_once(self):
        found = scenarios.points([SLOW, THREADS])
        self.assertEqual(found, [*(point for _, point in SLOW.points), Point(threads=2)])
        self.assertEqual(len(set(found)), len(found))

    def test_the_closed_loop_is_measured_before_the_constant_rate(self):
        self.assertEqual([point.steady for point in scenarios.points([LATENCY])], [False, True])
        found = scenarios.points(ALL)
        self.assertLess(found.index(USUAL), next(at for at, point in enumerate(found) if point.steady))

    def test_points_have_different_names(self):
        found = scenarios.points(ALL)
        self.assertEqual(len({point.key for point in found}), len(found))
        self.assertEqual(USUAL.key, "64 connections")
        self.assertEqual(Point(threads=2, substations=1000, answer_after=("0s", "5ms"), load=STEADY).key,
                         "64 connections, 2 threads, 1,000 substations, after 0s/5ms, constant rate")
        self.assertEqual(Point(8, protocol=CLEAR2, streams=8, body_kib=4, keyed=True, starved=True, close=True).key,
                         "8 connections, 8 streams each, HTTP/2 in clear, one starved for a while, bodies of 4 KiB, with keys, "
                         "a request a connection")
        self.assertEqual(Point(events=200).key, "64 connections, 200 events at once")
        self.assertEqual(Point(events=200, gap="5ms").key, "64 connections, 200 events each 5ms")

    def test_every_setting_but_the_time_is_part_of_the_name(self):
        others = [Point(connections=1), Point(threads=2), Point(substations=9), Point(answer_after=("1s",)), Point(starved=True),
                  Point(secure=True), Point(load=STEADY), Point(load=OPENED), Point(protocol=HTTP2), Point(streams=2), Point(body_kib=4),
                  Point(keyed=True), Point(close=True), Point(events=9), Point(events=9, gap="1ms")]
        self.assertEqual(len({USUAL.key, *(point.key for point in others)}), 1 + len(others))
        self.assertEqual(Point(times=3).key, USUAL.key)

    def test_each_scenario_has_a_name_of_its_own_and_measures_ours(self):
        self.assertEqual(len({scenario.name for scenario in ALL}), len(ALL))
        for scenario in ALL:
            self.assertIn(OURS, scenario.ways, scenario.name)

    def test_a_point_is_measured_for_all_ways_that_a_scenario_asks_for(self):
        self.assertNotIn(POOLED, scenarios.ways([KEYED], USUAL))
        found = scenarios.ways([KEYED, CONNECTIONS], USUAL)
        self.assertEqual((found[0], found[-1]), (OURS, DIRECT))
        self.assertIn(POOLED, found)
        self.assertNotIn(DIRECT, scenarios.ways(ALL, Point(threads=2)))


class Order(unittest.TestCase):
    WAYS = ("switchyard", "haproxy", "nginx")

    def test_the_first_way_rotates_from_round_to_round(self):
        found = plan.groups([THREADS], 3, self.WAYS)
        self.assertEqual(len(found), 3 * 2)
        firsts = [group.ways[0] for group in found if group.point == USUAL]
        self.assertEqual(firsts, list(self.WAYS))
        self.assertTrue(all(sorted(group.ways) == sorted(self.WAYS) for group in found))

    def test_what_is_measured_already_is_left_out(self):
        done = [(USUAL.key, "switchyard", 1), (USUAL.key, "nginx", 1), (USUAL.key, "haproxy", 1), (USUAL.key, "nginx", 2)]
        found = plan.groups([THREADS], 2, self.WAYS, done)
        self.assertEqual([(group.round, group.point.threads) for group in found], [(1, 2), (2, 1), (2, 2)])
        self.assertEqual(sorted(found[1].ways), ["haproxy", "switchyard"])

    def test_the_default_run_takes_an_hour_and_a_quick_one_minutes(self):
        whole = sum(plan.seconds(group, 2) for group in plan.groups(ALL, 5, scenarios.WAYS))
        quick = sum(plan.seconds(group, 1, quick=True) for group in plan.groups(ALL, 1, scenarios.WAYS))
        idle = plan.IDLE_SECONDS * len(scenarios.IDLE_PROTOCOLS) * len(scenarios.IDLE.ways)
        self.assertLess((whole + idle) / 60, 72)
        self.assertLess(quick / 60, 8)
