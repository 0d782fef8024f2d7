"""The arithmetic of `make bench-scale`, on numbers that can be worked out by hand."""

import unittest

import scale
from lib.scraping import Scraped


class Numbers(unittest.TestCase):
    def test_three_figures_are_kept(self):
        cases = {0.5: "0.5", 12.34: "12.3", 999.4: "999", 1234: "1,230", 83_184_000: "83,200,000"}
        for value, text in cases.items():
            self.assertEqual(scale.number(value), text)


def size(count):
    """A proxy has 100 series of its own and 80 for each substation; a scrape costs it 50 µs, a substation 100 µs."""
    return scale.Size(proxy_cpu=50e-6, substation_cpu=100e-6, rate=2.0 * count, memory=2048,
                      proxy=scale.Page(1024, 100 + 80 * count, 0.001), substation=scale.Page(4000, 40, 0.0))


class Tables(unittest.TestCase):
    FOUND = {count: size(count) for count in scale.SUBSTATIONS}

    def test_a_fleet_multiplies_the_cost_of_scrapes(self):
        rows = {tuple(row[:2]): row[2:] for row in scale.fleets(self.FOUND)}
        scraping, scrapes, answering, network, series, samples = rows["100", "1,000"]
        self.assertEqual(scraping, "10 %")  # 1,000 substations · 2 a second · 50 µs
        self.assertEqual(scrapes, "200")  # 100 proxies · 2 a second
        self.assertEqual(answering, "2 %")
        self.assertEqual(network, "6,400")  # 200,000 scrapes a second · 4,000 bytes · 8
        self.assertEqual(series, "8,050,000")  # 100 · (100 + 80,000) + 1,000 · 40
        self.assertEqual(samples, "1,610,000")

    def test_each_measured_size_has_a_row(self):
        rows = list(scale.proxies(self.FOUND))
        self.assertEqual(rows[1], ["100", "50", "100", "1 %", "2", "1", "8,100", "1"])
        self.assertEqual([len(row) for row in rows], [len(scale.PROXY_HEAD)] * 3)

    def test_several_proxies_share_neither_their_own_cost_nor_a_substations(self):
        found = Scraped(scrapes=40_000, proxy_cpu=2.0, substations_cpu=4.0, seconds=10)
        row = scale.grid_row(4, 10_000, 2_500, found, memory=2048, size=4_000)
        # A proxy reads 20,000 pages a second at 50 µs each; a substation answers 8 a second at 100 µs each.
        self.assertEqual(row, ["4", "2,500", "4,000", "50", "100", "2", "100 %", "0.08 %", "2,560"])


if __name__ == "__main__":
    unittest.main()
