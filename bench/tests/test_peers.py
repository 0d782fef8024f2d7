"""The configurations of the peers, as far as they can be checked without starting them."""

import tempfile
import re
import unittest
from pathlib import Path

import profiling
from lib import catalogue, peers, upstream
from lib.processes import BenchError

PORTS = [5001, 5002, 5003]


def written(name, threads=1):
    peer = next(peer for peer in peers.peers(Path("bin"), "envoy") if peer.name == name)
    with tempfile.TemporaryDirectory() as folder:
        config, port = peers.write(peer, Path(folder) / "peer", PORTS, threads, 100)
        return peer, Path(config).read_text(), peer.command(config, port, threads), port


class Fill(unittest.TestCase):
    def test_placeholders_are_replaced_and_a_missing_value_is_an_error(self):
        self.assertEqual(peers.fill("bind @PORT@; $host @ x@y.z", {"PORT": 80}), "bind 80; $host @ x@y.z\n")
        with self.assertRaises(KeyError):
            peers.fill("@MISSING@", {"PORT": 80})

    def test_a_line_about_a_substation_is_repeated_for_each(self):
        self.assertEqual(peers.fill("a\n s@NUMBER@ :@SUBSTATION@ @X@\nb", {"X": "x"}, [7, 9]), "a\n s1 :7 x\n s2 :9 x\nb\n")


class Templates(unittest.TestCase):
    def test_every_peer_gets_the_same_number_of_threads(self):
        limits = {"switchyard": "threads: 2", "switchyard-pooled": "threads: 2", "plain": "threads: 2",
                  "haproxy": "nbthread 2", "nginx": "worker_processes 2;"}
        for name, limit in limits.items():
            _, text, _, _ = written(name, threads=2)
            self.assertIn(limit, [line.strip() for line in text.splitlines()], name)
        _, _, argv, _ = written("envoy", threads=2)
        self.assertEqual(argv[argv.index("--concurrency") + 1], "2")

    def test_each_protocol_of_each_proxy_has_a_configuration_and_its_certificate(self):
        for peer in peers.peers(Path("bin")):
            for protocol in peer.speaks:
                with tempfile.TemporaryDirectory() as folder:
                    config, _ = peers.write(peer, Path(folder) / "peer", PORTS, 1, 100, protocol)
                    text = Path(config).read_text()
                    self.assertNotRegex(text, r"@[A-Z_0-9]+@", f"{peer.name}, {protocol}")
                    self.assertEqual(f"{folder}/tls." in text, "TLS" in protocol, f"{peer.name}, {protocol}")

    def test_those_with_tls_to_substations_check_the_certificate(self):
        for peer in peers.peers(Path("bin")):
            if peer.secures is None:
                continue
            with tempfile.TemporaryDirectory() as folder:
                config, _ = peers.write(peer, Path(folder) / "peer", PORTS, 1, 100, secure=True)
                text = Path(config).read_text()
                self.assertRegex(text, rf"(ca:|ca-file|trusted_certificate) {folder}/tls.crt", peer.name)
                self.assertIn("localhost", text, peer.name)

    def test_those_with_answers_that_stream_know_their_paths(self):
        known = {"switchyard": "{path: /v1/, lasts: answer}", "plain": "vllm:num_requests_waiting", "haproxy": "option http-no-delay",
                 "nginx": "proxy_buffering off;", "envoy": "{prefix: /v1/}"}
        for peer in peers.peers(Path("bin")):
            if peer.streams is None:
                self.assertNotIn(peer.name, known)
                continue
            with tempfile.TemporaryDirectory() as folder:
                config, _ = peers.write(peer, Path(folder) / "peer", PORTS, 1, 100, streams=True)
                text = Path(config).read_text()
                self.assertIn(known[peer.name], text)
                self.assertNotRegex(text, r"@[A-Z_0-9]+@", peer.name)

    def test_haproxy_has_a_buffer_for_larger_bodies(self):
        peer = next(peer for peer in peers.peers(Path("bin")) if peer.name == "haproxy")
        for large, size in ((False, 16384), (True, 65536)):
            with tempfile.TemporaryDirectory() as folder:
                config, _ = peers.write(peer, Path(folder) / "peer", PORTS, 1, 100, large=large)
                self.assertIn(f"tune.bufsize {size} ", Path(config).read_text())

    def test_every_proxy_says_what_a_reader_must_know(self):
        for peer in peers.peers(Path("bin")):
            self.assertTrue(peer.note, peer.name)

    def test_every_configuration_has_every_substation_and_its_own_port(self):
        for peer in peers.peers(Path("bin")):
            _, text, argv, port = written(peer.name)
            for each in PORTS:
                # As a number of its own: the name of the temporary folder may contain its digits.
                self.assertEqual(len(re.findall(rf"(?<![\w/-]){each}\b", text)), 1, peer.name)
            self.assertIn(str(port), text + " ".join(argv), peer.name)

    def test_every_template_is_used(self):
        used = {peer.template for peer in peers.peers(Path("bin"))} | {profiling.PATIENT, upstream.TEMPLATE}
        self.assertEqual({path.name for path in peers.TEMPLATES.iterdir()}, used)

    def test_pooled_differs_in_one_key_only(self):
        def without_ports(name):
            _, text, _, port = written(name)
            return set(text.replace(str(port), "PORT").replace(str(port + 1), "ADMIN").splitlines())

        self.assertEqual(without_ports("switchyard") ^ without_ports("switchyard-pooled"), {"", catalogue.POOLED} - {""})


class Missing(unittest.TestCase):
    def test_a_missing_program_is_named(self):
        with self.assertRaisesRegex(BenchError, "/nowhere/envoy"):
            peers.find(next(peer for peer in peers.peers(Path("bin"), "/nowhere/envoy") if peer.name == "envoy"))
        peers.find(peers.Peer("p", "haproxy.cfg", lambda config, port, threads: ["sh"]))


class Refusal(unittest.TestCase):
    def test_a_build_that_does_not_know_the_key_is_found_by_its_check(self):
        def peer(argv):
            return peers.Peer("p", "switchyard.yaml", None, more="new: key", check=lambda config: argv)

        with tempfile.TemporaryDirectory() as folder:
            self.assertIn("`new: key`", peers.refusal(peer(["false"]), Path(folder) / "1"))
            self.assertIsNone(peers.refusal(peer(["true"]), Path(folder) / "2"))
            self.assertIsNone(peers.refusal(peers.Peer("p", "haproxy.cfg", None), Path(folder) / "3"))
