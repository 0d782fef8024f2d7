"""Slow substations: the judgement, the table, and the configurations of the proxies."""

import tempfile
import unittest
from pathlib import Path

import slow as program
from lib import command, peers, slow, slow_peers, slow_rig


def loop(rate):
    return {"rate": rate, "p50_ms": 1.0, "p99_ms": 50.0}


def filled(name):
    template = next(peer.template for peer in peers.peers(Path("bin")) if peer.name == name)
    values = {"PORT": 1, "ADMIN": 2, "THREADS": 1, "MORE": "", "MAX_CLIENTS": 9}
    return peers.fill((peers.TEMPLATES / template).read_text(), values, [7001, 7002, 7003])


class Judgement(unittest.TestCase):
    def broken(self, row, **figures):
        return [one.name for one in slow.broken({row: figures})]

    def test_a_closed_loop_is_compared_with_the_better_peer(self):
        self.assertEqual(self.broken("slow-50", switchyard=loop(91), haproxy=loop(100), envoy=loop(10)), [])
        self.assertEqual(self.broken("slow-50", switchyard=loop(89), haproxy=loop(100), envoy=loop(10)), ["slow-50"])
        self.assertEqual(self.broken("slow-50", switchyard=loop(1)), [], "alone there is nothing to compare with")

    def test_failures_have_a_limit_whatever_the_peers_lose(self):
        for failed, broken in ((10, []), (11, ["silent"])):
            self.assertEqual(self.broken("silent", switchyard={"failed": failed}, haproxy={"failed": 500}), broken)

    def test_clients_that_a_frozen_one_did_not_hold_go_on(self):
        for during, broken in ((46, []), (45, ["frozen"])):
            ours = {"before": 64, "during": during, "held": 16, "clients": 64}
            self.assertEqual(self.broken("frozen", switchyard=ours), broken)

    def test_a_row_without_ours_breaks_nothing(self):
        self.assertEqual(self.broken("silent", haproxy={"failed": 500}), [])


class Moments(unittest.TestCase):
    def test_a_moment_is_lost_if_fewer_than_half_of_its_requests_are_answered_well(self):
        def moment(offered, answered, refused=0):
            return {"offered": offered, "answered": answered, "refused": refused, "seconds": 0.5}

        self.assertEqual(slow.lost_seconds([moment(10, 5), moment(10, 4), moment(10, 9, 5), moment(0, 0)]), 1.0)


class Table(unittest.TestCase):
    def test_each_case_has_its_rows_and_a_broken_promise_is_bold(self):
        self.assertLessEqual(set(slow_rig.CASES), {row.name for row in slow.ALL})
        cells = {"silent": {"switchyard": {"failed": 11, "sent": 7000}, "envoy": {"failed": 200, "sent": 7000}}}
        lines = slow.markdown(cells, ["switchyard", "haproxy", "envoy"])
        self.assertEqual(len(lines), 3)
        self.assertTrue(lines[2].endswith("| ≤ 10 | **11 of 7,000** | – | 200 of 7,000 |"), lines[2])

    def test_the_document_has_the_block(self):
        self.assertIn(f"<!-- {program.MARK} -->", program.DOCUMENT.read_text())


class Parts(unittest.TestCase):
    def test_a_run_in_parts_is_whole_once_each_row_has_each_proxy(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "parts.json"
            for row in slow.ALL:
                self.assertFalse(program.is_whole(program.kept(file, {}), ["switchyard", "envoy"]))
                program.kept(file, {row.name: {"switchyard": {"rate": 1}}})
                program.kept(file, {row.name: {"switchyard": {"rate": 2}, "envoy": {"rate": 3}}})
            whole = program.kept(file, {})
            self.assertTrue(program.is_whole(whole, ["switchyard", "envoy"]))
            self.assertEqual(whole["silent"], {"switchyard": {"rate": 2}, "envoy": {"rate": 3}})


class Configurations(unittest.TestCase):
    def test_envoys_endpoints_move_to_a_file_of_their_own(self):
        head, endpoints = slow_peers.watched(filled("envoy"), "/d/endpoints.yaml")
        self.assertIn("type: EDS\n      eds_cluster_config:", head)
        self.assertNotIn("7001", head)
        self.assertTrue(all(str(port) in endpoints for port in (7001, 7002, 7003)))
        self.assertIn('\n    cluster_name: substations\n', endpoints)
        with self.assertRaises(ValueError):
            slow_peers.watched("clusters: []", "f")

    def test_inference_servers_get_time(self):
        ours = slow_rig.patient("switchyard", filled("switchyard"), [7001, 7002, 7003])
        self.assertTrue(ours.startswith("listen: 127.0.0.1:1\n"))
        self.assertIn("{name: gpu3, address: 127.0.0.1:7003, capacity: 64}", ours)
        self.assertIn("upstream_path: /charge", ours)
        self.assertIn("  metric: substation_current_load\n", ours)
        self.assertIn("timeout server 2m", slow_rig.patient("haproxy", filled("haproxy"), []))
        self.assertIn("timeout: 120s", slow_rig.patient("envoy", filled("envoy"), []))
        with self.assertRaises(ValueError):
            slow_rig.patient("haproxy", "timeout server 9s", [])

    def test_the_example_that_is_measured_is_the_one_that_is_shipped(self):
        self.assertTrue(slow_rig.INFERENCE.is_relative_to(command.ROOT))


if __name__ == "__main__":
    unittest.main()
