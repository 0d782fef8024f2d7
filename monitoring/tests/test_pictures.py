"""The pictures show what was measured."""

import re
import unittest
from xml.etree import ElementTree

from monitoring.lib import sources
from monitoring.pictures import __main__ as pictures
from monitoring.pictures import svg

TIMES = (0, 100)
STATES = {1: ("up", "#0f0"), 2: ("down", "#f00")}


def drawn(*arguments, **options):
    """A picture with one panel, as XML, which fails if it is not well-formed."""
    return ElementTree.fromstring(svg.sheet([svg.panel(*arguments, **options)]))


def paths(sheet):
    return [path.get("d") for path in sheet.iter("{http://www.w3.org/2000/svg}path")]


class Panels(unittest.TestCase):
    def test_numbers_have_prefixes_and_units(self):
        cases = [(0.0032, "s", "3.2 ms"), (2, "s", "2 s"), (75, "reqps", "75/s"), (1500, "ops", "1.5k/s"),
                 (0.5, "percentunit", "50 %"), (20_000, "kwatt", "20 MW"), (0, "s", "0 s"), (1, "none", "1"), (0.5, "none", "0.5")]
        for value, unit, text in cases:
            self.assertEqual(svg.readable(value, unit), text)

    def test_axes_have_round_numbers(self):
        self.assertEqual(svg.ticks(0, 86), [0, 25, 50, 75])
        self.assertEqual(svg.ticks(0, 1.2), [0, 0.5, 1])

    def test_a_line_follows_its_values_and_has_a_gap_without_values(self):
        (path,) = paths(drawn("x < y", "none", [("a", [(0, 0), (1, 10), (60, 10), (61, 5)], False)], TIMES))
        self.assertEqual(re.findall("[ML]", path), ["M", "L", "M", "L"])
        heights = [float(y) for y in re.findall(r"[ML]\S+ (\S+?)(?=[ML]|$)", path)]
        self.assertEqual(heights[0], svg.HEIGHT - svg.BOTTOM)
        self.assertLess(heights[1], heights[3])
        self.assertEqual(heights[1], heights[2])

    def test_stacked_series_lie_on_top_of_each_other(self):
        (low, high) = svg.stack([("a", [(0, 1), (1, 2)], False), ("b", [(0, 3), (1, 4)], False)])
        self.assertEqual(low[1:], ([(0, 1), (1, 2)], False, [(0, 0), (1, 0)]))
        self.assertEqual(high[1:], ([(0, 4), (1, 6)], False, [(0, 1), (1, 2)]))

    def test_states_are_bands_over_their_time(self):
        self.assertEqual(list(svg.runs([(0, 1), (1, 1), (2, 2), (3, 2), (4, 1), (5, 1)])), [(0, 2, 1), (2, 4, 2), (4, 5, 1)])
        sheet = drawn("States", "none", [("a", [(0, 1), (50, 2), (100, 2)], False)], TIMES, words=STATES)
        colours = [one.get("fill") for one in sheet.iter("{http://www.w3.org/2000/svg}rect") if one.get("fill-opacity")]
        self.assertEqual(colours, ["#0f0", "#f00"])

    def test_a_panel_without_data_is_empty(self):
        self.assertEqual(paths(drawn("x", "s", [("a", [], False)], TIMES, log=True)), [])


class Committed(unittest.TestCase):
    def test_the_picture_shows_existing_panels(self):
        titles = {panel["title"] for board in sources.dashboards().values() for panel in sources.panels(board)}
        self.assertLessEqual(set(pictures.SHOWN), titles)
        sheet = ElementTree.parse(sources.ROOT / "docs" / "dashboards.svg")
        shown = [text.text for text in sheet.iter("{http://www.w3.org/2000/svg}text") if text.get("class") == "title"]
        self.assertEqual(shown, pictures.SHOWN)


if __name__ == "__main__":
    unittest.main()
