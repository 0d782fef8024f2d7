"""The pictures are well-formed SVG and show what was measured."""

import unittest
from xml.etree import ElementTree

from lib import pictures
from lib.scenarios import IDLE, LATENCY, SLOW
from tests.runs import run

SVG = "{http://www.w3.org/2000/svg}"


def drawn(result):
    return {scenario: ElementTree.fromstring(svg) for scenario, _, svg in pictures.pictures(result)}


class Pictures(unittest.TestCase):
    def test_each_proxy_has_a_line_in_both_panels(self):
        svg = drawn(run())["connections"]
        self.assertEqual(len(svg.findall(f".//{SVG}path[@class='line']")), 2 * 8)
        self.assertEqual(len(svg.findall(f".//{SVG}circle")), 2 * (7 * 4 + 1))
        self.assertIn("prefers-color-scheme: dark", svg.find(f"{SVG}style").text)

    def test_each_way_has_a_bar_for_each_quantile(self):
        svg = drawn(run())["latency"]
        self.assertEqual(len(svg.findall(f".//{SVG}rect/{SVG}title")), 3 * 7)
        self.assertIn("6,500 requests/s", "".join(svg.itertext()))

    def test_everything_is_inside_the_picture(self):
        for svg in drawn(run()).values():
            _, _, width, height = map(float, svg.get("viewBox").split())
            for rect in svg.iter(f"{SVG}rect"):
                x, y, w, h = (float(rect.get(name)) for name in ("x", "y", "width", "height"))
                self.assertTrue(0 <= x and x + w <= width and 0 <= y and y + h <= height, rect.attrib)

    def test_scenarios_that_were_not_measured_have_no_picture(self):
        self.assertEqual(drawn(run((SLOW, IDLE))), {})
        self.assertEqual(list(drawn(run((LATENCY,)))), ["latency"])

    def test_axes_have_at_most_eight_round_steps_from_zero(self):
        for top, step in [(1, 0.2), (7.9, 1), (8, 1), (8.1, 2), (50000, 10000), (0.03, 0.005)]:
            ticks = pictures.steps([top])
            self.assertAlmostEqual(ticks[1], step)
            self.assertEqual(ticks[0], 0)
            self.assertTrue(ticks[-2] < top <= ticks[-1] + 1e-9, ticks)

    def test_logarithmic_axes_have_powers_of_ten(self):
        self.assertEqual(pictures.decades([0.2, 50]), [0.1, 1, 10, 100])
        self.assertEqual(pictures.decades([1]), [1, 10])
