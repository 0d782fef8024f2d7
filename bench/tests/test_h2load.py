"""The summary and the log of h2load."""

import tempfile
import unittest
from pathlib import Path

from lib import clients, h2load, wrk
from lib.loads import Loads
from lib.points import CLEAR2, HTTP1, HTTP2, TLS, Point
from lib.processes import BenchError

OUTPUT = """\
Application protocol: h2
finished in 2.00s, 2.00 req/s, 1.00KB/s
requests: 6 total, 6 started, 4 done, 4 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 4 2xx, 0 3xx, 0 4xx, 0 5xx
"""
LOG = "1795921373621771\t200\t4000\n1795921373621781\t200\t1000\n1795921373621786\t200\t2000\n1795921373621799\t200\t3000\n"


class Parse(unittest.TestCase):
    def test_reads_counts_and_quantiles(self):
        load = h2load.parse(OUTPUT, LOG, HTTP2)
        self.assertEqual((load.requests, load.seconds, load.rate, load.errors), (4, 2.0, 2.0, {}))
        self.assertEqual((load.p50_ms, load.p99_ms, load.max_ms), (3.0, 4.0, 4.0))
        self.assertEqual(h2load.parse(OUTPUT.replace("2.00s", "500.00ms"), LOG, HTTP2).seconds, .5)

    def test_every_answer_but_a_2xx_is_an_error(self):
        output = OUTPUT.replace("0 errored, 0 timeout", "1 errored, 2 timeout").replace("0 3xx, 0 4xx, 0 5xx", "1 3xx, 2 4xx, 3 5xx")
        self.assertEqual(h2load.parse(output, LOG, HTTP2).errors,
                         {"errored": 1, "timeout": 2, "status 3xx": 1, "status 4xx": 2, "status 5xx": 3})

    def test_refuses_another_protocol_no_summary_and_no_answer(self):
        for output, log, protocol in ((OUTPUT, LOG, CLEAR2), (OUTPUT, LOG, TLS), (OUTPUT.split("\n")[0], LOG, HTTP2),
                                      ("", LOG, HTTP2), (OUTPUT, "", HTTP2)):
            with self.assertRaises(BenchError):
                h2load.parse(output, log, protocol)

    def test_the_name_of_the_certificate_stands_for_the_address(self):
        self.assertEqual(h2load.named("https://127.0.0.1:99/charge"), "https://localhost:99/charge")


class Bodies(unittest.TestCase):
    def test_a_charge_is_as_large_as_asked_and_still_a_charge(self):
        for size in (4096, 32768):
            found = clients.body(size)
            self.assertEqual(len(found), size)
            self.assertTrue(found.startswith(clients.BODY[:-1]) and found.endswith(b'"}'))
        self.assertEqual(clients.body(0), clients.BODY)

    def test_a_file_has_the_body_of_the_point(self):
        with tempfile.TemporaryDirectory() as folder:
            loads = Loads(Path("bin"), Path(folder))
            self.assertEqual(loads._body(Point(body_kib=4)).stat().st_size, 4096)
            self.assertEqual(loads._body(Point()).read_bytes(), clients.BODY)

    def test_wrk_is_told_of_bodies_keys_and_connections(self):
        self.assertEqual(wrk.arguments(), [])
        self.assertEqual(wrk.arguments("f", close=True), ["--", "body=f", "close"])
        first, second = (wrk.arguments(keyed=True)[1] for _ in range(2))
        self.assertTrue(first.startswith("keys=") and first != second, (first, second))


class Protocols(unittest.TestCase):
    def test_each_has_flags_and_a_name(self):
        self.assertEqual(set(h2load.FLAGS), {HTTP1, TLS, HTTP2, CLEAR2})
        self.assertEqual(set(h2load.SPOKEN), set(h2load.FLAGS))
