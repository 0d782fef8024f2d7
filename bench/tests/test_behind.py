"""The rows in which a peer is as good or better are found, not chosen."""

import unittest

from lib import behind
from lib.scenarios import CHURN, KEYED, LATENCY, SLOW
from tests.runs import run


def rows(result, **changes):
    """The rows after a change of figures: (point's start, way) → figures."""
    for row in result["medians"]:
        for figures in [figures for way, figures in changes.items() if row["way"] == way]:
            row.update(figures)
    return behind.rows(result)


class Rows(unittest.TestCase):
    def test_a_clear_lead_is_not_a_row_and_a_narrow_one_is(self):
        lead = {"proxy_cpu_us": 10.0, "rate": 1060.0, "p99_ms": 1.8, "p999_ms": 2.8}
        self.assertEqual(rows(run((SLOW,)), switchyard=lead), [])
        found = rows(run((SLOW,)), switchyard={**lead, "rate": 1040.0})
        self.assertEqual({row[1] for row in found}, {"requests/s"})
        self.assertAlmostEqual(found[0][-1], 1000 / 1040)

    def test_the_best_peer_is_named_and_our_other_ways_are_none(self):
        found = rows(run((SLOW,)), nginx={"p99_ms": 1.0}, **{"switchyard-pooled": {"p99_ms": 0.1}})
        worst = found[0]
        self.assertEqual((worst[1], worst[4], worst[5], worst[6]), ("p99", "nginx", 1.0, 2.0))

    def test_at_a_constant_rate_requests_are_not_compared(self):
        found = [row for row in behind.rows(run((LATENCY,))) if row[0].startswith(LATENCY.title)]
        self.assertEqual({row[1] for row in found}, {"CPU a request", "p99", "p99.9"})

    def test_figures_that_are_missing_make_no_row(self):
        missing = dict.fromkeys(("proxy_cpu_us", "rate", "p99_ms", "p999_ms"))
        self.assertEqual(rows(run((SLOW,)), switchyard=missing), [])
        found = rows(run((SLOW,)), nginx=missing)
        self.assertEqual({row[4] for row in found}, {"haproxy"})

    def test_a_peer_that_keeps_a_client_with_one_substation_counts_only_with_new_connections(self):
        found = rows(run((KEYED, CHURN)), sozu={"p99_ms": 0.1})
        self.assertEqual({row[0] for row in found if row[4] == "sozu"}, {f"{CHURN.title}: 64"})
