"""The arithmetic of `make bench-store`, and that it sends what proxies send."""

import unittest

import store


class Store(unittest.TestCase):
    def test_a_row_says_what_a_claim_costs(self):
        row = store.row("a new key", 16, 100_000, (1.0, 2.0))
        self.assertEqual(row, ["a new key", "32", "10.0", "100,000", "50,000"])

    def test_names_are_as_long_as_those_of_a_proxy(self):
        self.assertEqual(len(store.NAME), len("switchyard:key:") + 32)
        for script in ("claim", "release"):
            self.assertIn("KEYS[1]", (store.SCRIPTS / f"{script}.lua").read_text(encoding="utf-8"))


if __name__ == "__main__":
    unittest.main()
