"""Reads the reports of three load generators, and compares what they offer."""

import json
import re
import unittest
from pathlib import Path

from lib import generators

BENCH = Path(__file__).resolve().parent.parent
REQUESTER = BENCH.parent / "requester/src"


def home():
    """The requester's table of cars at home, in thousandths of a percent for each quarter of an hour."""
    sources = [path.read_text() for path in REQUESTER.rglob("*.rs")]
    (source,) = [text for text in sources if "const HOME" in text]
    table = source.split("const HOME", 1)[1].split("];", 1)[0]
    return [int(number) for number in re.findall(r"\b(\d+),", table.split("= [", 1)[1])]


class Reports(unittest.TestCase):
    def test_requester(self):
        report = {"offered": {"requests": 12}, "answers": {"200": 9, "201": 1, "503": 1},
                  "latency_seconds": {"p50": 0.001, "p99": 0.002}, "errors": {"by_kind": {"broken": 1, "connect": 0}}}
        result = generators.from_requester(json.dumps(report), 0.5)
        self.assertEqual((result.requests, result.succeeded, result.errors), (12, 10, {"broken": 1}))
        self.assertEqual((result.p50_ms, result.p99_ms, result.cpu_seconds), (1.0, 2.0, 0.5))

    def test_oha_writes_an_object_for_each_hour(self):
        def hour(p50, statuses, errors=None):
            return json.dumps({"statusCodeDistribution": statuses, "errorDistribution": errors or {},
                               "latencyPercentiles": {"p50": p50, "p99": 2 * p50}}, indent=2)
        result = generators.from_oha(hour(0.001, {"200": 30}) + "\n" + hour(0.002, {"200": 9, "503": 1}, {"refused": 2}), 0)
        self.assertEqual((result.requests, result.succeeded, result.errors), (42, 39, {"refused": 2}))
        self.assertAlmostEqual(result.p50_ms, 1.25)


class Offered(unittest.TestCase):
    def test_the_tables_are_those_of_the_requester(self):
        table = home()
        self.assertEqual(len(table), 96)
        evening = table[64:88]
        lua = (BENCH / "rush-hour.lua").read_text().split("QUARTERS = {", 1)[1].split("}", 1)[0]
        self.assertEqual([round(1000 * float(number)) for number in re.findall(r"[\d.]+", lua)], evening)
        hours = re.search(r"for percent in ([\d. ]+);", (BENCH / "rush-hour.sh").read_text())[1].split()
        sums = [sum(evening[at:at + 4]) for at in range(0, 24, 4)]
        for hour, total in zip(hours, sums, strict=True):
            self.assertAlmostEqual(float(hour), total / 1000, delta=0.002)

    def test_the_bodies_are_charge_requests(self):
        lines = (BENCH / "bodies.jsonl").read_text().splitlines()
        self.assertEqual(len(lines), 200)
        for line in lines:
            self.assertEqual(sorted(json.loads(line)), ["energy_kwh", "power_kw", "vehicle_id"])
