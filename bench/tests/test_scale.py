"""The arithmetic of `make bench-scale`, on numbers that can be worked out by hand."""

import unittest

import scale


class Numbers(unittest.TestCase):
    def test_three_figures_are_kept(self):
        said = {0.5: "0.5", 12.34: "12.3", 999.4: "999", 1234: "1,230", 83_184_000: "83,200,000"}
        for value, text in said.items():
            self.assertEqual(scale.number(value), text)


class Fleets(unittest.TestCase):
    def setUp(self):
        # A proxy has 100 series of its own and 80 for each substation; a look costs it 50 µs, and a substation 100.
        page = {count: (0, 100 + 80 * count, 0) for count in (100, 1000)}
        cost = {"asking": 50e-6, "answering": 100e-6}
        found = {10: {"gauge": (4000, 40, 0)}, **{count: {"page": page[count], **cost} for count in page}}
        self.rows = {tuple(row[:2]): row[2:] for row in scale.fleets(found)}

    def test_what_multiplies_is_looking(self):
        looking, looks, answering, network, series, samples = self.rows["100", "1,000"]
        self.assertEqual(looking, "10 %")  # 1,000 substations · 2 a second · 50 µs
        self.assertEqual(looks, "200")  # 100 proxies · 2 a second
        self.assertEqual(answering, "2 %")
        self.assertEqual(network, "6,400")  # 200,000 looks a second · 4,000 bytes · 8
        self.assertEqual(series, "8,050,000")  # 100 · (100 + 80,000) + 1,000 · 40
        self.assertEqual(samples, "1,610,000")


if __name__ == "__main__":
    unittest.main()
