"""The configurations of the peers, as far as they can be judged without starting them."""

import unittest

from lib import peers


class Templates(unittest.TestCase):
    def test_a_value_goes_in_and_a_missing_one_is_refused(self):
        self.assertEqual(peers.fill("bind @PORT@; $host @ x@y.z", {"PORT": 80}), "bind 80; $host @ x@y.z")
        with self.assertRaises(KeyError):
            peers.fill("@NOBODY@", {"PORT": 80})

    def test_every_peer_is_held_to_one_thread(self):
        limits = {"switchyard.yaml": "threads: 1", "haproxy.cfg": "nbthread 1", "nginx.conf": "worker_processes 1;"}
        templates = [path.name for path in peers.TEMPLATES.iterdir()]
        self.assertEqual(sorted(templates), sorted(limits))
        for name, limit in limits.items():
            lines = [line.strip() for line in (peers.TEMPLATES / name).read_text().splitlines()]
            self.assertIn(limit, lines, name)
