"""The report in Markdown."""

import unittest

from lib import report, scenarios
from lib.scenarios import ALL, IDLE, LATENCY, SLOW
from tests.runs import run


class Markdown(unittest.TestCase):
    def test_each_scenario_has_a_table_with_a_row_for_each_point_and_way(self):
        lines = report.markdown(run(), []).splitlines()
        for scenario in ALL:
            at = lines.index(f"## {scenario.title}")
            end = next((number for number in range(at + 1, len(lines)) if lines[number].startswith("## ")), len(lines))
            rows = [line for line in lines[at:end] if line.startswith("| ")]
            own = sum(len(set(scenario.ways) & set(scenarios.ways(ALL, point))) for _, point in scenario.points)
            self.assertEqual(len(rows) - 2, {"idle": len(IDLE.ways), "own": 2, "first-byte": 2, "websockets": 2}.get(scenario.name, own), scenario.name)

    def test_a_row_has_dashes_for_what_was_not_measured(self):
        text = report.markdown(run(), [])
        self.assertIn("| 64 | haproxy | 11.5 (11.0–12.0) | 1.00 | 1,000 | 1.00 | 1.00 | 2.00 | 3.00 | 5.0 | 8.0 | 0 | 2 |", text)
        self.assertIn("| 64 | direct | – | – | 1,000 |", text)
        self.assertIn("| envoy | 6.0 | – |", text)
        self.assertIn("| nginx | 6.0 | 9.0 |", text)
        self.assertIn("| proxy | KiB an open WebSocket | range over rounds |", text)
        self.assertIn("| switchyard | 1.50 | 1.00–2.00 |", text)

    def test_only_the_chosen_scenarios_are_reported(self):
        text = report.markdown(run((SLOW,)), [])
        self.assertIn(f"## {SLOW.title}", text)
        self.assertNotIn(LATENCY.title, text)
        self.assertIn("| 50 ms | nginx |", text)

    def test_goals_cautions_and_pictures_are_reported(self):
        goals = [{"goal": "a", "sign": "≤", "limit": 0.7, "aim": 0.6, "value": 0.8, "rounds": [0.75, 0.9], "met": False},
                 {"goal": "b", "sign": "≥", "limit": 1.4, "aim": None, "value": 1.5, "rounds": None, "met": True},
                 {"goal": "c", "sign": "≤", "limit": 8, "aim": None, "value": None, "rounds": None, "met": None}]
        text = report.markdown(run(goals=goals), [("latency", "bars", "x.svg")])
        for part in ["| **MISSED** | a | ≤ 0.70 (aim 0.60) | 0.80 | 0.75–0.90 |", "| met | b | ≥ 1.40 | 1.50 | – |",
                     "| not measured | c | ≤ 8.00 | – | – |", "- caution: r", "![bars](x.svg)", "6,500 requests/s"]:
            self.assertIn(part, text)
