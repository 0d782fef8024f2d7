"""Inference servers behind several proxies: the plan, the figures, the table."""

import unittest

import inference as program
from lib import inference
from lib.inference import OURS, SLOTS, Figures
from lib.processes import BenchError


def even(uneven, **more):
    return Figures(**{"uneven": uneven, "wasted": 0.0, "first_ms": 9.0, "first_p99_ms": 90.0, "failed": 0, "sent": 2000, **more})


class Plan(unittest.TestCase):
    def test_the_same_requests_come_at_the_same_moments_with_a_long_tail(self):
        requests = inference.planned(60, 1)
        self.assertEqual(requests, inference.planned(60, 1))
        self.assertNotEqual(requests, inference.planned(60, 2))
        lengths = sorted(request.tokens for request in requests)
        self.assertGreater(sum(lengths[-len(lengths) // 10:]), 0.3 * sum(lengths))
        self.assertTrue(all(0 <= request.by < 1 for request in requests))
        # Four fifths of what the servers can make at most.
        self.assertAlmostEqual(sum(lengths) / 60 / (8 * 16 / 0.00875), 0.8, delta=0.1)


class Looks(unittest.TestCase):
    def test_the_figures_are_those_of_the_looks_and_the_answers(self):
        full, room = (SLOTS, 1), (SLOTS - 1, 0)
        found = inference.figures([[full, room], [full, full], [room, room], [(0, 0), (0, 0)]],
                                  [(200, 0.1), (200, 0.3), (503, None), (0, 0.2)])
        self.assertAlmostEqual(found.uneven, (17 * 2 / 32 + 1 + 1) / 3)
        self.assertEqual((found.wasted, found.failed, found.sent), (0.25, 2, 4))
        self.assertAlmostEqual(found.first_ms, 200)

    def test_without_load_or_answers_there_is_nothing_to_say(self):
        for looks, told in [([[(0, 0)]], [(200, 0.1)]), ([[(1, 0)]], [(503, 0.1)])]:
            with self.assertRaises(BenchError):
                inference.figures(looks, told)


class Table(unittest.TestCase):
    def test_ours_is_bold_where_a_peer_is_as_even(self):
        cells = {1: {OURS: even(1.2), "haproxy, leastconn": even(1.2)}, 4: {OURS: even(1.1), "haproxy, leastconn": even(1.3)}}
        lines = inference.markdown(cells)
        self.assertIn("| 1 | switchyard | **1.200** | 0.0% | 9 | 90 | 0 | 2,000 |", lines)
        self.assertIn("| 4 | switchyard | 1.100 |", "\n".join(lines))
        self.assertTrue(inference.best({OURS: even(1.2)}), "alone there is nothing to compare with")

    def test_the_document_has_the_block(self):
        self.assertIn(f"<!-- {program.MARK} -->", program.DOCUMENT.read_text())


if __name__ == "__main__":
    unittest.main()
