"""The pictures: is what is drawn what was measured?"""

import re
import unittest
from xml.etree import ElementTree

from monitoring.lib import sources
from monitoring.pictures import __main__ as pictures
from monitoring.pictures import svg

TIMES = (0, 100)
STATES = {1: ("up", "#0f0"), 2: ("down", "#f00")}


def drawn(*arguments, **options):
    """A sheet with one panel, as XML: what is not well-formed fails here."""
    return ElementTree.fromstring(svg.sheet([svg.panel(*arguments, **options)]))


def paths(sheet):
    return [path.get("d") for path in sheet.iter("{http://www.w3.org/2000/svg}path")]


class Panels(unittest.TestCase):
    def test_numbers_read_as_people_write_them(self):
        said = [(0.0032, "s", "3.2 ms"), (2, "s", "2 s"), (75, "reqps", "75/s"), (1500, "ops", "1.5k/s"),
                (0.5, "percentunit", "50 %"), (20_000, "kwatt", "20 MW"), (0, "s", "0 s"), (1, "none", "1"), (0.5, "none", "0.5")]
        for value, unit, text in said:
            self.assertEqual(svg.readable(value, unit), text)

    def test_axes_have_round_numbers(self):
        self.assertEqual(svg.ticks(0, 86), [0, 25, 50, 75])
        self.assertEqual(svg.ticks(0, 1.2), [0, 0.5, 1])

    def test_a_series_is_drawn_where_its_values_are_and_not_where_there_are_none(self):
        (path,) = paths(drawn("x < y", "none", [("a", [(0, 0), (1, 10), (60, 10), (61, 5)], False)], TIMES))
        self.assertEqual(re.findall("[ML]", path), ["M", "L", "M", "L"])
        heights = [float(y) for y in re.findall(r"[ML]\S+ (\S+?)(?=[ML]|$)", path)]
        self.assertEqual(heights[0], svg.HEIGHT - svg.BOTTOM)
        self.assertLess(heights[1], heights[3])
        self.assertEqual(heights[1], heights[2])

    def test_stacked_series_stand_on_each_other(self):
        (low, high) = svg.stack([("a", [(0, 1), (1, 2)], False), ("b", [(0, 3), (1, 4)], False)])
        self.assertEqual(low[1:], ([(0, 1), (1, 2)], False, [(0, 0), (1, 0)]))
        self.assertEqual(high[1:], ([(0, 4), (1, 6)], False, [(0, 1), (1, 2)]))

    def test_states_are_bands_as_long_as_they_last(self):
        self.assertEqual(list(svg.runs([(0, 1), (1, 1), (2, 2), (3, 2), (4, 1), (5, 1)])), [(0, 2, 1), (2, 4, 2), (4, 5, 1)])
        sheet = drawn("States", "none", [("a", [(0, 1), (50, 2), (100, 2)], False)], TIMES, words=STATES)
        colours = [one.get("fill") for one in sheet.iter("{http://www.w3.org/2000/svg}rect") if one.get("fill-opacity")]
        self.assertEqual(colours, ["#0f0", "#f00"])

    def test_a_panel_without_data_is_an_empty_one(self):
        self.assertEqual(paths(drawn("x", "s", [("a", [], False)], TIMES, log=True)), [])


class Committed(unittest.TestCase):
    def test_the_picture_shows_the_panels_that_there_are(self):
        titles = {panel["title"] for board in sources.dashboards().values() for panel in sources.panels(board)}
        self.assertLessEqual(set(pictures.SHOWN), titles)
        sheet = ElementTree.parse(sources.ROOT / "docs" / "dashboards.svg")
        shown = [text.text for text in sheet.iter("{http://www.w3.org/2000/svg}text") if text.get("class") == "title"]
        self.assertEqual(shown, pictures.SHOWN)


if __name__ == "__main__":
    unittest.main()
