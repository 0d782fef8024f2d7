"""The attacks: their names and doors, their judgement, their table, the configurations of the attacked."""

import re
import tempfile
import unittest
from pathlib import Path

from lib import attacked, attacks, command, peers

CATALOGUE = command.ROOT / "crates/faults/src/hostile/catalogue.rs"


def raw(growth=0, calm=1.0, p99=1.0, cpu=0.0, hostile=1_000_000, units=0):
    return {
        "resident": {"before": 10 * 2**20, "most": (10 + growth) * 2**20, "after": 10 * 2**20},
        "cpu_seconds": {"calm": 1.0, "attacked": 1.0 + cpu},
        "calm": {"p99_ms": calm, "sent": 100, "failed": 0},
        "attacked": {"p99_ms": p99, "sent": 100, "failed": 0},
        "hostile": {"bytes": hostile, "units": units},
    }


def find(name, door):
    return next(attack for attack in attacks.ALL if (attack.name, attack.door) == (name, door))


PING = find("ping", attacks.HTTP2)


class Names(unittest.TestCase):
    def test_every_attack_of_the_catalogue_is_run_and_no_other(self):
        known = set(re.findall(r'^        "([a-z0-9-]+)" =>', CATALOGUE.read_text(), re.MULTILINE))
        self.assertEqual({attack.name for attack in attacks.ALL}, known)
        rows = [(attack.name, attack.door) for attack in attacks.ALL]
        self.assertEqual(len(rows), len(set(rows)))


class Judgement(unittest.TestCase):
    def cells(self, ours, nginx, haproxy):
        ways = zip([attacks.OURS, "nginx", "haproxy"], [ours, nginx, haproxy])
        return [attacks.cell(PING, way, each) for way, each in ways]

    def test_memory_is_compared_with_the_better_of_both(self):
        self.assertEqual(attacks.losses(self.cells(raw(growth=10), raw(growth=9), raw(growth=200))), [])
        [line] = attacks.losses(self.cells(raw(growth=40), raw(growth=300), raw(growth=2)))
        self.assertIn("40 MiB, and 2", line)

    def test_a_p99_that_is_more_than_doubled_or_unknown_is_a_loss(self):
        self.assertEqual(attacks.losses(self.cells(raw(calm=8, p99=15), raw(), raw())), [])
        self.assertEqual(attacks.losses(self.cells(raw(calm=1, p99=4), raw(), raw())), [])
        for p99 in (17, None):
            self.assertEqual(len(attacks.losses(self.cells(raw(calm=8, p99=p99), raw(), raw()))), 1, p99)

    def test_cpu_time_is_what_the_attack_took_more_and_none_if_it_sent_little(self):
        one = attacks.cell(PING, "nginx", raw(cpu=0.5, hostile=10_000_000, units=50_000))
        self.assertAlmostEqual(one.ns_per_byte, 50)
        self.assertAlmostEqual(one.us_per_unit, 10)
        few = attacks.cell(PING, "nginx", raw(cpu=0.5, hostile=1_000, units=10))
        self.assertEqual((few.ns_per_byte, few.us_per_unit), (None, None))
        self.assertEqual(attacks.cell(PING, "nginx", raw(cpu=-0.5)).ns_per_byte, 0)


class Table(unittest.TestCase):
    def test_a_row_for_each_attack_and_an_empty_cell_for_a_proxy_that_has_no_such_door(self):
        cells = [attacks.cell(PING, "nginx", raw(growth=3, cpu=0.5, hostile=10_000_000, units=50_000, p99=30)),
                 attacks.cell(find("idle", attacks.ADMIN), attacks.OURS, raw(p99=None))]
        lines = attacks.markdown(cells, [attacks.OURS, "nginx"])
        self.assertEqual(len(lines), 4)
        self.assertIn("| HTTP/2 | PING | 8 |  |  |  | +3.0 | 10 µs/frame | **1.0 → 30** |", lines)
        self.assertIn("| admin port | connections that say nothing | 4,000 | +0.0 | 0.0 ns/B | **1.0 → –** |  |  |  |", lines)


class Configurations(unittest.TestCase):
    def test_every_proxy_has_a_template_and_each_placeholder_a_value(self):
        every = {peer.name: peer for peer in peers.peers(Path("bin"))}
        self.assertEqual({every[way].template for way in attacked.WAYS}, {path.name for path in attacked.TEMPLATES.iterdir()})
        for way in attacked.WAYS:
            for door in (attacks.HTTP1, attacks.HTTP2, attacks.TLS):
                with tempfile.TemporaryDirectory() as folder:
                    crt = (Path(folder) / "own.crt", Path(folder) / "own.crt.key")
                    shown = attacked.more(way, door, 7000, crt)
                    self.assertEqual(str(crt[0]) in shown, door == attacks.TLS, way)
                    text = (attacked.TEMPLATES / every[way].template).read_text()
                    self.assertIn("@MORE@", text)
                self.assertIn(door, attacked.doors(way, 7000))


if __name__ == "__main__":
    unittest.main()
