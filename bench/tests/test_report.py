"""Medians, ratios, goals and the tables made of them."""

import tempfile
import unittest
from pathlib import Path

from lib import report
from lib.measure import Cell


def cell(way, number=1, **values):
    fields = {"requests": 1000, "rate": 1000.0, "p50_ms": 1.0, "p99_ms": 2.0, "errors": {}, "proxy_cpu_us": 10.0,
              "substation_cpu_us": 5.0, "peak_mib": 8.0, "foreign_cpu": 0.0}
    return Cell(way=way, round=number, **{**fields, **values})


def rows(*cells, idle=None):
    return {row["way"]: row for row in report.medians(cells, idle or {})}


class Medians(unittest.TestCase):
    def test_the_middle_round_counts(self):
        row = rows(*(cell("nginx", i, proxy_cpu_us=cpu) for i, cpu in enumerate([30.0, 10.0, 11.0])))["nginx"]
        self.assertEqual((row["proxy_cpu_us"], row["proxy_cpu_us_range"], row["rounds"]), (11.0, [10.0, 30.0], 3))

    def test_ratios_are_to_haproxy_wherever_it_stands(self):
        found = rows(cell("switchyard", proxy_cpu_us=11.0, rate=500.0), cell("haproxy"))
        self.assertEqual(found["switchyard"]["proxy_cpu_us_ratio"], 1.1)
        self.assertEqual(found["switchyard"]["rate_ratio"], 0.5)
        self.assertEqual(found["haproxy"]["proxy_cpu_us_ratio"], 1.0)

    def test_no_haproxy_no_ratio(self):
        self.assertIsNone(rows(cell("nginx"))["nginx"]["proxy_cpu_us_ratio"])

    def test_a_round_with_errors_or_without_requests_does_not_count(self):
        found = rows(cell("nginx", 1, proxy_cpu_us=1.0, errors={"status": 1}), cell("nginx", 2, requests=0),
                     cell("nginx", 3))
        self.assertEqual((found["nginx"]["proxy_cpu_us"], found["nginx"]["rounds"], found["nginx"]["invalid"]), (10.0, 1, 2))

    def test_only_errors_leave_a_row_of_nothing(self):
        row = rows(cell("haproxy", errors={"read": 1}), cell("nginx"))["haproxy"]
        self.assertIsNone(row["proxy_cpu_us"])
        self.assertEqual(report.remarks([row], []), ["haproxy: 1 of 1 rounds had errors and do not count"])


class Goals(unittest.TestCase):
    def judge(self, cpu, idle):
        found = rows(cell("switchyard", proxy_cpu_us=cpu), cell("haproxy"), idle={"switchyard": idle})
        return [met for _, met in report.goals(list(found.values()))]

    def test_met_missed_and_not_measured(self):
        self.assertEqual(self.judge(11.0, 16.0), [True, True])
        self.assertEqual(self.judge(11.1, 16.1), [False, False])
        self.assertEqual(self.judge(11.0, None), [True])
        self.assertEqual(report.goals([]), [])


class Written(unittest.TestCase):
    RUN = {
        "description": "Side by side!", "date": "2026-11-23", "commit": "abc+", "versions": {"haproxy": "2.6"},
        "machine": {"cpu": "C", "cores": 2, "memory_gib": 8, "kernel": "6"},
        "settings": {"rounds": 1, "seconds": 8, "connections": 64, "body_bytes": 66},
        "medians": report.medians([cell("haproxy"), cell("direct", proxy_cpu_us=0.0)], {"haproxy": 1.06}),
        "goals": [{"goal": "g", "met": False}], "remarks": ["r"],
    }

    def test_markdown_has_a_row_a_way_and_a_dash_for_nothing(self):
        text = report.markdown(self.RUN)
        self.assertIn("| haproxy | 10.0 (10.0–10.0) | 1.00 | 5.0 | 1,000 | 1.00 | 1.00 | 2.00 | 8.0 | 1.1 | 1 |", text)
        self.assertIn("| direct | – | – | 5.0 |", text)
        self.assertIn("goal MISSED: g", text)
        self.assertIn("caution: r", text)

    def test_a_result_is_never_overwritten(self):
        with tempfile.TemporaryDirectory() as directory:
            names = [report.save(self.RUN, Path(directory)) for _ in range(2)]
            self.assertEqual(names, ["2026-11-23-side-by-side.md", "2026-11-23-side-by-side-2.md"])
            self.assertEqual(len(list(Path(directory).iterdir())), 4)


class Noise(unittest.TestCase):
    def test_neighbours_are_named(self):
        found = report.remarks(list(rows(cell("nginx", foreign_cpu=0.2), cell("haproxy")).values()), [])
        self.assertEqual(len(found), 1)
        self.assertIn("20%", found[0])
        self.assertNotIn("haproxy", found[0])
